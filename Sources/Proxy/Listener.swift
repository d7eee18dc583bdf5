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
    static func open(_ address: SocketAddress, count: Int) throws(SystemFault) -> ([Int32], SocketAddress) {
        var descriptors: [Int32] = []
        var actual = address
        do throws(SystemFault) {
            for _ in 0..<count {
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
