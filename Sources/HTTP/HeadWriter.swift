/// Writes a head into bytes that the caller owns; what does not fit is left out and noted.
public struct HeadWriter {
    @usableFromInline let base: UnsafeMutablePointer<UInt8>
    @usableFromInline let capacity: Int
    /// The bytes written so far.
    @inlinable
    public var count: Int { written }
    /// True when something did not fit; the bytes are then of no use.
    @inlinable
    public var overflowed: Bool { isOver }
    @usableFromInline var written: Int
    @usableFromInline var isOver: Bool

    /// Writes from `base` on, at most `capacity` bytes.
    @inlinable
    public init(_ base: UnsafeMutablePointer<UInt8>, capacity: Int) {
        self.base = base
        self.capacity = capacity
        // Here, not with the properties: only this is written where a writer is made.
        written = 0
        isOver = false
    }

    /// Appends a literal, in a few stores where that is written.
    @inlinable @inline(__always)
    public mutating func append(_ text: StaticString) { put(text.utf8Start, text.utf8CodeUnitCount) }

    /// Appends bytes.
    public mutating func append(_ bytes: UnsafePointer<UInt8>, _ length: Int) { put(bytes, length) }

    @inlinable @inline(__always)
    mutating func put(_ bytes: UnsafePointer<UInt8>, _ length: Int) {
        guard length <= capacity - written else {
            isOver = true
            return
        }
        (base + written).update(from: bytes, count: length)
        written += length
    }

    /// Appends a part of another head.
    public mutating func append(_ range: ByteRange, of other: UnsafePointer<UInt8>) {
        append(other + range.start, range.count)
    }

    /// Appends a number, which is not negative, in decimal digits.
    public mutating func append(decimal number: Int) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            var digit = UInt8(ascii: "0") + UInt8(number / divisor % 10)
            append(&digit, 1)
            divisor /= 10
        }
    }

    /// Appends a number, which is not negative, in hexadecimal digits.
    public mutating func append(hexadecimal number: Int) {
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
    public mutating func reopen() {
        if !isOver { written -= 2 }
    }
}
