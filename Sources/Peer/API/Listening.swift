import Glibc
package import Linux

/// Sockets that listen for a server of few clients.
package enum Listening {
    private static let backlog: Int32 = 128

    /// A listening TCP socket that nobody shares.
    static func tcp(_ address: SocketAddress) throws(SystemFault) -> Int32 {
        let socket = try open(address.family, on: "\(address)")
        var one: Int32 = 1
        setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        guard address.withSockaddr({ bind(socket.raw, $0, $1) }) == 0 else {
            throw SystemFault("bind", on: "\(address)")
        }
        guard Glibc.listen(socket.raw, backlog) == 0 else { throw SystemFault("listen", on: "\(address)") }
        return socket.release()
    }

    /// A listening unix socket with mode 0660; a file that a dead process left there is replaced, a socket that
    /// somebody answers at is not (`EADDRINUSE`).
    static func unix(_ path: String) throws(SystemFault) -> Int32 {
        var address = sockaddr_un()
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else { throw SystemFault("bind", on: path, code: ENAMETOOLONG) }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        func with(_ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, size) }
            }
        }
        let socket = try open(AF_UNIX, on: path)
        let probe = try open(AF_UNIX, on: path)
        if with({ connect(probe.raw, $0, $1) }) == 0 { throw SystemFault("bind", on: path, code: EADDRINUSE) }
        if errno == ECONNREFUSED { _ = unlink(path) }
        guard with({ bind(socket.raw, $0, $1) }) == 0 else { throw SystemFault("bind", on: path) }
        guard chmod(path, 0o660) == 0 else { throw SystemFault("chmod", on: path) }
        guard Glibc.listen(socket.raw, backlog) == 0 else { throw SystemFault("listen", on: path) }
        return socket.release()
    }

    /// Tries whether the proxy could listen at an address, without listening there; an address that other
    /// agents of the same user share by `SO_REUSEPORT` is free.
    package static func check(_ address: SocketAddress) throws(SystemFault) {
        let socket = try open(address.family, on: "\(address)")
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &one, size)
        setsockopt(socket.raw, SOL_SOCKET, SO_REUSEPORT, &one, size)
        guard address.withSockaddr({ bind(socket.raw, $0, $1) }) == 0 else {
            throw SystemFault("bind", on: "\(address)")
        }
    }

    private static func open(_ family: Int32, on subject: String) throws(SystemFault) -> Descriptor {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let raw = socket(family, type, 0)
        guard raw >= 0 else { throw SystemFault("socket", on: subject) }
        return Descriptor(owning: raw)
    }
}
