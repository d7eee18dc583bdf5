import Fixtures
import Glibc
import Linux
import Synchronization

/// What leaders did in Redis, as Redis itself saw it (`MONITOR`): elections and fenced writes, with their epochs.
final class StoreRecorder: Sendable {
    /// One write of a leader.
    struct Effect: Sendable, CustomStringConvertible {
        enum Kind: String, Sendable { case elected, published }
        let kind: Kind
        let epoch: Int64
        let at: Instant

        var description: String { "\(kind) \(epoch) at \(at.nanoseconds / 1_000_000)" }
    }

    private struct State {
        var effects: [Effect] = []
        var stops = false
        var thread: Linux.Thread?
    }

    private static let readMilliseconds = 50
    private let socketPath: String
    private let state = Mutex(State())

    /// Records from now on, also across restarts of the server.
    init(_ server: RedisServer) throws {
        socketPath = server.socketPath
        let thread = try Linux.Thread.start(named: "recorder") { [self] in record() }
        state.withLock { $0.thread = thread }
    }

    /// All so far, in Redis's order.
    var effects: [Effect] { state.withLock { $0.effects } }

    /// Ends the record.
    func stop() {
        let thread = state.withLock { state in
            state.stops = true
            defer { state.thread = nil }
            return state.thread
        }
        thread?.join()
    }

    private func record() {
        while !state.withLock({ $0.stops }) {
            let descriptor = connect()
            guard descriptor >= 0 else {
                usleep(20_000)
                continue
            }
            follow(descriptor)
            _ = close(descriptor)
        }
    }

    private func connect() -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        Patience.limit(descriptor, milliseconds: Int64(StoreRecorder.readMilliseconds))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socketPath.utf8) }
        let isOpen = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        let word = Array("MONITOR\r\n".utf8)
        if isOpen, send(descriptor, word, word.count, Int32(MSG_NOSIGNAL)) == word.count { return descriptor }
        _ = close(descriptor)
        return -1
    }

    private func follow(_ descriptor: Int32) {
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !state.withLock({ $0.stops }) {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EAGAIN || errno == EINTR { continue }
            guard count > 0 else { return }
            rest += buffer[..<count]
            let at = Instant.now()
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: rest[..<end], as: UTF8.self)
                rest.removeSubrange(...end)
                if let effect = StoreRecorder.effect(in: line, at: at) {
                    state.withLock { $0.effects.append(effect) }
                }
            }
        }
    }

    /// A line as `+1700000000.123456 [0 lua] "SET" "troop:{test}:lease" "a:n:7" "PX" "1000"`.
    private static func effect(in line: String, at: Instant) -> Effect? {
        guard line.contains(" lua] \"SET\" ") else { return nil }
        if let token = text(in: line, after: "\"troop:{test}:lease\" \""),
            let epoch = token.split(separator: ":").last
        {
            return Int64(epoch).map { Effect(kind: .elected, epoch: $0, at: at) }
        }
        guard let value = text(in: line, after: "\"troop:{test}:traffic\" \"", whole: true),
            let range = value.firstRange(of: "epoch\\\":")
        else { return nil }
        let digits = value[range.upperBound...].drop { $0 == " " }.prefix { $0.isNumber }
        return Int64(digits).map { Effect(kind: .published, epoch: $0, at: at) }
    }

    private static func text(in line: String, after mark: String, whole: Bool = false) -> Substring? {
        guard let range = line.firstRange(of: mark) else { return nil }
        let rest = line[range.upperBound...]
        return whole ? rest : rest.prefix { $0 != "\"" }
    }
}
