/// Where a value falls among weighted shares: flagd's `fractional` hashes its CBOR form with MurmurHash3 (x86, 32 bits).
enum Bucket {
    /// The bucket of some bytes out of `total`, from 0.
    static func of(_ bytes: [UInt8], total: Int64) -> Int64 {
        Int64((UInt64(murmur3(bytes)) * UInt64(total)) >> 32)
    }

    /// MurmurHash3_x86_32 with seed 0.
    static func murmur3(_ bytes: [UInt8]) -> UInt32 {
        var hash: UInt32 = 0
        let blocks = bytes.count / 4
        for index in 0..<blocks {
            let base = index * 4
            let block =
                UInt32(bytes[base]) | UInt32(bytes[base + 1]) << 8 | UInt32(bytes[base + 2]) << 16
                | UInt32(bytes[base + 3]) << 24
            hash ^= mixed(block)
            hash = hash << 13 | hash >> 19
            hash = hash &* 5 &+ 0xe654_6b64
        }
        var tail: UInt32 = 0
        for (shift, byte) in bytes[(blocks * 4)...].enumerated() { tail |= UInt32(byte) << UInt32(8 * shift) }
        if bytes.count % 4 != 0 { hash ^= mixed(tail) }
        hash ^= UInt32(truncatingIfNeeded: bytes.count)
        hash = (hash ^ hash >> 16) &* 0x85eb_ca6b
        hash = (hash ^ hash >> 13) &* 0xc2b2_ae35
        return hash ^ hash >> 16
    }

    private static func mixed(_ block: UInt32) -> UInt32 {
        let product = block &* 0xcc9e_2d51
        return (product << 15 | product >> 17) &* 0x1b87_3593
    }

    /// Appends a head of CBOR (RFC 8949 §3): a major type and a number in its shortest form.
    static func head(_ major: UInt8, _ number: UInt64, into bytes: inout [UInt8]) {
        func append(_ code: UInt8, _ width: Int) {
            bytes.append(major << 5 | code)
            for index in (0..<width).reversed() {
                bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index)))
            }
        }
        switch number {
        case 0..<24: bytes.append(major << 5 | UInt8(number))
        case 24..<0x100: append(24, 1)
        case 0x100..<0x1_0000: append(25, 2)
        case 0x1_0000..<0x1_0000_0000: append(26, 4)
        default: append(27, 8)
        }
    }

    /// Appends a number: whole ones as integers, others as the shortest float that holds them.
    static func number(_ value: Double, into bytes: inout [UInt8]) {
        if value.rounded(.towardZero) == value {
            if let whole = Int64(exactly: value) { return integer(whole, into: &bytes) }
            if let whole = UInt64(exactly: value) { return head(0, whole, into: &bytes) }
        }
        if value.isNaN {
            bytes += [0xF9, 0x7E, 0x00]
            return
        }
        var pattern: UInt64
        var width: Int
        if let half = halfPattern(value) {
            (pattern, width) = (UInt64(half), 2)
        } else if Double(Float(value)) == value {
            (pattern, width) = (UInt64(Float(value).bitPattern), 4)
        } else {
            (pattern, width) = (value.bitPattern, 8)
        }
        bytes.append(width == 2 ? 0xF9 : width == 4 ? 0xFA : 0xFB)
        for index in (0..<width).reversed() {
            bytes.append(UInt8(truncatingIfNeeded: pattern >> UInt64(8 * index)))
        }
    }

    /// Appends a whole number.
    static func integer(_ value: Int64, into bytes: inout [UInt8]) {
        if value >= 0 {
            head(0, UInt64(value), into: &bytes)
        } else {
            head(1, UInt64(bitPattern: ~value), into: &bytes)
        }
    }

    /// The 16 bits of a float that holds the value without loss; nil when none does.
    private static func halfPattern(_ value: Double) -> UInt16? {
        let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
        let magnitude = value.magnitude
        if magnitude == .infinity { return sign | 0x7C00 }
        if magnitude == 0 { return sign }
        let exponent = Int(magnitude.exponent)
        guard exponent <= 15 else { return nil }
        if exponent >= -14 {
            let scaled = magnitude.significand * 1024
            guard scaled.rounded() == scaled else { return nil }
            return sign | UInt16(exponent + 15) << 10 | (UInt16(scaled) - 1024)
        }
        let steps = magnitude * 16_777_216  // 2^24: how many of the smallest subnormal
        guard steps.rounded() == steps, steps >= 1, steps < 1024 else { return nil }
        return sign | UInt16(steps)
    }
}
