/// Reads JSON (RFC 8259) strictly: UTF-8, no comments, no trailing commas, no lone surrogates.
package struct JSONReader {
    /// What is done with an object that names a member twice.
    package enum Duplicates: Sendable {
        /// It is a fault: somebody's definition would be lost.
        case refused
        /// The last one counts, as with most readers.
        case lastCounts
    }

    /// Arrays and objects within each other.
    package static let depthMax = 64

    private let bytes: [UInt8]
    private let duplicates: Duplicates
    private var place = 0
    private var depth = 0

    private init(_ bytes: [UInt8], _ duplicates: Duplicates) {
        self.bytes = bytes
        self.duplicates = duplicates
    }

    /// The one value in some bytes; throws where it stops being JSON.
    package static func read(
        _ bytes: [UInt8], duplicates: Duplicates = .refused
    ) throws(JSONFault) -> JSON {
        var reader = JSONReader(bytes, duplicates)
        reader.skipBlanks()
        guard reader.place < bytes.count else {
            throw reader.fault("expected a JSON value, there is nothing")
        }
        let value = try reader.value()
        reader.skipBlanks()
        guard reader.place == bytes.count else {
            throw reader.fault("expected the end, there is more after the value")
        }
        return value
    }

    private func fault(_ reason: String, at place: Int? = nil) -> JSONFault {
        var line = 1
        var start = 0
        let end = min(place ?? self.place, bytes.count)
        for index in 0..<end where bytes[index] == UInt8(ascii: "\n") {
            line += 1
            start = index + 1
        }
        return JSONFault(line: line, column: end - start + 1, reason: reason)
    }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipBlanks() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { place += 1 }
    }

    private mutating func value() throws(JSONFault) -> JSON {
        switch next {
        case UInt8(ascii: "{"): return try nested { (reader) throws(JSONFault) in try reader.object() }
        case UInt8(ascii: "["): return try nested { (reader) throws(JSONFault) in try reader.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte): return try number()
        default: throw fault("expected a JSON value")
        }
    }

    private mutating func nested(
        _ body: (inout JSONReader) throws(JSONFault) -> JSON
    ) throws(JSONFault) -> JSON {
        depth += 1
        guard depth <= JSONReader.depthMax else {
            throw fault("nested deeper than \(JSONReader.depthMax) levels")
        }
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func word(_ word: String, _ value: JSON) throws(JSONFault) -> JSON {
        let expected = word.utf8
        guard bytes[place...].starts(with: expected) else { throw fault("expected '\(word)'") }
        place += expected.count
        return value
    }

    private mutating func array() throws(JSONFault) -> JSON {
        place += 1
        var elements: [JSON] = []
        skipBlanks()
        if next == UInt8(ascii: "]") {
            place += 1
            return .array([])
        }
        while true {
            skipBlanks()
            elements.append(try value())
            skipBlanks()
            switch next {
            case UInt8(ascii: ","): place += 1
            case UInt8(ascii: "]"):
                place += 1
                return .array(elements)
            default: throw fault("expected ',' or ']' in an array")
            }
        }
    }

    private mutating func object() throws(JSONFault) -> JSON {
        place += 1
        var object = JSONObject()
        skipBlanks()
        if next == UInt8(ascii: "}") {
            place += 1
            return .object(object)
        }
        while true {
            skipBlanks()
            let start = place
            guard next == UInt8(ascii: "\"") else { throw fault("expected a member's name in quotes") }
            let name = try string()
            if duplicates == .refused, object[name] != nil {
                throw fault("the member '\(name.quotable)' occurs twice", at: start)
            }
            skipBlanks()
            guard next == UInt8(ascii: ":") else { throw fault("expected ':' after a member's name") }
            place += 1
            skipBlanks()
            object[name] = try value()
            skipBlanks()
            switch next {
            case UInt8(ascii: ","): place += 1
            case UInt8(ascii: "}"):
                place += 1
                return .object(object)
            default: throw fault("expected ',' or '}' in an object")
            }
        }
    }

    private mutating func digits() -> Int {
        let start = place
        while let byte = next, (0x30...0x39).contains(byte) { place += 1 }
        return place - start
    }

    private mutating func number() throws(JSONFault) -> JSON {
        let start = place
        var isWhole = true
        if next == UInt8(ascii: "-") { place += 1 }
        let leading = next
        let count = digits()
        guard count > 0 else { throw fault("expected a digit") }
        guard count == 1 || leading != UInt8(ascii: "0") else {
            throw fault("a number does not begin with 0", at: start)
        }
        if next == UInt8(ascii: ".") {
            isWhole = false
            place += 1
            guard digits() > 0 else { throw fault("expected a digit after '.'") }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isWhole = false
            place += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { place += 1 }
            guard digits() > 0 else { throw fault("expected a digit in the exponent") }
        }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        if isWhole, let whole = Int64(text) { return .integer(whole) }
        guard let number = Double(text), number.isFinite else {
            throw fault("the number is too large", at: start)
        }
        return .number(number)
    }
}

extension JSONReader {
    private mutating func string() throws(JSONFault) -> String {
        let opening = place
        place += 1
        let start = place
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
            place += 1
        }
        var collected = Array(bytes[start..<place])
        while true {
            guard let byte = next else { throw fault("the string does not end", at: opening) }
            switch byte {
            case UInt8(ascii: "\""):
                place += 1
                guard let text = String(validating: collected, as: UTF8.self) else {
                    throw fault("the string is no UTF-8", at: opening)
                }
                return text
            case UInt8(ascii: "\\"): try escape(into: &collected)
            case 0..<0x20: throw fault("a control character in a string must be escaped")
            default:
                collected.append(byte)
                place += 1
            }
        }
    }

    private mutating func escape(into collected: inout [UInt8]) throws(JSONFault) {
        let start = place
        place += 1
        guard let letter = next else { throw fault("the string does not end") }
        place += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): collected.append(letter)
        case UInt8(ascii: "b"): collected.append(0x08)
        case UInt8(ascii: "f"): collected.append(0x0C)
        case UInt8(ascii: "n"): collected.append(0x0A)
        case UInt8(ascii: "r"): collected.append(0x0D)
        case UInt8(ascii: "t"): collected.append(0x09)
        case UInt8(ascii: "u"):
            var code = try unit()
            if (0xD800..<0xDC00).contains(code), bytes[place...].starts(with: "\\u".utf8) {
                place += 2
                let low = try unit()
                guard (0xDC00..<0xE000).contains(low) else { throw fault("a lone surrogate", at: start) }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw fault("a lone surrogate", at: start) }
            collected.append(contentsOf: Array(String(scalar).utf8))
        default: throw fault("there is no such escape", at: start)
        }
    }

    private mutating func unit() throws(JSONFault) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = UInt32(String(UnicodeScalar(byte)), radix: 16) else {
                throw fault("expected four hexadecimal digits after \\u")
            }
            code = code << 4 | digit
            place += 1
        }
        return code
    }
}

extension String {
    /// A hostile text as a message may quote it: short and on one line.
    package var quotable: String {
        let scalarsMax = 48
        var result = ""
        for scalar in unicodeScalars.prefix(scalarsMax) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
                result += scalar.escaped(asASCII: true)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return unicodeScalars.count > scalarsMax ? result + "…" : result
    }
}
