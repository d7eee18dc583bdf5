/// Writes a head into bytes that the caller owns; what does not fit is left out and noted.
package struct HeadWriter {
    @usableFromInline let base: UnsafeMutablePointer<UInt8>
    @usableFromInline let capacity: Int
    /// The bytes written so far.
    package internal(set) var count = 0
    /// True when something did not fit; the bytes are then of no use.
    package internal(set) var overflowed = false

    package init(_ base: UnsafeMutablePointer<UInt8>, capacity: Int) {
        self.base = base
        self.capacity = capacity
    }

    /// Appends a literal.
    package mutating func append(_ text: StaticString) { append(text.utf8Start, text.utf8CodeUnitCount) }

    /// Appends bytes.
    package mutating func append(_ bytes: UnsafePointer<UInt8>, _ length: Int) {
        guard length <= capacity - count else {
            overflowed = true
            return
        }
        (base + count).update(from: bytes, count: length)
        count += length
    }

    /// Appends a part of another head.
    package mutating func append(_ range: ByteRange, of other: UnsafePointer<UInt8>) {
        append(other + range.start, range.count)
    }

    /// Appends a number, which is not negative, in decimal digits.
    package mutating func append(decimal number: Int) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            var digit = UInt8(ascii: "0") + UInt8(number / divisor % 10)
            append(&digit, 1)
            divisor /= 10
        }
    }

    /// Appends a number, which is not negative, in hexadecimal digits.
    package mutating func append(hexadecimal number: Int) {
        var shift = 0
        while number >> shift > 15 { shift += 4 }
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: number >> shift & 15)
            var letter = digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
            append(&letter, 1)
            shift -= 4
        }
    }

    /// Takes the last CRLF back: a finished head can then be given more fields.
    package mutating func reopen() {
        if !overflowed { count -= 2 }
    }
}
