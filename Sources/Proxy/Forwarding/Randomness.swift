import Glibc

/// A worker's numbers for request ids and traces: xoshiro256++, seeded by the kernel. Fast and well spread, but
/// not secret: nobody may use an id as a password.
struct Randomness: BitwiseCopyable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// Seeded by `getentropy`, or by clock and address where the kernel has none to give.
    init() {
        state = (0, 0, 0, 0)
        let failed = withUnsafeMutableBytes(of: &state) { bytes in
            bytes.baseAddress.map { getentropy($0, bytes.count) } ?? -1
        }
        if failed != 0 || state == (0, 0, 0, 0) {
            self = Randomness(seed: UInt64(getpid()) << 32 ^ UInt64(time(nil)))
        }
    }

    /// The same numbers for the same seed.
    init(seed: UInt64) {
        var word = seed
        func next() -> UInt64 {  // SplitMix64
            word &+= 0x9e37_79b9_7f4a_7c15
            var mixed = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
            return mixed ^ mixed >> 31
        }
        state = (next(), next(), next(), next())
    }

    mutating func next() -> UInt64 {
        let sum = state.0 &+ state.3
        let result = (sum << 23 | sum >> 41) &+ state.0
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = state.3 << 45 | state.3 >> 19
        return result
    }

    /// Writes a number as 16 hexadecimal digits, eight at a time in one word.
    @inline(__always)
    static func hexadecimal(_ number: UInt64, to text: UnsafeMutablePointer<UInt8>) {
        let raw = UnsafeMutableRawPointer(text)
        raw.storeBytes(of: digits(UInt32(truncatingIfNeeded: number >> 32)).bigEndian, as: UInt64.self)
        raw.storeBytes(
            of: digits(UInt32(truncatingIfNeeded: number)).bigEndian, toByteOffset: 8, as: UInt64.self)
    }

    @inline(__always)
    private static func digits(_ number: UInt32) -> UInt64 {
        // Spreads eight half bytes over eight bytes, then turns each into its digit.
        var spread = UInt64(number)
        spread = (spread << 16 | spread) & 0x0000_ffff_0000_ffff
        spread = (spread << 8 | spread) & 0x00ff_00ff_00ff_00ff
        spread = (spread << 4 | spread) & 0x0f0f_0f0f_0f0f_0f0f
        let letters = ((spread &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return spread &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }
}
