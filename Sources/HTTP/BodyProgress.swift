/// How far a body has passed: counts lengths, follows chunks, knows the end.
public struct BodyProgress: Sendable, BitwiseCopyable {
    @usableFromInline
    enum Kind: Sendable, BitwiseCopyable { case length, chunked, untilClose }

    @usableFromInline var kind = Kind.length
    @usableFromInline var remaining: Int64 = 0
    private var scanner = ChunkedScanner()

    /// The start of a body that is delimited so, behind a head with these facts.
    @inlinable
    public init(_ framing: BodyFraming, facts: FieldSummary.Facts = []) {
        self.init()
        begin(framing, facts: facts)
    }

    /// No body: done from the start.
    public init() {}

    /// Starts anew with a body that is delimited so, behind a head with these facts.
    ///
    /// What `Connection` names ends at this hop, in trailers as well (RFC 9110 §7.6.1). Bytes of a body pass as they are:
    /// where a trailer could have such a name, the body may have none.
    public mutating func begin(_ framing: BodyFraming, facts: FieldSummary.Facts = []) {
        switch framing {
        case .none:
            kind = .length
            remaining = 0
        case .length(let count):
            kind = .length
            remaining = count
        case .chunked:
            kind = .chunked
            scanner = ChunkedScanner(refusesTrailers: facts.contains(.nominatesTrailers))
        case .untilClose: kind = .untilClose
        }
    }

    /// True when the whole body has been taken; a body until close ends only with `close`.
    @inlinable
    public var isDone: Bool {
        switch kind {
        case .length: remaining == 0
        case .chunked: hasAllChunks
        case .untilClose: false
        }
    }

    @usableFromInline var hasAllChunks: Bool { scanner.isDone }

    /// True when the end of the connection is the end of the body.
    public var endsWithConnection: Bool { kind == .untilClose }

    /// Takes bytes; how many belong to this body, and what is wrong with them.
    public mutating func take(
        _ base: UnsafePointer<UInt8>, count: Int
    ) -> (taken: Int, fault: MessageFault?) {
        switch kind {
        case .length:
            let taken = min(remaining, Int64(count))
            remaining -= taken
            return (Int(taken), nil)
        case .chunked: return scanner.take(base, count: count)
        case .untilClose: return (count, nil)
        }
    }

    /// Takes bytes of a chunked body and moves its content to the front; how many were taken, how many bytes of
    /// content they held, and what is wrong with them.
    public mutating func takeContent(
        _ base: UnsafeMutablePointer<UInt8>, count: Int
    ) -> (taken: Int, content: Int, fault: MessageFault?) {
        guard kind == .chunked else {
            let (taken, fault) = take(base, count: count)
            return (taken, taken, fault)
        }
        var taken = 0
        var content = 0
        while taken < count, !scanner.isDone {
            switch scanner.next(base + taken, count: count - taken) {
            case .data(let run):
                if content != taken { (base + content).update(from: base + taken, count: run) }
                content += run
                taken += run
            case .framing(let run), .end(let run): taken += run
            case .refused(let fault): return (taken, content, fault)
            }
        }
        return (taken, content, nil)
    }
}
