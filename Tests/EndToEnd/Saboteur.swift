import Glibc
import Linux
import Synchronization

/// A server that passes its health checks, and answers requests by the first so many bytes of an answer, then ends the
/// connection: one more byte each time, and then from the beginning.
final class Saboteur: Sendable {
    /// How it answers.
    enum Form: CaseIterable {
        /// By a length, once a connection.
        case length
        /// In chunks, once a connection.
        case chunks
        /// By a length; each connection's first answer is whole, and its second breaks off.
        case kept
    }

    private struct State {
        var offset = 0
        var rounds = 0
        var requests = 0
    }

    let port: UInt16
    /// The bytes of a whole answer.
    let answer: [UInt8]
    private let form: Form
    private let listener: Int32
    private let state = Mutex(State())

    init(_ form: Form) throws {
        self.form = form
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
        let rest =
            form == .chunks
            ? "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n13\r\n from app-saboteur!\r\n0\r\n\r\n"
            : "Content-Length: 24\r\n\r\nhello from app-saboteur!"
        answer = Array((head + rest).utf8)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let any = try SocketAddress("127.0.0.1:0", allowingPortZero: true)
        guard descriptor >= 0, any.withSockaddr({ bind(descriptor, $0, $1) }) == 0,
            listen(descriptor, 1024) == 0
        else { throw SystemFault("listen") }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard code == 0, let address = SocketAddress(storage) else { throw SystemFault("getsockname") }
        port = address.port
        listener = descriptor
        let thread = try Thread.start(named: "saboteur") { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                if connection >= 0 {
                    let server = try? Thread.start(named: "sabotage") { [self] in serve(connection) }
                    if server == nil { close(connection) }
                    server?.detach()
                } else if errno != EINTR, errno != ECONNABORTED {
                    break
                }
            }
            close(listener)
        }
        thread.detach()
    }

    /// Takes no more connections.
    func stop() { _ = shutdown(listener, Int32(SHUT_RDWR)) }

    /// How often every offset has had its turn, and how many requests were answered so.
    var tally: (rounds: Int, requests: Int) { state.withLock { ($0.rounds, $0.requests) } }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        if form == .kept {
            guard isToBeAnswered(connection),
                send(connection, answer, answer.count, Int32(MSG_NOSIGNAL)) == answer.count
            else { return }
        }
        guard isToBeAnswered(connection) else { return }
        let (offset, resets) = state.withLock { state in
            let offset = state.offset
            let resets = state.rounds % 2 == 1
            state.requests += 1
            state.offset += 1
            if state.offset > answer.count {
                state.offset = 0
                state.rounds += 1
            }
            return (offset, resets)
        }
        if offset > 0 { _ = send(connection, answer, offset, Int32(MSG_NOSIGNAL)) }
        guard resets else { return }
        var reset = linger(l_onoff: 1, l_linger: 0)
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
    }

    /// Reads a request; false when there is none, or when it is a health check, which is answered here.
    private func isToBeAnswered(_ connection: Int32) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(connection, &bytes, bytes.count, 0)
        guard count > 0 else { return false }
        guard bytes.starts(with: "GET /healthz".utf8) else { return true }
        let good = Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
        _ = send(connection, good, good.count, Int32(MSG_NOSIGNAL))
        return false
    }
}
