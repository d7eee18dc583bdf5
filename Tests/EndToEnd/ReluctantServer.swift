import Glibc
import Linux
import Synchronization

/// A server for clients that are slow and to be slow itself: one thread with thousands of connections.
///
/// `/flood` is answered by far more than anybody reads; of what is sent to `/deaf` nothing is read; what is sent to
/// `/drip` is read to its end. All else is answered at once.
final class ReluctantServer: Sendable {
    /// The length of the body that answers `/flood`.
    static let floodBytes = 100 * 1024 * 1024
    /// Little is kept in the kernel, which would take all there is otherwise.
    private static let socketBytes: Int32 = 32 * 1024
    /// As on a network: from loopback's long segments the kernel concludes that it must hold megabytes for each
    /// connection, and gigabytes for all.
    static let segmentBytes: Int32 = 1000

    struct Tally: Sendable, Equatable {
        var floods = 0
        var deaf = 0
        var drips = 0
        /// Bytes of floods that were sent, and bytes of drips that came.
        var moved = 0
    }

    private enum Phase { case head, flood, deaf, drip }

    private struct Connection {
        var phase = Phase.head
        var head: [UInt8] = []
        /// What is left to be sent of a flood, or to come of a drip.
        var left = 0
    }

    private struct State {
        var tally = Tally()
        var stops = false
    }

    let listener: LoopbackListener
    private let state = Mutex(State())

    init() throws {
        listener = try LoopbackListener()
        var bytes = ReluctantServer.socketBytes
        // Connections inherit them.
        setsockopt(listener.descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, 4)
        setsockopt(listener.descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, 4)
        var segment = ReluctantServer.segmentBytes
        setsockopt(listener.descriptor, Int32(IPPROTO_TCP), TCP_MAXSEG, &segment, 4)
        _ = fcntl(listener.descriptor, F_SETFL, O_NONBLOCK)
        let thread = try Thread.start(named: "reluctant") { [self] in run() }
        thread.detach()
    }

    var tally: Tally { state.withLock { $0.tally } }

    func stop() { state.withLock { $0.stops = true } }

    private func run() {
        var connections: [Int32: Connection] = [:]
        while !state.withLock({ $0.stops }) {
            var entries = connections.map { descriptor, connection in
                pollfd(fd: descriptor, events: ReluctantServer.events(connection.phase), revents: 0)
            }
            entries.append(pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0))
            guard poll(&entries, nfds_t(entries.count), 50) > 0 else { continue }
            for entry in entries where entry.revents != 0 {
                if entry.fd == listener.descriptor {
                    while case let descriptor = listener.accept(), descriptor >= 0 {
                        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
                        connections[descriptor] = Connection()
                    }
                } else if var connection = connections.removeValue(forKey: entry.fd) {
                    let isGone = entry.revents & Int16(POLLERR | POLLHUP | ReluctantServer.peerEnd) != 0
                    if !isGone, goOn(entry.fd, &connection) {
                        connections[entry.fd] = connection
                    } else {
                        close(entry.fd)
                    }
                }
            }
        }
        for descriptor in connections.keys { close(descriptor) }
        close(listener.descriptor)
    }

    /// `POLLRDHUP`, which is no plain macro: the peer sends nothing more.
    private static let peerEnd: Int32 = 0x2000

    private static func events(_ phase: Phase) -> Int16 {
        switch phase {
        case .head, .drip: Int16(POLLIN)
        case .flood: Int16(POLLOUT | peerEnd)
        case .deaf: Int16(peerEnd)
        }
    }

    /// One step; false when the connection is over.
    private func goOn(_ descriptor: Int32, _ connection: inout Connection) -> Bool {
        switch connection.phase {
        case .deaf: return true
        case .flood:
            let zeros = [UInt8](repeating: 0, count: min(connection.left, 65_536))
            let sent = send(descriptor, zeros, zeros.count, Int32(MSG_NOSIGNAL))
            guard sent > 0 else { return errno == EAGAIN }
            connection.left -= sent
            state.withLock { $0.tally.moved += sent }
            return connection.left > 0
        case .head, .drip:
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            guard count > 0 else { return count < 0 && errno == EAGAIN }
            if connection.phase == .head { return read(descriptor, bytes[..<count], &connection) }
            return drip(descriptor, count, &connection)
        }
    }

    private func read(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>, _ connection: inout Connection) -> Bool
    {
        connection.head += bytes
        guard let end = LoadAnswer.endOfHead(in: connection.head) else { return true }
        let head = String(decoding: connection.head[..<end], as: UTF8.self)
        let rest = connection.head.count - end - 4
        connection.head = []
        switch head.split(separator: " ").dropFirst().first {
        case "/flood":
            connection.phase = .flood
            connection.left = ReluctantServer.floodBytes
            state.withLock { $0.tally.floods += 1 }
            return answer(descriptor, "Content-Length: \(ReluctantServer.floodBytes)\r\n\r\n")
        case "/deaf":
            connection.phase = .deaf
            state.withLock { $0.tally.deaf += 1 }
            return true
        case "/drip":
            let field = head.lowercased().firstRange(of: "\r\ncontent-length: ")
            let length = field.flatMap { Int(head[$0.upperBound...].prefix { $0.isNumber }) }
            connection.phase = .drip
            connection.left = length ?? 0
            state.withLock { $0.tally.drips += 1 }
            return drip(descriptor, rest, &connection)
        default: return answer(descriptor, "Content-Length: 4\r\n\r\nwell")
        }
    }

    private func drip(_ descriptor: Int32, _ count: Int, _ connection: inout Connection) -> Bool {
        connection.left -= count
        state.withLock { $0.tally.moved += count }
        guard connection.left <= 0 else { return true }
        connection.phase = .head
        return answer(descriptor, "Content-Length: 4\r\n\r\nall.")
    }

    private func answer(_ descriptor: Int32, _ rest: String) -> Bool {
        let bytes = Array("HTTP/1.1 200 OK\r\n\(rest)".utf8)
        return send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }
}
