import Glibc
import Linux

/// Opens sockets to a server: non-blocking, close-on-exec, never later than a deadline. Of several addresses
/// the next is tried as soon as one fails or dawdles, and the first that answers wins.
struct Dialer {
    private struct Attempt {
        let descriptor: Int32
        let address: SocketAddress
    }

    private enum Start {
        case connected(Int32)
        case pending(Int32)
        case failed(String)
    }

    private static let addressesMax = 8
    /// A dead address must not use up the time of a living one.
    private static let staggerMilliseconds: Int64 = 100
    private static let unixRetryMicroseconds: UInt32 = 5_000

    let url: StoreURL
    var resolver = NameResolver.shared

    /// A connected socket; the caller owns it.
    func dial(until deadline: Instant) throws(StoreFault) -> Descriptor {
        switch url.endpoint {
        case .unix(let path): return Descriptor(owning: try unix(path, until: deadline))
        case .tcp(let host, let port):
            let addresses = try resolver.addresses(of: host, port: port, until: deadline)
            return Descriptor(owning: try tcp(addresses.prefix(Dialer.addressesMax), until: deadline))
        }
    }

    private func tcp(_ addresses: ArraySlice<SocketAddress>, until deadline: Instant) throws(StoreFault)
        -> Int32
    {
        var waiting = addresses
        var attempts: [Attempt] = []
        var failures: [String] = []
        var nextStart = Instant.now()
        defer { for attempt in attempts { _ = close(attempt.descriptor) } }
        while true {
            let now = Instant.now()
            guard now < deadline else {
                throw .timeout(
                    "no connection to \(url.target); check the address, the server and firewalls between")
            }
            if let address = waiting.first, attempts.isEmpty || now >= nextStart {
                waiting.removeFirst()
                nextStart = now.advanced(milliseconds: Dialer.staggerMilliseconds)
                switch Dialer.start(address) {
                case .connected(let descriptor): return descriptor
                case .pending(let descriptor):
                    attempts.append(Attempt(descriptor: descriptor, address: address))
                case .failed(let reason): failures.append(reason)
                }
                continue
            }
            if attempts.isEmpty { throw .unreachable(unreachableText(failures)) }
            let limit = waiting.isEmpty ? deadline : min(deadline, nextStart)
            if let winner = Dialer.firstConnected(&attempts, &failures, until: limit) { return winner }
        }
    }

    private func unreachableText(_ failures: [String]) -> String {
        let reasons = failures.joined(separator: ", ")
        return reasons.hasPrefix(url.target) ? reasons : "\(url.target) (\(reasons))"
    }

    /// Waits for a change; takes failed attempts out, and the first success, which it returns.
    private static func firstConnected(
        _ attempts: inout [Attempt], _ failures: inout [String], until limit: Instant
    ) -> Int32? {
        var entries = attempts.map { pollfd(fd: $0.descriptor, events: Int16(POLLOUT), revents: 0) }
        guard poll(&entries, nfds_t(entries.count), limit.pollMilliseconds(from: .now())) > 0 else {
            return nil
        }
        for (index, entry) in entries.enumerated().reversed() where entry.revents != 0 {
            let attempt = attempts.remove(at: index)
            var code: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            if getsockopt(attempt.descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0, code == 0 {
                return attempt.descriptor
            }
            _ = close(attempt.descriptor)
            failures.append("\(attempt.address): \(String(cString: strerror(code)))")
        }
        return nil
    }

    private static func start(_ address: SocketAddress) -> Start {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { return .failed("\(SystemFault("socket"))") }
        var one: Int32 = 1
        // A kernel that refuses an option still connects; deadlines guard every call anyway.
        _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        KeepAlive.set(on: descriptor)
        let result = address.withSockaddr { connect(descriptor, $0, $1) }
        if result == 0 { return .connected(descriptor) }
        // EINTR: the connect goes on by itself, as with EINPROGRESS.
        if errno == EINPROGRESS || errno == EINTR { return .pending(descriptor) }
        let fault = SystemFault("connect")
        _ = close(descriptor)
        return .failed("\(address): \(fault.reason)")
    }

    private func unix(_ path: String, until deadline: Instant) throws(StoreFault) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw .unreachable("\(SystemFault("socket"))") }
        while true {
            let code = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 ? 0 : errno
                }
            }
            if code == 0 || code == EISCONN { return descriptor }
            if code == EAGAIN || code == EINTR, Instant.now() < deadline {
                // The server's queue is full and poll cannot wait for room in it.
                usleep(Dialer.unixRetryMicroseconds)
                continue
            }
            _ = close(descriptor)
            let fault = SystemFault("connect", on: path, code: code)
            if code == EAGAIN { throw .timeout("no connection to \(path): the server's queue is full") }
            throw .unreachable("\(path): \(fault.reason)\(Dialer.advice(for: code))")
        }
    }

    private static func advice(for code: Int32) -> String {
        switch code {
        case ENOENT: "; is Redis running, and does its 'unixsocket' name this path?"
        case EACCES: "; the agent's user needs write access (Redis's 'unixsocketperm', or its group)"
        default: ""
        }
    }
}
