/// `host[:port]` as it stands in `Host` and in absolute targets (RFC 3986 §3.2.2, §3.2.3); user information, an empty
/// host and ports that no socket has are refused.
enum Authority {
    private static let portDigits = 5
    private static let portMax = 65_535

    static func isValid(_ base: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        guard count > 0 else { return false }
        var index = 0
        if base[0] == UInt8(ascii: "[") {
            index = 1
            while index < count, base[index] != UInt8(ascii: "]") { index += 1 }
            guard index < count, isIPv6(base + 1, index - 1) else { return false }
            index += 1
        } else {
            index = Bytes.endOfPlain(base, from: 0, to: count)
            while index < count, base[index] != Bytes.colon {
                guard Bytes.isHost(base[index]) || isEncoded(base, index, count) else { return false }
                index += 1
            }
            guard index > 0 else { return false }
        }
        guard index < count else { return true }
        return base[index] == Bytes.colon && isPort(base + index + 1, count - index - 1)
    }

    /// At most five digits, none at all included.
    private static func isPort(_ base: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        guard count <= portDigits else { return false }
        var port = 0
        for index in 0..<count {
            guard Bytes.isDigit(base[index]) else { return false }
            port = port * 10 + Int(base[index] &- UInt8(ascii: "0"))
        }
        return port <= portMax
    }

    /// A percent sign and two hexadecimal digits.
    private static func isEncoded(_ base: UnsafePointer<UInt8>, _ index: Int, _ count: Int) -> Bool {
        base[index] == UInt8(ascii: "%") && count - index > 2 && Bytes.hexadecimal(base[index + 1]) < 16
            && Bytes.hexadecimal(base[index + 2]) < 16
    }

    /// Eight groups of up to four hexadecimal digits, one run of them left out, the last two perhaps an IPv4 address.
    private static func isIPv6(_ base: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var groups = 0
        var isShortened = false
        var index = 0
        if count >= 2, base[0] == Bytes.colon {
            guard base[1] == Bytes.colon else { return false }
            isShortened = true
            index = 2
        }
        while index < count {
            let start = index
            while index < count, Bytes.hexadecimal(base[index]) < 16 { index += 1 }
            if index < count, base[index] == UInt8(ascii: ".") {
                groups += 2
                index = count
                guard isIPv4(base + start, count - start) else { return false }
                break
            }
            guard (1...4).contains(index - start) else { return false }
            groups += 1
            guard index < count else { break }
            guard base[index] == Bytes.colon, index + 1 < count else { return false }
            index += 1
            if base[index] == Bytes.colon {
                guard !isShortened else { return false }
                isShortened = true
                index += 1
            }
        }
        return isShortened ? groups < 8 : groups == 8
    }

    private static func isIPv4(_ base: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var parts = 0
        var index = 0
        while parts < 4 {
            let start = index
            var value = 0
            while index < count, Bytes.isDigit(base[index]), index - start < 3 {
                value = value * 10 + Int(base[index] &- UInt8(ascii: "0"))
                index += 1
            }
            guard index > start, value < 256 else { return false }
            parts += 1
            if parts == 4 { return index == count }
            guard index < count, base[index] == UInt8(ascii: ".") else { return false }
            index += 1
        }
        return false
    }
}
