import Glibc
import Linux
import Testing

/// A connection to a server's unix socket, with blocking calls of at most ten seconds.
final class HTTPClient: Sendable {
    /// How a connection ended.
    enum End: Equatable {
        /// In good order.
        case closed
        case failed(Int32)
    }

    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(code == 0)
    }

    deinit { close(descriptor) }

    /// Sends all of a text; false when the connection does not take it.
    @discardableResult
    func send(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Everything that comes until the connection ends, and how it ends.
    func rest() -> (text: String, end: End) {
        var got: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count <= 0 {
                return (String(decoding: got, as: UTF8.self), count == 0 ? .closed : .failed(errno))
            }
            got += chunk.prefix(count)
        }
    }

    /// Everything that comes until a text has come, or the connection ends.
    func text(until end: String) -> String {
        var got: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let text = String(decoding: got, as: UTF8.self)
            if text.contains(end) { return text }
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count <= 0 { return text }
            got += chunk.prefix(count)
        }
    }

    /// Runs blocking work on a thread of its own: a blocked pool could not run the server's handler. It stays in the test's
    /// task, so that what fails there fails the test.
    static func apart<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result { try await ThreadStage().play(body) }
}

/// An actor with a thread of its own.
private actor ThreadStage {
    private let executor: ThreadExecutor

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init() throws { executor = try ThreadExecutor(named: "client") }

    deinit { executor.finish() }

    func play<Result: Sendable>(_ body: @Sendable () throws -> Result) throws -> Result { try body() }
}
