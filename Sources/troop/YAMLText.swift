import FoundationEssentials
import Peer

/// A document as YAML: the same names and values as its JSON, in block style, every text that could be taken for
/// something else in quotes.
enum YAMLText {
    /// The YAML of a document, ended by a newline; empty for one that no JSON can hold.
    static func text(of document: some Encodable) -> String {
        guard let bytes = JSONForm.bytes(document),
            let tree = try? JSONDecoder().decode(Tree.self, from: Data(bytes))
        else { return "" }
        var text = ""
        write(tree, indent: 0, to: &text)
        return text
    }

    private enum Tree: Decodable {
        case null, truth(Bool), number(String), text(String), list([Tree]), mapping([(String, Tree)])

        private struct Name: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            if let container = try? decoder.container(keyedBy: Name.self) {
                self = .mapping(
                    try container.allKeys.sorted { $0.stringValue < $1.stringValue }.map {
                        ($0.stringValue, try container.decode(Tree.self, forKey: $0))
                    })
                return
            }
            if var container = try? decoder.unkeyedContainer() {
                var elements: [Tree] = []
                while !container.isAtEnd { elements.append(try container.decode(Tree.self)) }
                self = .list(elements)
                return
            }
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let truth = try? container.decode(Bool.self) {
                self = .truth(truth)
            } else if let whole = try? container.decode(Int64.self) {
                self = .number("\(whole)")
            } else if let number = try? container.decode(Double.self) {
                self = .number("\(number)")
            } else {
                self = .text(try container.decode(String.self))
            }
        }
    }

    private static func write(_ tree: Tree, indent: Int, to text: inout String) {
        let blank = String(repeating: " ", count: indent)
        switch tree {
        case .mapping(let members):
            for (name, value) in members {
                text += "\(blank)\(isPlain(name) ? name : quoted(name)):"
                writeValue(value, indent: indent, to: &text)
            }
        case .list(let elements):
            for element in elements {
                guard case .mapping(let members) = element, !members.isEmpty else {
                    text += "\(blank)-"
                    writeValue(element, indent: indent, to: &text)
                    continue
                }
                var inner = ""
                write(element, indent: indent + 2, to: &inner)
                text += "\(blank)- " + inner.dropFirst(indent + 2)
            }
        case .null, .truth, .number, .text: text += blank + scalar(tree) + "\n"
        }
    }

    private static func writeValue(_ value: Tree, indent: Int, to text: inout String) {
        switch value {
        case .mapping(let members) where !members.isEmpty:
            text += "\n"
            write(value, indent: indent + 2, to: &text)
        case .list(let elements) where !elements.isEmpty:
            text += "\n"
            write(value, indent: indent + 2, to: &text)
        case .mapping, .list, .null, .truth, .number, .text: text += " \(scalar(value))\n"
        }
    }

    private static func scalar(_ tree: Tree) -> String {
        switch tree {
        case .null: "null"
        case .truth(let truth): "\(truth)"
        case .number(let number): number
        case .text(let text): isPlain(text) ? text : quoted(text)
        case .list: "[]"
        case .mapping: "{}"
        }
    }

    /// Words that a reader could take for something else than a text.
    private static let words: Set<String> = [
        "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "infinity",
    ]

    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, (65...90).contains(first) || (97...122).contains(first) else {
            return false
        }
        let isSafe = text.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                || "-_./".utf8.contains($0)
        }
        return isSafe && !words.contains(text.lowercased())
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            default:
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
                    .unassigned:
                    let hex = String(scalar.value, radix: 16)
                    result +=
                        scalar.value > 0xFFFF
                        ? "\\U" + String(repeating: "0", count: 8 - hex.count) + hex
                        : "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                default: result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }
}
