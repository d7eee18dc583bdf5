/// A strong entity tag (RFC 9110 §8.8.3): a digest of a body.
struct EntityTag: Equatable {
    /// As the field `ETag` has it, with its quotes.
    let text: String

    /// The tag of some bytes: two FNV-1a hashes of 64 bits, one over the bytes turned over.
    init(_ bytes: [UInt8]) {
        let prime: UInt64 = 0x100_0000_01b3
        var one: UInt64 = 0xcbf2_9ce4_8422_2325
        var other = one ^ UInt64(bytes.count)
        for byte in bytes {
            one = (one ^ UInt64(byte)) &* prime
            other = (other ^ UInt64(~byte)) &* prime
        }
        text = "\"\(String(one, radix: 16))-\(String(other, radix: 16))\""
    }

    /// Whether a field `If-None-Match` names this tag; a weak comparison, as that field wants it.
    func matches(_ condition: String) -> Bool {
        condition.split(separator: ",").contains { part in
            var tag = part.drop { $0 == " " || $0 == "\t" }
            if tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
            while tag.last == " " || tag.last == "\t" { tag = tag.dropLast() }
            return tag == "*" || tag == text
        }
    }
}
