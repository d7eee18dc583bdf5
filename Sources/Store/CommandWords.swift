/// Words of a command in the form that Redis takes them (RESP2: `$`, length, line end, bytes, line end), written one
/// after the other: a report of seventy words needs no string for each.
package struct CommandWords: Sendable, Equatable {
    /// Decimal places of `append(rounded:)`, as a factor.
    private static let places: Int64 = 10_000
    /// Beyond this, in units of the last place, a number is written as the standard library does it.
    private static let roundedMax = 1e15

    /// The words as they are sent.
    package private(set) var bytes: [UInt8] = []
    /// The number of words.
    package private(set) var count = 0

    /// No words yet, with room for so many bytes.
    package init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// Appends a text as one word.
    package mutating func append(_ text: String) {
        let utf8 = text.utf8
        begin(length: utf8.count)
        bytes.append(contentsOf: utf8)
        end()
    }

    /// Appends a literal as one word.
    package mutating func append(_ text: StaticString) {
        begin(length: text.utf8CodeUnitCount)
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        end()
    }

    /// Appends a number in decimal digits as one word.
    package mutating func append(whole number: Int64) {
        var word = ShortPiece()
        word.putLineEnd()
        word.put(whole: number.magnitude)
        if number < 0 { word.put(UInt8(ascii: "-")) }
        append(word)
    }

    /// Appends a finite number, rounded to four places, as one word: `0.5`, `12.0`, `-3.1416`.
    package mutating func append(rounded value: Double) {
        let units = (value * Double(CommandWords.places)).rounded()
        guard abs(units) < CommandWords.roundedMax else { return append(String(value)) }
        let whole = Int64(units)
        var word = ShortPiece()
        word.putLineEnd()
        word.put(
            fraction: whole.magnitude % UInt64(CommandWords.places), places: UInt64(CommandWords.places))
        word.put(UInt8(ascii: "."))
        word.put(whole: whole.magnitude / UInt64(CommandWords.places))
        if units < 0 { word.put(UInt8(ascii: "-")) }
        append(word)
    }

    /// The words as texts again.
    package var texts: [String] {
        var texts: [String] = []
        var rest = bytes[...]
        while let lineEnd = rest.firstIndex(of: UInt8(ascii: "\r")),
            let length = Int(String(decoding: rest[..<lineEnd].dropFirst(), as: UTF8.self))
        {
            let text = rest[(lineEnd + 2)...].prefix(length)
            texts.append(String(decoding: text, as: UTF8.self))
            rest = rest[(text.endIndex + 2)...]
        }
        return texts
    }

    /// Appends the words of another, from its byte `start` on, where a word begins.
    mutating func append(_ other: CommandWords, from start: Int, count added: Int) {
        bytes += other.bytes[start...]
        count += added
    }

    /// Puts a word's length before it, and appends both as one piece; the word has its line's end already.
    private mutating func append(_ ended: ShortPiece) {
        var word = ended
        let length = word.count - ShortPiece.lineEndBytes
        word.putLineEnd()
        word.put(whole: UInt64(length))
        word.put(UInt8(ascii: "$"))
        word.copy(to: &bytes)
        count += 1
    }

    private mutating func begin(length: Int) {
        var line = ShortPiece()
        line.putLineEnd()
        line.put(whole: UInt64(length))
        line.put(UInt8(ascii: "$"))
        line.copy(to: &bytes)
    }

    private mutating func end() {
        var line = ShortPiece()
        line.putLineEnd()
        line.copy(to: &bytes)
        count += 1
    }

    /// Appends a number that is not negative, and the end of its line.
    static func append(_ number: Int, to output: inout [UInt8]) {
        var line = ShortPiece()
        line.putLineEnd()
        line.put(whole: UInt64(number))
        line.copy(to: &output)
    }
}

/// A number, its length and the ends of their lines: a few bytes, put together from the last to the first.
private struct ShortPiece {
    static let lineEndBytes = 2
    /// Digits of the largest number, its point and its sign; the digits of their count, a `$` and two ends of lines.
    private static let room = 24 + 8

    private var bytes = InlineArray<32, UInt8>(repeating: 0)
    private var start = ShortPiece.room

    var count: Int { ShortPiece.room - start }

    mutating func put(_ byte: UInt8) {
        start -= 1
        bytes[start] = byte
    }

    mutating func putLineEnd() {
        put(UInt8(ascii: "\n"))
        put(UInt8(ascii: "\r"))
    }

    mutating func put(whole number: UInt64) {
        var rest = number
        repeat {
            put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
    }

    /// Puts what stands behind the point, `number` of `places`, without zeros at its end but for the first.
    mutating func put(fraction number: UInt64, places: UInt64) {
        var (rest, left) = (number, places)
        while left > 10, rest % 10 == 0 { (rest, left) = (rest / 10, left / 10) }
        while left > 1 {
            put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            (rest, left) = (rest / 10, left / 10)
        }
    }

    func copy(to output: inout [UInt8]) {
        bytes.span.withUnsafeBufferPointer {
            output.append(contentsOf: UnsafeBufferPointer(rebasing: $0[start...]))
        }
    }
}
