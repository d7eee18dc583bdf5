/// `HTTP/1.0` and `HTTP/1.1`, the versions served here; a later minor version is taken for 1.1 (RFC 9110 §2.5).
enum Version {
    static let length = 8

    /// The digit of the minor version; throws for everything that is not HTTP/1.
    @inline(__always)
    static func minor(_ base: UnsafePointer<UInt8>, _ count: Int) throws(MessageFault) -> UInt8 {
        guard count == length, isHTTP(base), Bytes.isDigit(base[5]), base[6] == UInt8(ascii: "."),
            Bytes.isDigit(base[7])
        else { throw .badVersion }
        guard base[5] == UInt8(ascii: "1") else { throw .unsupportedVersion }
        return base[7] &- UInt8(ascii: "0")
    }

    @inline(__always)
    private static func isHTTP(_ base: UnsafePointer<UInt8>) -> Bool {
        base[0] == UInt8(ascii: "H") && base[1] == UInt8(ascii: "T") && base[2] == UInt8(ascii: "T")
            && base[3] == UInt8(ascii: "P") && base[4] == Bytes.slash
    }
}
