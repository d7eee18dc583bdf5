import CLinux
import Glibc
import Linux

/// Opens listening sockets on one address, one for each worker.
enum Listener {
    /// Connections that may wait in one queue; the kernel cuts it to `net.core.somaxconn`.
    private static let backlog: Int32 = 4096

    /// The sockets and the address they are bound to; throws `EADDRINUSE` when another program listens there.
    ///
    /// Proxies of one user share an address on purpose: where agents share a host, the next leader listens
    /// before the last one has closed, and no client is refused in between.
    ///
    /// The first sockets are the inherited ones, all of them, and `count` is the least there will be.
    static func open(
        _ address: SocketAddress, count: Int, inheriting inherited: [Int32] = []
    ) throws(SystemFault) -> ([Int32], SocketAddress) {
        var descriptors = inherited
        var actual = address
        do throws(SystemFault) {
            if actual.port == 0, let first = inherited.first { actual = try name(of: first) }
            for _ in 0..<max(0, count - inherited.count) {
                let descriptor = try bound(actual)
                descriptors.append(descriptor)
                guard listen(descriptor, backlog) == 0 else { throw SystemFault("listen", on: "\(actual)") }
                if actual.port == 0 { actual = try name(of: descriptor) }
            }
        } catch {
            for descriptor in descriptors { _ = Glibc.close(descriptor) }
            throw error
        }
        return (descriptors, actual)
    }

    /// Copies that are closed at exec; none, and why, when they cannot be had.
    static func copies(of descriptors: [Int32]) -> ([Int32], SystemFault?) {
        var copies: [Int32] = []
        for descriptor in descriptors {
            let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
            guard copy >= 0 else {
                let fault = SystemFault("fcntl")
                for copy in copies { _ = Glibc.close(copy) }
                return ([], fault)
            }
            copies.append(copy)
        }
        return (copies, nil)
    }

    private static func bound(_ address: SocketAddress) throws(SystemFault) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { throw SystemFault("socket") }
        var one: Int32 = 1
        _ = setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        _ = setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &one, 4)
        // Accepted sockets inherit it.
        _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        guard address.withSockaddr({ bind(descriptor, $0, $1) }) == 0 else {
            let fault = SystemFault("bind", on: "\(address)")
            _ = Glibc.close(descriptor)
            throw fault
        }
        return descriptor
    }

    private static func name(of descriptor: Int32) throws(SystemFault) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let outcome = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard outcome == 0, let address = SocketAddress(storage) else { throw SystemFault("getsockname") }
        return address
    }
}

/// Listening sockets on their way from one process to the next; whoever holds them closes them.
package struct ListenerCopies: Sendable, Equatable {
    /// Those of `listen`.
    package var plain: [Int32]
    /// Those for TLS.
    package var secure: [Int32]

    /// Copies by their kind.
    package init(plain: [Int32] = [], secure: [Int32] = []) {
        self.plain = plain
        self.secure = secure
    }

    /// True when there is none.
    package var isEmpty: Bool { plain.isEmpty && secure.isEmpty }
}
