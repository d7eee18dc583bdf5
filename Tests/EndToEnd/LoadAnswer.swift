/// What has come of an answer so far.
struct LoadAnswer {
    enum State {
        case partial
        case whole(isGood: Bool, content: [UInt8], closes: Bool)
        /// Whatever follows, it is no answer.
        case broken(String)
    }

    private(set) var bytes: [UInt8] = []

    mutating func add(_ more: ArraySlice<UInt8>) { bytes += more }

    /// All of it as text, for reports.
    var text: String { String(decoding: bytes.prefix(1000), as: UTF8.self) }

    var state: State {
        guard let end = LoadAnswer.endOfHead(in: bytes) else { return .partial }
        let head = String(decoding: bytes[..<end], as: UTF8.self).lowercased()
        let rest = bytes[(end + 4)...]
        guard head.hasPrefix("http/1.1 ") else { return .broken("no answer: \(text)") }
        let isGood = head.hasPrefix("http/1.1 200 ")
        let closes = head.contains("\r\nconnection: close")
        if head.contains("\r\ntransfer-encoding: chunked") {
            return LoadAnswer.chunked(rest, isGood: isGood, closes: closes)
        }
        guard let field = head.firstRange(of: "\r\ncontent-length: "),
            let length = Int(head[field.upperBound...].prefix { $0.isNumber })
        else { return .broken("no length: \(text)") }
        guard rest.count >= length else { return .partial }
        guard rest.count == length else { return .broken("more than an answer: \(text)") }
        return .whole(isGood: isGood, content: Array(rest), closes: closes)
    }

    /// Where the empty line begins that ends a head; nil while it is not here.
    static func endOfHead(in bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (0...bytes.count - 4).first { index in
            bytes[index] == 13 && bytes[index + 1] == 10 && bytes[index + 2] == 13 && bytes[index + 3] == 10
        }
    }

    private static func chunked(_ bytes: ArraySlice<UInt8>, isGood: Bool, closes: Bool) -> State {
        var rest = bytes
        var content: [UInt8] = []
        while let line = rest.firstIndex(of: 10) {
            let digits = String(decoding: rest[..<line].dropLast(), as: UTF8.self)
            guard let size = Int(digits, radix: 16) else { return .broken("no chunk: \(digits)") }
            rest = rest[(line + 1)...]
            guard rest.count >= size + 2 else { return .partial }
            guard rest.dropFirst(size).starts(with: [13, 10]) else { return .broken("a chunk does not end") }
            content += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
            guard size == 0 else { continue }
            guard rest.isEmpty else { return .broken("more than an answer") }
            return .whole(isGood: isGood, content: content, closes: closes)
        }
        return .partial
    }
}
