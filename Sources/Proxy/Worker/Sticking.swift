import Glibc
import HTTP

/// One client, one server: by a cookie or by the client's address.
extension Worker {
    /// Places of the ring that a search looks at: one server alone has a point in 256 places.
    private static let placesLookedAt = 8192

    /// The server that the client's address belongs to; −1 when none takes requests.
    func slotOfAddress(_ client: ClientPointer) -> Int32 {
        guard ringCount > 0 else { return -1 }
        let hash = withUnsafePointer(to: &client.pointee.address) {
            StableHash.of(
                UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self), Int(client.pointee.addressLength))
        }
        var place = HashRing.place(of: hash)
        // As slow starts go on, more and more of a server's clients come to it, and stay.
        let part = Float(hash & 0xffff) / 65_536
        for _ in 0..<min(ringCount, Worker.placesLookedAt) {
            let slot = ring[place]
            if slot >= 0, loads[Int(slot)].isEligible, loads[Int(slot)].admission > part { return slot }
            place = place + 1 == ringCount ? 0 : place + 1
        }
        return -1
    }

    /// The server that the request's cookie names, when it takes requests; else −1. What the client believes is
    /// noted, so that it can be put right.
    func slotOfCookie(_ client: ClientPointer) -> Int32 {
        guard let block = client.pointee.up.block, nameCount > 0 else { return -1 }
        let base = UnsafePointer(block + Int(client.pointee.up.start))
        let fields = blocks.fields(of: block)
        for index in 0..<client.pointee.parser.head.summary.count {
            let field = fields[index]
            guard field.kind == .other, field.name.count == 6,
                strncasecmp(
                    UnsafeRawPointer(base + field.name.start).assumingMemoryBound(to: CChar.self), "cookie",
                    6) == 0,
                let name = StickyCookie.find(
                    limits.cookieName, limits.cookieLength, in: base + field.value.start, field.value.count)
            else { continue }
            client.pointee.exchange.believedServer = name
            let slot = NameTable.slot(of: name, in: names, nameCount)
            return slot >= 0 && loads[Int(slot)].admission > 0 ? slot : -1
        }
        return -1
    }

    /// Adds the cookie to a response head of `length` bytes in `scratch` when the client does not know its
    /// server; the new length.
    func addCookie(_ client: ClientPointer, _ server: Int, length: Int) -> Int {
        guard limits.stickiness == .cookie, client.pointee.exchange.believedServer != servers[server].name,
            length >= 2, length + StickyCookie.fieldBytesMax <= blocks.dataBytes
        else { return length }
        // Over the empty line that ends the head, and with a new one.
        var writer = HeadWriter(scratch + length - 2, capacity: StickyCookie.fieldBytesMax)
        StickyCookie.write(limits.cookieName, limits.cookieLength, servers[server].name, to: &writer)
        return writer.overflowed ? length : length - 2 + writer.count
    }
}

/// The cookie that names a server: sixteen hexadecimal digits of a hash, so that addresses stay private.
enum StickyCookie {
    typealias Name = InlineArray<32, UInt8>

    /// The longest field with its line end and the head's.
    static let fieldBytesMax = 112
    private static let digits = 16

    /// The value of the cookie in a field's value (RFC 6265, section 4.2.1); nil when it is not there or not ours.
    static func find(_ name: Name, _ length: Int, in base: UnsafePointer<UInt8>, _ count: Int) -> UInt64? {
        var start = 0
        while start < count {
            while start < count, base[start] == UInt8(ascii: " ") || base[start] == UInt8(ascii: ";") {
                start += 1
            }
            var end = start
            while end < count, base[end] != UInt8(ascii: ";") { end += 1 }
            if end - start == length + 1 + digits, base[start + length] == UInt8(ascii: "="),
                (0..<length).allSatisfy({ base[start + $0] == name[$0] }),
                let value = number(base + start + length + 1)
            {
                return value
            }
            start = end
        }
        return nil
    }

    private static func number(_ base: UnsafePointer<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for index in 0..<digits {
            switch base[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                value = value << 4 | UInt64(base[index] - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"):
                value = value << 4 | UInt64(base[index] - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }

    /// Writes the field, its line end and the head's.
    static func write(_ name: Name, _ length: Int, _ server: UInt64, to writer: inout HeadWriter) {
        writer.append("Set-Cookie: ")
        for index in 0..<length {
            var byte = name[index]
            writer.append(&byte, 1)
        }
        writer.append("=")
        for digit in 0..<digits {
            let value = UInt8(truncatingIfNeeded: server >> UInt64(4 * (digits - 1 - digit))) & 15
            var byte = value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
            writer.append(&byte, 1)
        }
        writer.append("; Path=/; HttpOnly; SameSite=Lax\r\n\r\n")
    }
}
