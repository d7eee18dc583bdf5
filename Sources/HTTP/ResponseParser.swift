/// Parses one response head, as strictly as requests are parsed; memory as with `RequestParser`.
public struct ResponseParser: Sendable, BitwiseCopyable {
    private enum Stage: UInt8, BitwiseCopyable { case statusLine, fields, done }

    /// Valid once `parse` said `.complete`.
    public private(set) var head = ResponseHead()
    private var cursor = LineCursor()
    private var stage = Stage.statusLine

    /// At the first byte of a head.
    public init() {}

    /// Looks at `count` bytes from the head's start on; `fields` has room for `limits.fields` fields.
    public mutating func parse(
        _ base: UnsafePointer<UInt8>, count: Int, fields: UnsafeMutablePointer<Field>, limits: HeadLimits
    ) -> HeadVerdict {
        do throws(MessageFault) {
            return try advance(base, count, fields, limits) ? .complete : .needMore
        } catch {
            return .refused(error)
        }
    }

    private mutating func advance(
        _ base: UnsafePointer<UInt8>, _ count: Int, _ fields: UnsafeMutablePointer<Field>,
        _ limits: HeadLimits
    ) throws(MessageFault) -> Bool {
        while stage != .done {
            switch try cursor.next(base, count: count, limit: limits.headBytes) {
            case .needMore: return false
            case .tooLong: throw .headTooLarge
            case .line(let start, let end):
                if stage == .statusLine {
                    try statusLine(base, start, end)
                    stage = .fields
                } else if start < end {
                    try head.summary.add(
                        base, from: start, to: end, isRequest: false, into: fields, limit: limits.fields)
                } else {
                    try finish(base, fields)
                }
            }
        }
        return true
    }

    private mutating func finish(
        _ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>
    ) throws(MessageFault) {
        let facts = head.summary.facts
        if facts.contains(.chunked) {
            if facts.contains(.contentLength) { throw .lengthAndTransferEncoding }
            if head.minorVersion == 0 { throw .transferEncodingInOldVersion }
        }
        if facts.contains(.nominates) { head.summary.markNominated(base, fields) }
        head.length = cursor.start
        stage = .done
    }

    private mutating func statusLine(
        _ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int
    ) throws(MessageFault) {
        let code = start + Version.length + 1
        guard end >= code + 3, base[code - 1] == Bytes.space else { throw .badStatusLine }
        head.minorVersion = min(1, try Version.minor(base + start, Version.length))
        var status = 0
        for index in code..<(code + 3) {
            guard Bytes.isDigit(base[index]) else { throw .badStatusLine }
            status = status * 10 + Int(base[index] &- UInt8(ascii: "0"))
        }
        guard (100...599).contains(status) else { throw .badStatusLine }
        // The space after the status is left out by some servers when there is no reason: harmless.
        guard end == code + 3 || base[code + 3] == Bytes.space else { throw .badStatusLine }
        let clean = Bytes.endOfValue(base, from: code + 3, to: end, clean: start)
        guard clean == end else {
            throw base[clean] == Bytes.carriageReturn ? .bareCarriageReturn : .controlByte
        }
        head.status = status
        head.statusAndReason = ByteRange(code - 1, end)
    }
}
