import Glibc
import HTTP
import Linux

/// One check under way: a socket, the request not yet sent, the response so far.
struct HealthProbe {
    enum Outcome: Equatable {
        case pending
        /// As much was read as a turn allows; epoll says nothing of the rest, so it is to go on in the next one.
        case yields
        case good(status: Int)
        case failed(HealthFailure)
    }

    /// What a response's head may measure; longer ones fail the check. The widest that can be configured for requests: a
    /// server is not ill for a head that its clients would get.
    private static let limits = HeadLimits(
        headBytes: HeadLimits.headBytesCeiling, fields: HeadLimits.fieldsCeiling)

    /// Reads in a turn: a server that sends without end must not keep the others' checks waiting.
    private static let roundsPerTurn = 4
    /// Interim responses before the final one; nobody has more to say.
    private static let interimsMax = 32

    let descriptor: Int32
    /// Goes on in the next turn.
    var isQueued = false
    /// TLS, where servers speak it.
    private var session: SecureSession.Pointer?
    private var unsent: ArraySlice<UInt8>
    /// A program has taken the connection, or the kernel for it.
    private var isConnected = false
    /// What the body is to contain.
    private let pattern: [UInt8]?
    /// What of the body has come, kept only when it is to be searched.
    private var content: [UInt8] = []
    private var received: [UInt8] = []
    private var parser = ResponseParser()
    /// Where the parser keeps the fields of a head that comes in pieces; made when the first one comes.
    private var room: UnsafeMutablePointer<Field>?
    private var interims = 0
    /// What the head said; the body is then read to its end, or the server would see its answer cut off.
    private(set) var verdict: Outcome?
    private var body = BodyProgress()
    private var bodyBytes = 0

    /// A longer body is not read to its end.
    private static let bodyBytesMax = 64 * 1024

    /// Begins to connect; the request is sent once that is done.
    static func begin(_ address: SocketAddress, request: [UInt8], pattern: [UInt8]?)
        -> Result<HealthProbe, BeginFault>
    {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { return .failure(.noDescriptor) }
        guard address.withSockaddr({ connect(descriptor, $0, $1) }) == 0 || errno == EINPROGRESS else {
            let code = errno
            _ = close(descriptor)
            return .failure(
                code == EADDRNOTAVAIL || code == EAGAIN ? .noDescriptor : .failed(describe(code)))
        }
        return .success(HealthProbe(descriptor: descriptor, unsent: request[...], pattern: pattern))
    }

    /// Why a check could not begin.
    enum BeginFault: Error {
        /// This host is out of descriptors or ports, which says nothing about the server.
        case noDescriptor
        case failed(HealthFailure)
    }

    private init(descriptor: Int32, unsent: ArraySlice<UInt8>, pattern: [UInt8]?) {
        self.pattern = pattern
        self.descriptor = descriptor
        self.unsent = unsent
    }

    /// Goes on as far as the socket lets it, and a turn.
    mutating func advance(into buffer: UnsafeMutableBufferPointer<UInt8>, good: Range<Int>) -> Outcome {
        var code: Int32 = 0
        var length = socklen_t(4)
        _ = getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
        if code != 0 { return conclusion ?? .failed(HealthProbe.describe(code)) }
        if let outcome = shakeHands() { return outcome }
        while !unsent.isEmpty {
            let sent = transmit()
            guard sent > 0 else {
                if errno == EAGAIN || errno == ENOTCONN { return .pending }
                break  // perhaps it has answered before it closed
            }
            isConnected = true
            unsent = unsent.dropFirst(sent)
        }
        return read(into: buffer, good: good)
    }

    /// What to make of it when its time is over.
    func late(milliseconds: Int64) -> Outcome {
        conclusion
            ?? .failed(
                isConnected
                    ? .timeout(milliseconds: milliseconds) : .noConnection(milliseconds: milliseconds))
    }

    /// What the head said, and the body where it matters; nil before the head.
    private var conclusion: Outcome? {
        guard case .good = verdict, let pattern, !HealthProbe.contains(content, pattern) else {
            return verdict
        }
        return .failed(.noMatch)
    }

    private static func contains(_ content: [UInt8], _ pattern: [UInt8]) -> Bool {
        guard content.count >= pattern.count else { return false }
        return (0...content.count - pattern.count).contains { start in
            content[start..<start + pattern.count].elementsEqual(pattern)
        }
    }

    private mutating func read(into buffer: UnsafeMutableBufferPointer<UInt8>, good: Range<Int>) -> Outcome {
        for _ in 0..<HealthProbe.roundsPerTurn {
            let count = receive(into: buffer)
            if count < 0 {
                return errno == EAGAIN ? .pending : conclusion ?? .failed(HealthProbe.describe(errno))
            }
            if count == 0 { return conclusion ?? .failed(.closed(midway: !received.isEmpty)) }
            received += buffer[0..<count]
            if verdict == nil {
                let outcome = judge(good)
                if case .pending = outcome { continue }
                verdict = outcome
                if case .failed(.malformed) = outcome { return outcome }
            }
            if passBody(), let conclusion { return conclusion }
        }
        return .yields
    }

    // MARK: TLS

    /// Has the check speak TLS; false when memory is short.
    mutating func secure(_ context: ServerContext, _ address: SocketAddress) -> Bool {
        let descriptor = descriptor
        session = address.withSockaddr { pointer, _ in
            context.open(descriptor, family: address.family, address: UnsafeRawPointer(pointer))
        }
        return session != nil
    }

    /// Gives back what it holds; the socket is closed by its owner.
    mutating func end() {
        if let session { SecureSession.free(session) }
        session = nil
        room?.deallocate()
        room = nil
    }

    /// Goes on with the handshake; nil when it is done, or none is needed.
    private func shakeHands() -> Outcome? {
        guard let session else { return nil }
        var ready: Readiness = .arrived
        switch SecureSession.handshake(session, &ready) {
        case .done: return nil
        case .blocked: return .pending
        case .failed: return .failed(.system(ServerContext.describe(ServerContext.verdict(of: session))))
        }
    }

    private func transmit() -> Int {
        unsent.withUnsafeBytes { raw in
            guard let session, let base = raw.baseAddress else {
                return send(descriptor, raw.baseAddress, raw.count, Int32(MSG_NOSIGNAL))
            }
            return SecureSession.transmit(session, base.assumingMemoryBound(to: UInt8.self), raw.count)
        }
    }

    private func receive(into buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        guard let session, let base = buffer.baseAddress else {
            return recv(descriptor, buffer.baseAddress, buffer.count, 0)
        }
        var ready: Readiness = .arrived
        return SecureSession.receive(session, &ready, base, buffer.count)
    }

    /// Counts what has come of the body; true when that is all, or as much as is read.
    private mutating func passBody() -> Bool {
        let (length, fault) = received.withUnsafeMutableBufferPointer { bytes -> (Int, MessageFault?) in
            guard let base = bytes.baseAddress else { return (0, nil) }
            let (_, content, fault) = body.takeContent(base, count: bytes.count)
            return (content, fault)
        }
        if pattern != nil { content += received[0..<length] }
        bodyBytes += received.count
        received.removeAll(keepingCapacity: true)
        return fault != nil || body.isDone || bodyBytes > HealthProbe.bodyBytesMax
    }

    /// Looks at the bytes so far; interim responses are passed over.
    private mutating func judge(_ good: Range<Int>) -> Outcome {
        let room = self.room ?? .allocate(capacity: HealthProbe.limits.fields)
        self.room = room
        // Heads that were passed over leave together: one by one, each would move all that follow.
        var start = 0
        defer { received.removeFirst(start) }
        while true {
            let verdict = received.withUnsafeBufferPointer { bytes -> HeadVerdict in
                guard let base = bytes.baseAddress else { return .needMore }
                return parser.parse(
                    base + start, count: bytes.count - start, fields: room, limits: HealthProbe.limits)
            }
            switch verdict {
            case .needMore: return .pending
            case .refused(let fault): return .failed(.malformed("\(fault.reason)"))
            case .complete: break
            }
            let head = parser.head
            if head.isInterim {
                guard head.status != 101 else { return .failed(.status(101)) }
                interims += 1
                guard interims <= HealthProbe.interimsMax else {
                    return .failed(.malformed("more than \(HealthProbe.interimsMax) interim responses"))
                }
            }
            start += head.length
            guard head.isInterim else {
                body.begin(head.framing(answersHead: false))
                return good.contains(head.status)
                    ? .good(status: head.status) : .failed(.status(head.status))
            }
            parser = ResponseParser()
        }
    }

    private static func describe(_ code: Int32) -> HealthFailure {
        let text = String(cString: strerror(code)).lowercased()
        return switch code {
        case ECONNREFUSED: .refused
        case EHOSTUNREACH, ENETUNREACH: .unreachable(text)
        default: .system(text)
        }
    }
}
