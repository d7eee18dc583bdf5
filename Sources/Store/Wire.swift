import Glibc
import Linux

/// A connected socket, plain or with TLS; closed when its owner lets go of it.
final class Wire {
    enum Waited {
        case ready
        case rang
        case late
    }

    private let descriptor: Descriptor
    private let tls: TLSSession?

    private init(_ descriptor: consuming Descriptor, tls: TLSSession?) {
        self.descriptor = descriptor
        self.tls = tls
    }

    /// Connects, and for `rediss` completes the handshake.
    static func open(
        _ settings: StoreSettings, resolver: NameResolver, until deadline: Instant
    ) throws(StoreFault) -> Wire {
        let url = settings.url
        let descriptor = try Dialer(url: url, resolver: resolver).dial(until: deadline)
        guard url.usesTLS, case .tcp(let host, _) = url.endpoint else { return Wire(descriptor, tls: nil) }
        let session = try TLSSession(
            socket: descriptor.raw, host: host, target: url.target, settings: settings.tls)
        let wire = Wire(descriptor, tls: session)
        while true {
            let step = session.handshake()
            switch step {
            case .moved: return wire
            case .wantsInput, .wantsOutput:
                guard
                    wire.wait(input: step == .wantsInput, output: step == .wantsOutput, until: deadline)
                        == .ready
                else { throw .timeout("TLS with \(url.target); does the server speak TLS on this port?") }
            case .ended:
                throw session.handshakeFault("the server closed the connection")
            case .failed(let reason): throw session.handshakeFault(reason)
            }
        }
    }

    /// The address at the other end, IPv6 in brackets; nil with a unix socket (getpeername(2)).
    var peer: String? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let outcome = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getpeername(descriptor.raw, $0, &length)
            }
        }
        guard outcome == 0, let host = SocketAddress(storage)?.host else { return nil }
        return host.contains(":") ? "[\(host)]" : host
    }

    /// Whether bytes may have come that the socket knows nothing of any more: TLS reads whole records.
    var mayHoldInput: Bool { tls != nil }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> WireStep {
        if let tls { return tls.read(into: buffer) }
        while true {
            let count = recv(descriptor.raw, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .moved(count) }
            if count == 0 { return .ended }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wantsInput : .failed(String(cString: strerror(errno)))
        }
    }

    /// As `read`, but leaves what it finds; `.wantsInput` is what an idle connection answers.
    func peek() -> WireStep {
        if let tls { return tls.peek() }
        var byte: UInt8 = 0
        while true {
            let count = recv(descriptor.raw, &byte, 1, Int32(MSG_PEEK))
            if count > 0 { return .moved(count) }
            if count == 0 { return .ended }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wantsInput : .failed(String(cString: strerror(errno)))
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> WireStep {
        if let tls { return tls.write(bytes) }
        while true {
            let count = send(descriptor.raw, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return .moved(count) }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wantsOutput : .failed(String(cString: strerror(errno)))
        }
    }

    /// Sleeps until the socket is ready, the bell rings or the deadline passes, whichever is first.
    func wait(input: Bool, output: Bool, until deadline: Instant, bell: Doorbell? = nil) -> Waited {
        let events = (input ? POLLIN : 0) | (output ? POLLOUT : 0)
        while true {
            var entries = [pollfd(fd: descriptor.raw, events: Int16(events), revents: 0)]
            if let bell { entries.append(pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0)) }
            let now = Instant.now()
            let count = poll(&entries, nfds_t(entries.count), deadline.pollMilliseconds(from: now))
            if count < 0, errno == EINTR { continue }
            if let bell, entries[1].revents != 0 {
                bell.silence()
                return .rang
            }
            if entries[0].revents != 0 { return .ready }
            if Instant.now() >= deadline { return .late }
        }
    }
}
