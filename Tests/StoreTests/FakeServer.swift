import Fixtures
import Glibc
import Linux
import Synchronization

/// A server on a free port of 127.0.0.1 that misbehaves as told: for each connection it runs one script of
/// steps.
final class FakeServer: Sendable {
    enum Step: Sendable {
        /// Waits until the client has sent something, and takes it.
        case take
        case give([UInt8])
        /// One byte every ten milliseconds, until the client has gone.
        case dribble(UInt8)
        /// Sends this again and again until the client has gone.
        case flood([UInt8])
        /// Waits until the client has gone.
        case hold
    }

    static let ok = Array("+OK\r\n".utf8)

    let port: UInt16
    private let listener: Int32
    private let count = Atomic(0)
    private let isStopped = Atomic(false)

    /// The number of connections so far.
    var connections: Int { count.load(ordering: .acquiring) }

    init(_ steps: [Step]) throws {
        let wanted = try RedisServer.freePort()
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        let address = try SocketAddress(host: "127.0.0.1", port: wanted)
        guard address.withSockaddr({ bind(listener, $0, $1) }) == 0, listen(listener, 64) == 0 else {
            throw SystemFault("bind")
        }
        self.listener = listener
        port = wanted
        // The thread closes the listener, and nobody else: a number that is given out again under a thread
        // that still accepts on it would steal another server's connections.
        let thread = try Thread.start(named: "fake") { [weak self] in
            defer { _ = close(listener) }
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0, let self, !self.isStopped.load(ordering: .acquiring) else {
                    if client >= 0 { _ = close(client) }
                    return
                }
                self.count.add(1, ordering: .releasing)
                FakeServer.serve(client, steps)
            }
        }
        thread.detach()
    }

    deinit {
        isStopped.store(true, ordering: .releasing)
        _ = shutdown(listener, Int32(SHUT_RDWR))
    }

    var url: String { "redis://127.0.0.1:\(port)" }

    private static func serve(_ client: Int32, _ steps: [Step]) {
        defer { _ = close(client) }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        for step in steps {
            switch step {
            case .take: guard recv(client, &buffer, buffer.count, 0) > 0 else { return }
            case .give(let bytes): guard give(client, bytes) else { return }
            case .dribble(let byte): while give(client, [byte]) { usleep(10_000) }
            case .flood(let bytes): while give(client, bytes) {}
            case .hold: while recv(client, &buffer, buffer.count, 0) > 0 {}
            }
        }
    }

    private static func give(_ client: Int32, _ bytes: [UInt8]) -> Bool {
        send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }
}
