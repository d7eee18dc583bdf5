import Glibc
import Linux

/// A listening socket on loopback, each of whose connections is served on a thread of its own.
final class LoopbackListener: Sendable {
    let port: UInt16
    /// The socket, for whoever accepts by himself.
    let descriptor: Int32

    init() throws {
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
        self.descriptor = descriptor
    }

    var address: String { "127.0.0.1:\(port)" }

    /// Serves connections until told to stop; each is closed when `serve` returns.
    func start(_ serve: @escaping @Sendable (Int32) -> Void) throws {
        let thread = try Thread.start(named: "listener") { [self] in
            while true {
                let connection = accept()
                if connection >= 0 {
                    let server = try? Thread.start(named: "connection") {
                        serve(connection)
                        close(connection)
                    }
                    if server == nil { close(connection) }
                    server?.detach()
                } else if errno != EINTR, errno != ECONNABORTED {
                    break
                }
            }
            close(descriptor)
        }
        thread.detach()
    }

    /// The next connection, which no child inherits; −1 when there is none.
    func accept() -> Int32 {
        let connection = Glibc.accept(descriptor, nil, nil)
        if connection >= 0 { _ = fcntl(connection, F_SETFD, FD_CLOEXEC) }
        return connection
    }

    /// Takes no more connections.
    func stop() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
}
