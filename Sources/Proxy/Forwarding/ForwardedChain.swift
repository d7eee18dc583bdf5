import HTTP

/// The addresses that `X-Forwarded-For` names, read from the right: each hop vouches for the one before it, and
/// only as far as hops are trusted.
enum ForwardedChain {
    /// Elements that are looked at; a longer list is somebody's play.
    private static let elementsMax = 32

    /// The first address from the right that is not trusted, or the leftmost when all are; nil when the field
    /// is missing or does not begin (at its right end) with an address.
    static func client(
        _ head: RequestHead, _ base: UnsafePointer<UInt8>, _ fields: UnsafePointer<Field>,
        trusted: TrustedNetworks
    ) -> AddressBits? {
        var found: AddressBits?
        var left = elementsMax
        for index in stride(from: head.summary.count - 1, through: 0, by: -1)
        where fields[index].kind == .forwarded && fields[index].isNamed("x-forwarded-for", base) {
            let value = fields[index].value
            var end = value.end
            while end > value.start, left > 0 {
                left -= 1
                var start = end
                while start > value.start, base[start - 1] != UInt8(ascii: ",") { start -= 1 }
                let element = trimmed(base, start, end)
                guard element.count > 0 else {
                    // An empty element names nobody (RFC 9110 §5.6.1).
                    end = start - 1
                    continue
                }
                guard let address = address(base, element.start, element.end) else { return found }
                found = address
                guard trusted.contains(address) else { return found }
                end = start - 1
            }
        }
        return found
    }

    /// The stretch without the blanks around it.
    private static func trimmed(_ base: UnsafePointer<UInt8>, _ from: Int, _ to: Int) -> ByteRange {
        var start = from
        var end = to
        while start < end, isBlank(base[start]) { start += 1 }
        while end > start, isBlank(base[end - 1]) { end -= 1 }
        return ByteRange(start, end)
    }

    /// One element: an address, alone or with a port (`192.0.2.1:80`, `[2001:db8::1]:80`).
    private static func address(_ base: UnsafePointer<UInt8>, _ from: Int, _ to: Int) -> AddressBits? {
        var start = from
        var end = to
        if base[start] == UInt8(ascii: "[") {
            start += 1
            var close = start
            while close < end, base[close] != UInt8(ascii: "]") { close += 1 }
            guard close < end else { return nil }
            return AddressBits(text: base + start, count: close - start)
        }
        var colon = start
        while colon < end, base[colon] != UInt8(ascii: ":") { colon += 1 }
        var next = colon + 1
        while next < end, base[next] != UInt8(ascii: ":") { next += 1 }
        // One colon alone parts an IPv4 address from its port.
        if colon < end, next >= end { end = colon }
        return AddressBits(text: base + start, count: end - start)
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }
}
