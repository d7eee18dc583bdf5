import HTTP

/// Parses heads from text or bytes, at once or piece by piece, into values that tests compare.
enum HeadFixture {
    struct Outcome: Equatable {
        var verdict: HeadVerdict
        var length = 0
        var framing = BodyFraming.none
        var keepsAlive = false
        var raw: [([UInt8], [UInt8])] = []

        var fields: [String] {
            raw.map { String(decoding: $0.0 + [61] + $0.1, as: UTF8.self) }
        }

        static func == (left: Outcome, right: Outcome) -> Bool {
            left.verdict == right.verdict && left.length == right.length && left.framing == right.framing
                && left.keepsAlive == right.keepsAlive && left.raw.elementsEqual(right.raw, by: ==)
        }
    }

    static func request(
        _ bytes: [UInt8], steps: [Int]? = nil, limits: HeadLimits = HeadLimits()
    ) -> (outcome: Outcome, head: RequestHead) {
        var parser = RequestParser()
        let (verdict, fields) = feed(bytes, steps, limits) {
            parser.parse($0, count: $1, fields: $2, limits: limits)
        }
        let head = parser.head
        guard verdict == .complete else { return (Outcome(verdict: verdict), head) }
        let outcome = Outcome(
            verdict: verdict, length: head.length, framing: head.framing, keepsAlive: head.keepsAlive,
            raw: lines(bytes, fields, head.summary.count))
        return (outcome, head)
    }

    static func response(
        _ bytes: [UInt8], steps: [Int]? = nil, answersHead: Bool = false, limits: HeadLimits = HeadLimits()
    ) -> (outcome: Outcome, head: ResponseHead) {
        var parser = ResponseParser()
        let (verdict, fields) = feed(bytes, steps, limits) {
            parser.parse($0, count: $1, fields: $2, limits: limits)
        }
        let head = parser.head
        guard verdict == .complete else { return (Outcome(verdict: verdict), head) }
        let outcome = Outcome(
            verdict: verdict, length: head.length, framing: head.framing(answersHead: answersHead),
            keepsAlive: head.keepsAlive, raw: lines(bytes, fields, head.summary.count))
        return (outcome, head)
    }

    /// Feeds prefixes of these lengths (all bytes at once without them) until the verdict is final.
    private static func feed(
        _ bytes: [UInt8], _ steps: [Int]?, _ limits: HeadLimits,
        _ parse: (UnsafePointer<UInt8>, Int, UnsafeMutablePointer<Field>) -> HeadVerdict
    ) -> (HeadVerdict, [Field]) {
        let room = UnsafeMutablePointer<Field>.allocate(capacity: limits.fields)
        defer { room.deallocate() }
        // Exactly sized memory, so that an address sanitizer would see a read beyond what was given.
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        defer { copy.deallocate() }
        for (index, byte) in bytes.enumerated() { copy[index] = byte }
        var verdict = HeadVerdict.needMore
        for count in (steps ?? []) + [bytes.count] {
            verdict = parse(copy, min(count, bytes.count), room)
            if verdict != .needMore { break }
        }
        guard verdict == .complete else { return (verdict, []) }
        return (verdict, (0..<limits.fields).map { room[$0] })
    }

    private static func lines(
        _ bytes: [UInt8], _ fields: [Field], _ count: Int
    ) -> [([UInt8], [UInt8])] {
        fields.prefix(count).map { field in
            (
                Array(bytes[field.name.start..<field.name.end]),
                Array(bytes[field.value.start..<field.value.end])
            )
        }
    }

    static func text(_ range: ByteRange?, of bytes: [UInt8]) -> String? {
        range.map { String(decoding: bytes[$0.start..<$0.end], as: UTF8.self) }
    }
}
