import Glibc

/// Bytes of lines on their way to the log, in memory of its own; the caller makes sure that there is room.
struct LineBuffer: ~Copyable {
    let base: UnsafeMutablePointer<UInt8>
    let capacity: Int
    private(set) var count = 0
    /// The lines that were ended.
    private(set) var lines = 0

    init(capacity: Int) {
        self.capacity = capacity
        base = .allocate(capacity: capacity)
    }

    deinit { base.deallocate() }

    mutating func clear() {
        count = 0
        lines = 0
    }

    /// Ends the line.
    @inline(__always)
    mutating func endLine() {
        append(byte: UInt8(ascii: "\n"))
        lines += 1
    }

    /// Appends a literal, in a few stores where that is written.
    @inline(__always)
    mutating func append(_ text: StaticString) { append(text.utf8Start, text.utf8CodeUnitCount) }

    @inline(__always)
    mutating func append(_ bytes: UnsafePointer<UInt8>, _ length: Int) {
        UnsafeMutableRawPointer(base + count).copyMemory(from: bytes, byteCount: length)
        count &+= length
    }

    @inline(__always)
    mutating func append(byte: UInt8) {
        base[count] = byte
        count &+= 1
    }

    /// A number in decimal digits.
    @inline(never)
    mutating func append(decimal number: UInt64) {
        if number < 10 { return append(byte: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number)) }
        guard let small = UInt32(exactly: number), small < 1_000_000_000 else {
            // Rare: a body of a gigabyte, an epoch.
            append(decimal: number / 1_000_000_000)
            return append(padded: number % 1_000_000_000, to: 9)
        }
        append(padded: number, to: LineBuffer.digits(small))
    }

    /// How many digits a number from 10 to 999,999,999 has.
    @inline(__always)
    private static func digits(_ number: UInt32) -> Int {
        if number < 10_000 { return number < 100 ? 2 : number < 1000 ? 3 : 4 }
        if number < 1_000_000 { return number < 100_000 ? 5 : 6 }
        return number < 10_000_000 ? 7 : number < 100_000_000 ? 8 : 9
    }

    /// The digits of the numbers from 00 to 99.
    private static var pairs: StaticString {
        """
        00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748\
        495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
        """
    }

    /// The last `digits` digits of a number below 2³², with leading zeros; two with each division.
    @inline(__always)
    mutating func append(padded number: UInt64, to digits: Int) {
        let pairs = UnsafeRawPointer(LineBuffer.pairs.utf8Start)
        let raw = UnsafeMutableRawPointer(base)
        var left = UInt32(truncatingIfNeeded: number)
        var place = count &+ digits
        while place > count &+ 1 {
            let pair = Int(left % 100)
            left /= 100
            place &-= 2
            raw.storeBytes(
                of: pairs.loadUnaligned(fromByteOffset: pair &* 2, as: UInt16.self), toByteOffset: place,
                as: UInt16.self)
        }
        if place > count { base[count] = UInt8(truncatingIfNeeded: 48 &+ left % 10) }
        count &+= digits
    }

    /// Bytes with everything that could end a text or a line written otherwise: `"` and `\` after a backslash,
    /// control bytes and those above ASCII in hexadecimal (`\xNN` or, in JSON, `\u00NN`).
    mutating func append(escaped bytes: UnsafePointer<UInt8>, _ length: Int, isJSON: Bool) {
        var start = 0
        var index = LineBuffer.harmless(bytes, length)
        while index < length {
            let byte = bytes[index]
            index += 1
            if byte >= 0x20, byte < 0x7f, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { continue }
            append(bytes + start, index - 1 - start)
            start = index
            append(byte: UInt8(ascii: "\\"))
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                append(byte: byte)
            } else {
                append(isJSON ? "u00" : "x")
                append(byte: LineBuffer.digit(byte >> 4))
                append(byte: LineBuffer.digit(byte & 15))
            }
        }
        append(bytes + start, length - start)
    }

    /// How many bytes from the start on, in steps of eight, need no escape.
    @inline(__always)
    private static func harmless(_ bytes: UnsafePointer<UInt8>, _ length: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let raw = UnsafeRawPointer(bytes)
        var index = 0
        while index + 8 <= length {
            let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            // The highest bit of a byte is set where it is below 0x20, above 0x7e, a quote or a backslash.
            let low = word &- ones &* 0x20
            let high = word &+ ones
            let quote = (word ^ ones &* 0x22) &- ones
            let slash = (word ^ ones &* 0x5c) &- ones
            if (low | high | quote | slash | word) & (ones &* 0x80) != 0 { break }
            index += 8
        }
        return index
    }

    private static func digit(_ number: UInt8) -> UInt8 {
        number < 10 ? UInt8(ascii: "0") + number : UInt8(ascii: "a") + number - 10
    }
}
