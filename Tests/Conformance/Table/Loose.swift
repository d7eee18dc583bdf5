/// Reads messages as leniently as the most careless servers do.
enum Loose {
    /// The end of the first request in these bytes; nil while it is not whole.
    static func endOfRequest(_ bytes: [UInt8]) -> Int? {
        guard let head = endOfHead(bytes) else { return nil }
        let fields = Case.text(bytes[..<head]).lowercased()
        if fields.contains("transfer-encoding") { return endOfChunks(bytes, from: head) }
        guard let range = fields.firstRange(of: "content-length:") else { return head }
        let digits = fields[range.upperBound...].drop { $0 == " " || $0 == "\t" }.prefix { $0.isNumber }
        let end = head + (Int(digits) ?? 0)
        return bytes.count >= end ? end : nil
    }

    static func contains(_ bytes: some Collection<UInt8>, _ text: String) -> Bool {
        Array(bytes).firstRange(of: Case.bytes(text)) != nil
    }

    /// How often a text occurs.
    static func count(_ text: String, in bytes: [UInt8]) -> Int { bytes.ranges(of: Case.bytes(text)).count }

    /// The status codes of all responses in these bytes.
    static func statuses(_ bytes: [UInt8]) -> [Int] {
        bytes.ranges(of: Array("HTTP/1.".utf8)).compactMap { range in
            let rest = bytes[range.upperBound...].prefix(5)
            guard rest.count == 5, rest[rest.startIndex + 1] == 32 else { return nil }
            return Int(Case.text(rest.dropFirst(2)))
        }
    }

    /// Behind the first empty line, whatever ends its lines.
    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        var isEmpty = false
        var hasText = false
        for (index, byte) in bytes.enumerated() {
            if byte == 10 {
                if isEmpty, hasText { return index + 1 }
                isEmpty = true
            } else if byte != 13 {
                isEmpty = false
                hasText = true
            }
        }
        return nil
    }

    private static func endOfChunks(_ bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        while true {
            guard let feed = bytes[index...].firstIndex(of: 10) else { return nil }
            let digits = Case.text(bytes[index..<feed].prefix { $0 != 59 && $0 != 13 })
            let size = Int(digits.filter { $0.isHexDigit }, radix: 16) ?? 0
            index = feed + 1
            if size == 0 { return endOfTrailers(bytes, from: index) }
            guard bytes.count - index > size, let end = bytes[(index + size)...].firstIndex(of: 10) else {
                return nil
            }
            index = end + 1
        }
    }

    private static func endOfTrailers(_ bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        while let feed = bytes[index...].firstIndex(of: 10) {
            let isEmpty = bytes[index..<feed].allSatisfy { $0 == 13 }
            index = feed + 1
            if isEmpty { return index }
        }
        return nil
    }
}
