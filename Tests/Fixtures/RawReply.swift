/// Where the raw RESP answers of a server end, for tests that read them off a socket.
enum RawReply {
    /// How many bytes the reply that begins at `start` has; nil when it has not arrived as a whole.
    static func length(_ bytes: [UInt8], from start: Int = 0) -> Int? {
        guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let head = end + 1 - start
        let number = Int(String(decoding: bytes[(start + 1)..<end], as: UTF8.self).trimmingReturn) ?? 0
        switch bytes[start] {
        case UInt8(ascii: "$"):
            let whole = number < 0 ? head : head + number + 2
            return start + whole <= bytes.count ? whole : nil
        case UInt8(ascii: "*"):
            var whole = head
            for _ in 0..<max(0, number) {
                guard start + whole < bytes.count, let part = length(bytes, from: start + whole) else {
                    return nil
                }
                whole += part
            }
            return whole
        default: return head
        }
    }
}

extension String {
    fileprivate var trimmingReturn: Substring { hasSuffix("\r") ? dropLast() : self[...] }
}
