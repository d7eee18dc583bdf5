/// `host[:port]` as it stands in `Host` and in absolute targets; user information is refused.
enum Authority {
    private static let portDigits = 5

    static func isValid(_ base: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        guard count > 0 else { return false }
        var index = 0
        if base[0] == UInt8(ascii: "[") {
            index = 1
            while index < count, base[index] != UInt8(ascii: "]") {
                let byte = base[index]
                guard Bytes.hexadecimal(byte) < 16 || byte == Bytes.colon || byte == UInt8(ascii: ".") else {
                    return false
                }
                index += 1
            }
            guard index < count, index > 2 else { return false }
            index += 1
        } else {
            while index < count, base[index] != Bytes.colon {
                guard Bytes.isHost(base[index]) else { return false }
                index += 1
            }
            guard index > 0 else { return false }
        }
        guard index < count else { return true }
        guard base[index] == Bytes.colon, count - index - 1 <= portDigits else { return false }
        for digit in (index + 1)..<count where !Bytes.isDigit(base[digit]) { return false }
        return true
    }
}
