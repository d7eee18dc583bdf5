/// Names that no trailer may have (RFC 9110 §6.5.1): framing, routing, credentials, and what this proxy itself says.
///
/// A name that arrives byte by byte is known by its hash; a forged collision would only be refused, too.
enum TrailerName {
    /// The hash of no byte (FNV-1a).
    static let empty: UInt64 = 0xcbf2_9ce4_8422_2325

    /// The hash with one more byte; letters count in lower case, underscores as hyphens.
    static func hash(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        let folded = byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : Bytes.lower(byte)
        return (hash ^ UInt64(folded)) &* 0x100_0000_01b3
    }

    /// True when a name that begins with `length` bytes of this hash is forbidden whatever follows.
    static func isForbiddenPrefix(_ hash: UInt64, length: UInt8) -> Bool {
        switch length {
        case 6: hash == of("proxy-")
        case 12: hash == of("x-forwarded-")
        default: false
        }
    }

    /// The same of a whole name.
    static func isForbidden(_ name: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var value = empty
        for index in 0..<count {
            value = hash(value, name[index])
            if isForbiddenPrefix(value, length: UInt8(clamping: index + 1)) { return true }
        }
        return isForbidden(value)
    }

    static func isForbidden(_ hash: UInt64) -> Bool {
        isFraming(hash) || isCredential(hash) || isOfThisHop(hash)
    }

    private static func isFraming(_ hash: UInt64) -> Bool {
        hash == of("content-length") || hash == of("transfer-encoding") || hash == of("content-encoding")
            || hash == of("content-type") || hash == of("content-range") || hash == of("trailer")
            || hash == of("host") || hash == of("expect") || hash == of("max-forwards") || hash == of("range")
    }

    private static func isCredential(_ hash: UInt64) -> Bool {
        hash == of("authorization") || hash == of("cookie") || hash == of("set-cookie")
            || hash == of("www-authenticate")
    }

    private static func isOfThisHop(_ hash: UInt64) -> Bool {
        hash == of("connection") || hash == of("keep-alive") || hash == of("te") || hash == of("upgrade")
            || hash == of("http2-settings") || hash == of("proxy") || hash == of("forwarded")
            || hash == of("x-real-ip") || hash == of("x-request-id") || hash == of("via")
    }

    private static func of(_ word: StaticString) -> UInt64 {
        var value = empty
        for index in 0..<word.utf8CodeUnitCount { value = hash(value, word.utf8Start[index]) }
        return value
    }
}
