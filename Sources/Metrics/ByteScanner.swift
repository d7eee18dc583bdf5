/// Walks over the bytes of a file of `/proc`: words and numbers, line by line, without allocating.
struct ByteScanner: ~Escapable {
    /// Fifteen decimal places.
    private static let divisorMax = 1e15

    private let bytes: Span<UInt8>
    private(set) var place = 0

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) { self.bytes = bytes }

    /// True when nothing is left.
    var isAtEnd: Bool { place >= bytes.count }

    /// The byte here; nil at the end.
    var current: UInt8? { place < bytes.count ? bytes[place] : nil }

    /// Goes past `text`, which is not empty, when it stands here; false, and stays, otherwise.
    @inline(__always)
    mutating func skip(_ text: StaticString) -> Bool {
        // Most lines are told apart by their first byte.
        guard place < bytes.count, bytes[place] == text.utf8Start[0], stands(text) else { return false }
        place += text.utf8CodeUnitCount
        return true
    }

    private func stands(_ text: StaticString) -> Bool {
        guard bytes.count - place >= text.utf8CodeUnitCount else { return false }
        for offset in 0..<text.utf8CodeUnitCount where bytes[place + offset] != text.utf8Start[offset] {
            return false
        }
        return true
    }

    /// Goes past white space, line ends included.
    mutating func skipWhiteSpace() {
        while let byte = current, byte == UInt8(ascii: " ") || (9...13).contains(byte) { place += 1 }
    }

    /// True at the end of a line or of everything.
    var isAtEndOfLine: Bool { current.map { $0 == UInt8(ascii: "\n") } ?? true }

    /// Goes past spaces and tabs.
    mutating func skipSpaces() {
        while let byte = current, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { place += 1 }
    }

    /// Goes past a word and the spaces after it.
    mutating func skipWord() {
        while let byte = current, byte > UInt8(ascii: " ") { place += 1 }
        skipSpaces()
    }

    /// Goes past as many words and the spaces after them.
    mutating func skipWords(_ count: Int) {
        for _ in 0..<count { skipWord() }
    }

    /// Goes to the beginning of the next line.
    mutating func skipLine() {
        while let byte = current, byte != UInt8(ascii: "\n") { place += 1 }
        if place < bytes.count { place += 1 }
    }

    /// Reads the bytes up to a space, a line's end or `stop` as a text of at most `bytesMax` bytes; nil, and stays, for
    /// none, for a longer one, and for bytes that are no printable UTF-8.
    mutating func word(before stop: UInt8 = UInt8(ascii: " "), bytesMax: Int = 255) -> String? {
        var end = place
        while end < bytes.count, bytes[end] > UInt8(ascii: " "), bytes[end] != stop { end += 1 }
        guard end > place, end - place <= bytesMax else { return nil }
        let span = bytes.extracting(place..<end)
        let text = span.withUnsafeBufferPointer { String(validating: $0, as: UTF8.self) }
        guard let text, !text.unicodeScalars.contains(where: { (0x7F...0x9F).contains($0.value) }) else {
            return nil
        }
        place = end
        return text
    }

    /// Reads digits; nil, and stays, without any or when the number does not fit.
    mutating func number() -> UInt64? {
        var value: UInt64 = 0
        var end = place
        while end < bytes.count {
            let digit = bytes[end] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            let (tens, overflowed) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = tens.addingReportingOverflow(UInt64(digit))
            guard !overflowed, !carried else { return nil }
            value = sum
            end += 1
        }
        guard end > place else { return nil }
        place = end
        return value
    }

    /// Reads digits with or without a decimal part, as `12` and `12.34`; nil without any.
    mutating func decimal() -> Double? {
        guard let whole = number() else { return nil }
        guard current == UInt8(ascii: ".") else { return Double(whole) }
        let point = place
        place += 1
        let begin = place
        guard let fraction = number() else {
            place = point
            return nil
        }
        var divisor = 1.0
        for _ in begin..<place { divisor *= 10 }
        // Nothing in /proc is as exact; many zeros would make it infinite.
        guard divisor <= ByteScanner.divisorMax else {
            place = point
            return nil
        }
        // One division of whole numbers gives the nearest value: 2.53, not 2.5300000000000002.
        return (Double(whole) * divisor + Double(fraction)) / divisor
    }
}
