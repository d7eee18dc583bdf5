/// Parses one request head out of bytes that arrive piece by piece (RFC 9112, with no leniency but one empty
/// line before the request line).
///
/// The parser holds no memory: the caller keeps the bytes in place relative to the head's start, and lends the
/// same room for fields to every call.
public struct RequestParser: Sendable, BitwiseCopyable {
    private enum Stage: UInt8, BitwiseCopyable { case first, requestLine, fields, done }

    /// Valid once `parse` said `.complete`.
    public private(set) var head = RequestHead()
    private var cursor = LineCursor()
    private var stage = Stage.first

    /// At the first byte of a head.
    public init() {}

    /// Looks at `count` bytes from the head's start on; `fields` has room for `limits.fields` fields.
    public mutating func parse(
        _ base: UnsafePointer<UInt8>, count: Int, fields: UnsafeMutablePointer<Field>, limits: HeadLimits
    ) -> HeadVerdict {
        do throws(MessageFault) {
            return try advance(base, count, fields, limits) ? .complete : .needMore
        } catch {
            if stage != .fields { guessMethod(base, count) }
            return .refused(error)
        }
    }

    private mutating func advance(
        _ base: UnsafePointer<UInt8>, _ count: Int, _ fields: UnsafeMutablePointer<Field>,
        _ limits: HeadLimits
    ) throws(MessageFault) -> Bool {
        while stage != .done {
            let limit = stage == .fields ? limits.headBytes : firstLimit(limits)
            switch try cursor.next(base, count: count, limit: limit) {
            case .needMore: return false
            case .tooLong: throw stage == .fields ? .headTooLarge : longLineFault(base, count)
            case .line(let start, let end):
                if stage == .fields {
                    if start < end {
                        try head.summary.add(
                            base, from: start, to: end, isRequest: true, into: fields, limit: limits.fields)
                    } else {
                        try finish(base, fields)
                    }
                } else if start == end, stage == .first {
                    stage = .requestLine
                } else {
                    // From here on the method is known if it is any; the cursor stands behind the line.
                    stage = .fields
                    try requestLine(base, start, end, limits)
                }
            }
        }
        return true
    }

    /// Knows `HEAD` by the first bytes of a line that was refused before its method was read: the answer to it has no
    /// content even then (RFC 9110 §9.3.2).
    private mutating func guessMethod(_ base: UnsafePointer<UInt8>, _ count: Int) {
        let start = cursor.start
        guard head.methodName.count == 0, count - start >= 5, Method.of(base + start, 4) == .head,
            base[start + 4] == Bytes.space
        else { return }
        head.method = .head
    }

    private func firstLimit(_ limits: HeadLimits) -> Int {
        min(limits.headBytes, cursor.start + limits.targetBytes + RequestParser.aroundTarget)
    }

    /// The longest method, two spaces, the version and CRLF.
    private static let aroundTarget = HeadLimits.methodBytes + 12

    /// What makes a request line too long: its method when that never ends, its target otherwise.
    private func longLineFault(_ base: UnsafePointer<UInt8>, _ count: Int) -> MessageFault {
        var index = cursor.start
        while index < count, Bytes.isToken(base[index]) { index += 1 }
        return index - cursor.start > HeadLimits.methodBytes ? .methodTooLong : .targetTooLong
    }

    private mutating func finish(
        _ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>
    ) throws(MessageFault) {
        let facts = head.summary.facts
        if facts.contains(.chunked) {
            if facts.contains(.contentLength) { throw .lengthAndTransferEncoding }
            if head.minorVersion == 0 { throw .transferEncodingInOldVersion }
        }
        if head.minorVersion == 1, !facts.contains(.host) { throw .missingHost }
        if head.method == .options || head.method == .trace {
            guard head.hopsLeft(base, fields) != .malformed else { throw .badMaxForwards }
        }
        if facts.contains(.nominates) { head.summary.markNominated(base, fields) }
        head.bytes = UInt16(truncatingIfNeeded: cursor.start)
        stage = .done
    }

    private mutating func requestLine(
        _ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ limits: HeadLimits
    ) throws(MessageFault) {
        var index = Bytes.endOfToken(base, from: start, to: end)
        guard index > start, index < end, base[index] == Bytes.space else { throw .badMethod }
        guard index - start <= HeadLimits.methodBytes else { throw .methodTooLong }
        head.methodName = ByteRange(start, index)
        head.method = Method.of(base + start, index - start)
        let targetStart = index + 1
        index = Bytes.endOfTarget(base, from: targetStart, to: end)
        guard index > targetStart, index < end, base[index] == Bytes.space else { throw .badTarget }
        guard index - targetStart <= limits.targetBytes else { throw .targetTooLong }
        let minor = try Version.minor(base + index + 1, end - index - 1)
        head.minorVersion = min(1, minor)
        head.isOtherVersion = minor != 1
        if head.method == .other, head.methodName.count == 7, Bytes.hasPrefix(base + start, "connect") {
            throw .connectRefused
        }
        try target(base, targetStart, index)
    }

    private mutating func target(
        _ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int
    ) throws(MessageFault) {
        head.target = ByteRange(start, end)
        if base[start] == Bytes.slash { return }
        if base[start] == UInt8(ascii: "*") {
            guard end - start == 1, head.method == .options else { throw .badTarget }
            return
        }
        let length = end - start
        var index = start
        if length > 7, Bytes.hasPrefix(base + start, "http:"), base[start + 5] == Bytes.slash,
            base[start + 6] == Bytes.slash
        {
            index += 7
        } else if length > 8, Bytes.hasPrefix(base + start, "https:"), base[start + 6] == Bytes.slash,
            base[start + 7] == Bytes.slash
        {
            index += 8
            head.hasSecureScheme = true
        } else {
            throw .badTarget
        }
        let host = index
        while index < end, base[index] != Bytes.slash, base[index] != UInt8(ascii: "?") { index += 1 }
        guard Authority.isValid(base + host, index - host) else { throw .badHost }
        head.authority = ByteRange(host, index)
        head.target = ByteRange(index, end)
        head.lacksSlash = index < end && base[index] != Bytes.slash
    }
}
