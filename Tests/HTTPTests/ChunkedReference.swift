import HTTP

/// Reads a chunked body slowly, line by line over all bytes: what `ChunkedScanner` is measured by.
enum ChunkedReference {
    enum Outcome: Equatable {
        case whole(content: [UInt8], end: Int)
        /// More bytes could make it whole.
        case partial
        case malformed
    }

    private static let names: Set<String> = [
        "content-length", "transfer-encoding", "content-encoding", "content-type", "content-range", "trailer",
        "host",
        "expect", "max-forwards", "range", "authorization", "cookie", "set-cookie",
        "www-authenticate", "connection", "keep-alive", "te", "upgrade",
        "http2-settings", "proxy", "forwarded", "x-real-ip", "x-request-id", "via",
    ]

    static func read(_ bytes: [UInt8]) -> Outcome {
        var content: [UInt8] = []
        var index = 0
        while true {
            switch line(bytes, from: index, isSize) {
            case .malformed: return .malformed
            case .partial: return .partial
            case .whole(let text, let end):
                index = end
                let size = text.prefix { isHexadecimal($0) }.reduce(0) { $0 * 16 + digit($1) }
                if size == 0 { return trailers(bytes, content, from: index) }
                content += bytes[index..<(index + min(size, bytes.count - index))]
                guard bytes.count - index > size else { return .partial }
                index += size
                guard bytes[index] == 13 else { return .malformed }
                guard index + 1 < bytes.count else { return .partial }
                guard bytes[index + 1] == 10 else { return .malformed }
                index += 2
            }
        }
    }

    private static func trailers(_ bytes: [UInt8], _ content: [UInt8], from start: Int) -> Outcome {
        var index = start
        var count = 0
        while true {
            let left = ChunkedScanner.trailerBytes - (index - start)
            let mayBegin = count < ChunkedScanner.trailerFields
            switch line(bytes, from: index, { ($0.isEmpty || mayBegin) && isTrailer($0, left, $1) }) {
            case .malformed: return .malformed
            case .partial: return .partial
            case .whole(let text, let end):
                if text.isEmpty { return .whole(content: content, end: end) }
                count += 1
                index = end
            }
        }
    }

    /// A line that ends in CRLF; `fits` says whether a beginning (not whole) or a whole text can be one.
    private static func line(
        _ bytes: [UInt8], from start: Int, _ fits: ([UInt8], _ isWhole: Bool) -> Bool
    ) -> Outcome {
        var end = start
        while end < bytes.count, bytes[end] != 13 { end += 1 }
        let text = Array(bytes[start..<end])
        guard end < bytes.count else { return fits(text, false) ? .partial : .malformed }
        guard fits(text, true) else { return .malformed }
        guard end + 1 < bytes.count else { return .partial }
        return bytes[end + 1] == 10 ? .whole(content: text, end: end + 2) : .malformed
    }

    // MARK: The grammar

    /// `chunk-size [ chunk-ext ]`
    private static func isSize(_ text: [UInt8], _ isWhole: Bool) -> Bool {
        let digits = text.prefix { isHexadecimal($0) }
        if text.isEmpty { return !isWhole }
        guard (1...16).contains(digits.count), digits.count < 16 || digit(digits[0]) < 8 else { return false }
        let rest = Array(text.dropFirst(digits.count))
        guard !rest.isEmpty else { return true }
        return rest.count - 1 <= ChunkedScanner.extensionBytes && isExtensions(rest, isWhole)
    }

    /// `*( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )`
    private static func isExtensions(_ text: [UInt8], _ isWhole: Bool) -> Bool {
        var rest = text[...]
        while !rest.isEmpty {
            rest = rest.drop { isBlank($0) }
            guard let semicolon = rest.first else { return !isWhole }
            guard semicolon == 59 else { return false }
            rest = rest.dropFirst().drop { isBlank($0) }
            guard !rest.isEmpty else { return !isWhole }
            let name = rest.prefix { isToken($0) }
            guard !name.isEmpty else { return false }
            rest = rest.dropFirst(name.count)
            let behind = rest.drop { isBlank($0) }
            guard behind.first == 61 else { continue }
            rest = behind.dropFirst().drop { isBlank($0) }
            guard let first = rest.first else { return !isWhole }
            if first == 34 {
                guard let left = afterQuoted(rest, isWhole) else { return false }
                rest = left
            } else {
                let value = rest.prefix { isToken($0) }
                guard !value.isEmpty else { return false }
                rest = rest.dropFirst(value.count)
            }
        }
        return true
    }

    private static func afterQuoted(_ text: ArraySlice<UInt8>, _ isWhole: Bool) -> ArraySlice<UInt8>? {
        var rest = text.dropFirst()
        while let byte = rest.first {
            guard isValue(byte) else { return nil }
            rest = rest.dropFirst()
            if byte == 34 { return rest }
            guard byte == 92 else { continue }
            guard let escaped = rest.first else { break }
            guard isValue(escaped) else { return nil }
            rest = rest.dropFirst()
        }
        return isWhole ? nil : []
    }

    /// `token ":" value`, not one of the names that may not be there; its CR counts with it.
    private static func isTrailer(_ text: [UInt8], _ left: Int, _ isWhole: Bool) -> Bool {
        guard text.count + (isWhole ? 1 : 0) <= left else { return false }
        if text.isEmpty { return true }
        let name = text.prefix { isToken($0) }
        let folded = String(decoding: name, as: UTF8.self).lowercased().replacing("_", with: "-")
        if folded.hasPrefix("x-forwarded-") || folded.hasPrefix("proxy-") { return false }
        guard !name.isEmpty else { return false }
        guard name.count < text.count else { return !isWhole }
        guard text[name.count] == 58, !names.contains(folded) else { return false }
        return text.dropFirst(name.count + 1).allSatisfy { isValue($0) }
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: Array("!#$%&'*+-.^_`|~".utf8).contains(byte)
        }
    }
    private static func isValue(_ byte: UInt8) -> Bool { byte == 9 || byte >= 32 && byte != 127 }
    private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 }
    private static func isHexadecimal(_ byte: UInt8) -> Bool { Character(Unicode.Scalar(byte)).isHexDigit }
    private static func digit(_ byte: UInt8) -> Int { Character(Unicode.Scalar(byte)).hexDigitValue ?? 0 }
}
