/// Metrics in Prometheus' text format, version 0.0.4.
package enum MetricsText {
    /// The media type of the text.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The text of these families, sorted by name; each has its help and type, even without samples.
    package static func bytes(of families: [MetricFamily]) -> [UInt8] {
        var text: [UInt8] = []
        for family in families.sorted(by: { $0.name < $1.name }) {
            text += "# HELP \(family.name) \(escaped(family.help, quotes: false))\n".utf8
            text += "# TYPE \(family.name) \(family.kind.rawValue)\n".utf8
            for sample in family.samples {
                text += family.name.utf8
                text += sample.suffix.utf8
                append(sample.labels, to: &text)
                text.append(UInt8(ascii: " "))
                text += number(sample.value).utf8
                text.append(UInt8(ascii: "\n"))
            }
        }
        return text
    }

    private static func append(_ labels: [(name: String, value: String)], to text: inout [UInt8]) {
        guard !labels.isEmpty else { return }
        for (index, label) in labels.enumerated() {
            text.append(index == 0 ? UInt8(ascii: "{") : UInt8(ascii: ","))
            text += label.name.utf8
            text += "=\"".utf8
            text += escaped(label.value, quotes: true).utf8
            text.append(UInt8(ascii: "\""))
        }
        text.append(UInt8(ascii: "}"))
    }

    /// A line's text: backslash and newline, in a label's value also quotes, stand behind a backslash.
    private static func escaped(_ text: String, quotes: Bool) -> String {
        // Nearly every label is an address or a word.
        guard text.utf8.contains(where: { $0 == 0x5c || $0 == 0x0a || quotes && $0 == 0x22 }) else {
            return text
        }
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)  // everything else stands for itself
            }
        }
        return result
    }

    /// A number as Go reads it; whole ones without a point.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if value == value.rounded(), abs(value) < 9_007_199_254_740_992 { return "\(Int64(value))" }
        return "\(value)"
    }
}
