/// Eight bytes of a head at once, as one number whose lowest byte is the first: heads are scanned in these steps.
///
/// What is asked of each byte is answered in its highest bit. Sums are made of the seven low bits only, so that no byte
/// carries over into the next one.
struct ByteWord: Equatable, BitwiseCopyable {
    static let bytes = 8
    /// The highest bit of every byte.
    static let all: UInt64 = 0x8080_8080_8080_8080
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let low: UInt64 = 0x7f7f_7f7f_7f7f_7f7f

    let bits: UInt64

    /// The eight bytes from `index` on; there must be as many.
    @inline(__always)
    init(_ base: UnsafePointer<UInt8>, at index: Int) {
        let raw = UnsafeRawPointer(base)
        self.init(bits: UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
    }

    /// The first eight bytes of a word in source, of which there must be as many.
    @inline(__always)
    init(_ word: StaticString) {
        self.init(word.utf8Start, at: 0)
    }

    /// Of `count` bytes the first eight at most, and zeros behind fewer. Reads none beyond them.
    @inline(__always)
    init(_ base: UnsafePointer<UInt8>, first count: Int) {
        let raw = UnsafeRawPointer(base)
        if count >= ByteWord.bytes {
            self.init(base, at: 0)
        } else if count >= 4 {
            let front = UInt32(littleEndian: raw.loadUnaligned(as: UInt32.self))
            let back = UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
            self.init(bits: UInt64(front) | UInt64(back) << UInt64(8 * (count - 4)))
        } else {
            var number: UInt64 = 0
            for index in 0..<count { number |= UInt64(base[index]) << UInt64(8 * index) }
            self.init(bits: number)
        }
    }

    @inline(__always)
    private init(bits: UInt64) { self.bits = bits }

    /// With capital letters made small. Of other bytes only such change as no name in source has.
    @inline(__always)
    var lowered: ByteWord { ByteWord(bits: bits | ByteWord.ones &* 0x20) }

    /// Where a letter, a digit, `-` or `.` stands, the usual bytes of names and hosts.
    @inline(__always)
    var isPlain: UInt64 {
        let low = bits & ByteWord.low
        let letters = ByteWord.isWithin(low | ByteWord.ones &* 0x20, 0x61, 0x7a)
        let digits = ByteWord.isWithin(low, 0x30, 0x39)
        let marks = ByteWord.isWithin(low, 0x2d, 0x2e)
        return (letters | digits | marks) & ~bits & ByteWord.all
    }

    /// Where a byte stands that no field value may hold, or a tab.
    @inline(__always)
    var isNotValue: UInt64 {
        let low = bits & ByteWord.low
        return (~(low &+ ByteWord.ones &* (0x80 - 0x20)) | (low &+ ByteWord.ones)) & ~bits & ByteWord.all
    }

    /// Where a byte stands that no request target may hold.
    @inline(__always)
    var isNotTarget: UInt64 {
        let low = bits & ByteWord.low
        let below = ~(low &+ ByteWord.ones &* (0x80 - 0x21))
        let fragment = ~((low ^ ByteWord.ones &* 0x23) &+ ByteWord.low)
        return (below | (low &+ ByteWord.ones) | fragment | bits) & ByteWord.all
    }

    /// The first of the bytes that an answer names; eight when it names none.
    @inline(__always)
    static func first(_ answer: UInt64) -> Int { answer.trailingZeroBitCount >> 3 }

    /// Where bytes below 0x80 are within bounds.
    @inline(__always)
    private static func isWithin(_ low: UInt64, _ least: UInt64, _ most: UInt64) -> UInt64 {
        (low &+ ones &* (0x80 - least)) & ~(low &+ ones &* (0x7f - most))
    }
}
