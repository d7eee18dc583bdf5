import HTTP

/// `traceparent` of W3C Trace Context, level 1: `00-TRACE-PARENT-FLAGS`.
enum TraceParent {
    /// The bytes of a value of version 00.
    static let valueBytes = 55
    /// The bytes of the whole line, its CRLF included.
    static let lineBytes = 13 + valueBytes + 2

    /// True when the head brings exactly one valid `traceparent`, and it does not end here because `Connection` names
    /// it.
    static func isValid(
        _ head: RequestHead, _ base: UnsafePointer<UInt8>, _ fields: UnsafePointer<Field>
    ) -> Bool {
        var found: ByteRange?
        for index in 0..<head.summary.count
        where fields[index].kind == .tracing && fields[index].isNamed("traceparent", base) {
            guard found == nil, !fields[index].isNominated else { return false }
            found = fields[index].value
        }
        guard let found else { return false }
        return isValid(base + found.start, found.count)
    }

    /// True for a value of version 00, or of a later version that begins in the same way (§3.2.2, §4.3).
    static func isValid(_ value: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        guard count >= valueBytes else { return false }
        for index in 0..<valueBytes {
            let isDash = index == 2 || index == 35 || index == 52
            guard isDash ? value[index] == UInt8(ascii: "-") : isDigit(value[index]) else { return false }
        }
        if value[0] == UInt8(ascii: "f"), value[1] == UInt8(ascii: "f") { return false }
        if count > valueBytes {
            let isFirst = value[0] == UInt8(ascii: "0") && value[1] == UInt8(ascii: "0")
            guard !isFirst, value[valueBytes] == UInt8(ascii: "-") else { return false }
        }
        return !isZero(value + 3, 32) && !isZero(value + 36, 16)
    }

    /// Writes the line of a new trace, marked as sampled: who asks the proxy to start traces wants them recorded.
    static func write(_ randomness: inout Randomness, to line: UnsafeMutablePointer<UInt8>) {
        let start: StaticString = "traceparent: 00-"
        line.update(from: start.utf8Start, count: 16)
        // An id of zeros is invalid.
        Randomness.hexadecimal(randomness.next() | 1, to: line + 16)
        Randomness.hexadecimal(randomness.next(), to: line + 32)
        line[48] = UInt8(ascii: "-")
        Randomness.hexadecimal(randomness.next() | 1, to: line + 49)
        let end: StaticString = "-01\r\n"
        (line + 65).update(from: end.utf8Start, count: 5)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10 || byte &- UInt8(ascii: "a") < 6
    }

    private static func isZero(_ text: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        for index in 0..<count where text[index] != UInt8(ascii: "0") { return false }
        return true
    }
}
