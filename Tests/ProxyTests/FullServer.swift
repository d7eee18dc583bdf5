import CLinux
import Glibc
import Linux
import Testing

/// A server that takes no connection and whose queue of waiting ones is full: the kernel answers no further connect.
final class FullServer {
    private static let waitingMax = 16

    let address: SocketAddress
    private let listener: Int32
    private var waiting: [Int32] = []

    init() throws {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let any = try SocketAddress("127.0.0.1:0", allowingPortZero: true)
        let descriptor = socket(AF_INET, kind, 0)
        try #require(descriptor >= 0)
        let isBound = any.withSockaddr { bind(descriptor, $0, $1) } == 0
        let isListening = isBound && listen(descriptor, 1) == 0
        try #require(isListening)
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let outcome = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        try #require(outcome == 0)
        let address = try #require(SocketAddress(storage))
        self.address = address
        listener = descriptor
        var isFull = false
        while !isFull, waiting.count < FullServer.waitingMax {
            let client = socket(AF_INET, kind | Int32(SOCK_NONBLOCK.rawValue), 0)
            waiting.append(client)
            _ = address.withSockaddr { connect(client, $0, $1) }
            var entry = pollfd(fd: client, events: Int16(POLLOUT), revents: 0)
            isFull = poll(&entry, 1, 1_000) == 0
        }
        try #require(isFull)
    }

    deinit {
        for client in waiting { _ = close(client) }
        _ = close(listener)
    }
}
