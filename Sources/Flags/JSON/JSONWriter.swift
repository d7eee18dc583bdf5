extension JSON {
    /// The value as JSON text in UTF-8, without blanks; numbers that JSON cannot hold are null.
    package var bytes: [UInt8] {
        var output: [UInt8] = []
        write(into: &output)
        return output
    }

    /// The value as JSON text, for people: indented by two blanks.
    package var prettyText: String {
        var output: [UInt8] = []
        write(into: &output, indent: 0)
        return String(decoding: output, as: UTF8.self)
    }

    /// The value as JSON text.
    package var compactText: String { String(decoding: bytes, as: UTF8.self) }

    /// Appends the value's JSON text; with `indent` on lines of their own.
    package func write(into output: inout [UInt8], indent: Int? = nil) {
        switch self {
        case .null: output += "null".utf8
        case .bool(let value): output += (value ? "true" : "false").utf8
        case .integer(let value): output += "\(value)".utf8
        case .number(let value): output += (value.isFinite ? "\(value)" : "null").utf8
        case .string(let text): JSON.write(text, into: &output)
        case .array(let elements):
            JSON.write(elements, "[", "]", into: &output, indent: indent) { element, output, inner in
                element.write(into: &output, indent: inner)
            }
        case .object(let object):
            JSON.write(object.members, "{", "}", into: &output, indent: indent) { member, output, inner in
                JSON.write(member.name, into: &output)
                output += (inner == nil ? ":" : ": ").utf8
                member.value.write(into: &output, indent: inner)
            }
        }
    }

    private static func write<Element>(
        _ elements: [Element], _ opening: String, _ closing: String, into output: inout [UInt8],
        indent: Int?, _ each: (Element, inout [UInt8], Int?) -> Void
    ) {
        output += opening.utf8
        for (index, element) in elements.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            if let indent {
                output.append(UInt8(ascii: "\n"))
                output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * (indent + 1)))
            }
            each(element, &output, indent.map { $0 + 1 })
        }
        if let indent, !elements.isEmpty {
            output.append(UInt8(ascii: "\n"))
            output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * indent))
        }
        output += closing.utf8
    }

    private static func write(_ text: String, into output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): output += "\\\"".utf8
            case UInt8(ascii: "\\"): output += "\\\\".utf8
            case 0x0A: output += "\\n".utf8
            case 0x0D: output += "\\r".utf8
            case 0x09: output += "\\t".utf8
            case 0..<0x20, 0x7F:
                let digits = Array("0123456789abcdef".utf8)
                output += "\\u00".utf8
                output.append(digits[Int(byte >> 4)])
                output.append(digits[Int(byte & 15)])
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}
