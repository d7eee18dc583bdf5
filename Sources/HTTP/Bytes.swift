/// The byte classes of RFC 9110, as bit sets: no table in memory, no lazy initialisation.
enum Bytes {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let colon = UInt8(ascii: ":")
    static let comma = UInt8(ascii: ",")
    static let slash = UInt8(ascii: "/")

    /// `tchar` of RFC 9110 §5.6.2.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        isIn(byte, low: 0x03ff_6cfa_0000_0000, high: 0x57ff_ffff_c7ff_fffe)
    }

    /// What a field value, a reason phrase or a chunk extension may hold: HTAB, SP, VCHAR and obs-text.
    @inline(__always)
    static func isValue(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7f || byte == tab }

    /// What a request target may hold: visible ASCII but the `#` of a fragment.
    @inline(__always)
    static func isTarget(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "#") }

    /// What a registered name or an IPv4 address may hold (RFC 3986 §3.2.2) but for percent signs, which need two
    /// digits behind them, and the comma: a list of two hosts is somebody's mistake or attack.
    @inline(__always)
    static func isHost(_ byte: UInt8) -> Bool {
        isIn(byte, low: 0x2bff_6fd2_0000_0000, high: 0x47ff_fffe_87ff_fffe)
    }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    /// The value of a hexadecimal digit, or 255.
    @inline(__always)
    static func hexadecimal(_ byte: UInt8) -> UInt8 {
        if isDigit(byte) { return byte &- UInt8(ascii: "0") }
        let letter = (byte | 0x20) &- UInt8(ascii: "a")
        return letter < 6 ? letter &+ 10 : 255
    }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    /// True when `count` bytes equal `word`, which is in lower case: letters, digits and hyphens only.
    @inline(__always)
    static func equal(_ base: UnsafePointer<UInt8>, _ count: Int, _ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        return hasPrefix(base, word)
    }

    /// True when the bytes start with `word`, which is in lower case; the caller knows that there are enough.
    @inline(__always)
    static func hasPrefix(_ base: UnsafePointer<UInt8>, _ word: StaticString) -> Bool {
        let other = word.utf8Start
        for index in 0..<word.utf8CodeUnitCount where lower(base[index]) != other[index] { return false }
        return true
    }

    /// The same with underscores taken for hyphens, as servers do that pass fields on as variables.
    @inline(__always)
    static func hasPrefixAsVariable(_ base: UnsafePointer<UInt8>, _ word: StaticString) -> Bool {
        let other = word.utf8Start
        for index in 0..<word.utf8CodeUnitCount where lower(base[index]) != other[index] {
            guard base[index] == UInt8(ascii: "_"), other[index] == UInt8(ascii: "-") else { return false }
        }
        return true
    }

    /// True when some of the bytes are underscores.
    static func holdsUnderscore(_ base: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        for index in 0..<count where base[index] == UInt8(ascii: "_") { return true }
        return false
    }

    /// The first byte from `start` on that no token may hold; `end` when there is none.
    @inline(__always)
    static func endOfToken(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
        var index = endOfPlain(base, from: start, to: end)
        while index < end, isToken(base[index]) { index += 1 }
        return index
    }

    /// The first byte from `start` on that is no letter, digit, `-` or `.`, or one of the last seven before `end`.
    @inline(__always)
    static func endOfPlain(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while end - index >= ByteWord.bytes {
            let found = ByteWord.first(~ByteWord(base, at: index).isPlain & ByteWord.all)
            index += found
            if found < ByteWord.bytes { break }
        }
        return index
    }

    /// The first byte from `start` on that no request target may hold; `end` when there is none.
    @inline(__always)
    static func endOfTarget(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while end - index >= ByteWord.bytes {
            let found = ByteWord.first(ByteWord(base, at: index).isNotTarget)
            index += found
            if found < ByteWord.bytes { return index }
        }
        while index < end, isTarget(base[index]) { index += 1 }
        return index
    }

    /// The first byte from `start` on that no field value may hold; `end` when there is none. The bytes from `clean` to
    /// `start` are known to be such as values hold.
    @inline(__always)
    static func endOfValue(
        _ base: UnsafePointer<UInt8>, from start: Int, to end: Int, clean: Int
    ) -> Int {
        var index = start
        while end - index >= ByteWord.bytes {
            if ByteWord(base, at: index).isNotValue != 0 { break }
            index += ByteWord.bytes
        }
        // The rest is shorter than eight bytes, but together with those before it there may be as many.
        if end - index < ByteWord.bytes, end - clean >= ByteWord.bytes,
            ByteWord(base, at: end - ByteWord.bytes).isNotValue == 0
        {
            return end
        }
        while index < end, isValue(base[index]) { index += 1 }
        return index
    }

    @inline(__always)
    static func lower(_ byte: UInt8) -> UInt8 { byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte }

    @inline(__always)
    private static func isIn(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
        byte < 128 && ((byte < 64 ? low : high) >> UInt64(byte & 63)) & 1 == 1
    }
}
