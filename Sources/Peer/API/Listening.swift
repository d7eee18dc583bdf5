import Glibc
package import Linux

/// Sockets that listen for a server of few clients.
package enum Listening {
    /// Connections that may wait to be accepted; a crowd fills a short queue, and then clients wait a second.
    private static let backlog: Int32 = 1024
    /// The longest path of a unix socket, in bytes: `sun_path` less its terminating zero (unix(7)).
    private static let pathBytesMax = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

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

    /// A listening unix socket with mode 0660; a socket that a dead process left there is replaced, one that
    /// somebody answers at is not (`EADDRINUSE`), nor is any other file (`ENOTSOCK`).
    static func unix(_ path: String) throws(SystemFault) -> Int32 {
        guard path.utf8.count <= pathBytesMax else { throw SystemFault("bind", on: path, code: ENAMETOOLONG) }
        func with(_ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 { at(path, call) }
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFSOCK {
            throw SystemFault("bind", on: path, code: ENOTSOCK)
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

    /// Whether somebody listens at a unix socket's path.
    static func isAnswered(socket path: String) -> Bool {
        guard path.utf8.count <= pathBytesMax else { return false }
        do throws(SystemFault) {
            let probe = try open(AF_UNIX, on: path)
            // A full queue is somebody's, too.
            return at(path) { connect(probe.raw, $0, $1) } == 0 || errno == EAGAIN
        } catch {
            return false
        }
    }

    private static func at(_ path: String, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(pathBytesMax)) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// What to do when no unix socket could be had at a path: the fault of `HTTPServer.listen(socket:)` as a
    /// sentence for people.
    package static func advice(_ fault: SystemFault, socket path: String) -> String {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        switch fault.code {
        case ENOENT, ENOTDIR:
            return
                "there is no folder \(folder); create it and give it to the agent's user: install -d -o troop -g troop \(folder)"
        case EACCES, EPERM, EROFS:
            return
                "\(fault.reason); give the folder \(folder) to the agent's user: chown troop:troop \(folder)"
        case EADDRINUSE: return "another agent answers there; stop it, or choose another path"
        case ENOTSOCK: return "there is a file that is no socket; remove it, or choose another path"
        case ENAMETOOLONG:
            return
                "the path has \(path.utf8.count) bytes, a unix socket's may have \(pathBytesMax); choose a shorter one"
        default: return fault.reason
        }
    }

    /// Tries whether a proxy could listen at an address, without listening there. With `alone`, an address that
    /// other programs of the same user share by `SO_REUSEPORT` is taken, too; without, it is free.
    package static func check(_ address: SocketAddress, alone: Bool = false) throws(SystemFault) {
        _ = try hold(address, alone: alone)
    }

    /// The socket of `check`, bound: while it is there, the kernel gives the port to nobody.
    package static func hold(_ address: SocketAddress, alone: Bool) throws(SystemFault) -> Descriptor {
        let socket = try open(address.family, on: "\(address)")
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &one, size)
        if !alone { setsockopt(socket.raw, SOL_SOCKET, SO_REUSEPORT, &one, size) }
        guard address.withSockaddr({ bind(socket.raw, $0, $1) }) == 0 else {
            throw SystemFault("bind", on: "\(address)")
        }
        return socket
    }

    private static func open(_ family: Int32, on subject: String) throws(SystemFault) -> Descriptor {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let raw = socket(family, type, 0)
        guard raw >= 0 else { throw SystemFault("socket", on: subject) }
        return Descriptor(owning: raw)
    }
}
