/// Metrics in Prometheus' text format, version 0.0.4, or in OpenMetrics 1.0.
package enum MetricsText {
    /// How metrics are written.
    package enum Format: Sendable, Equatable {
        case prometheus, openMetrics

        /// The media type of the text.
        package var contentType: String {
            switch self {
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }
    }

    /// What did not fit into `MetricFamily.seriesMax`.
    private static let leftOutName = "troop_metrics_series_left_out"

    /// The text of these families, sorted by name; each has its help and type, even without samples.
    package static func bytes(of families: [MetricFamily], as format: Format = .prometheus) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(families.reduce(0) { $0 + 160 + $1.samples.count * 80 })
        for family in families.sorted(by: { $0.name < $1.name }) {
            append(family, as: format, to: &text)
        }
        switch format {
        case .prometheus: break
        case .openMetrics: text += "# EOF\n".utf8
        }
        return text
    }

    /// The families with one more, which tells how many of their series were left out.
    package static func withLeftOut(_ families: [MetricFamily]) -> [MetricFamily] {
        families + [
            MetricFamily(
                leftOutName, .gauge, "Series that are not told because their metric has too many",
                Double(families.reduce(0) { $0 + $1.leftOut }))
        ]
    }

    private static func append(_ family: MetricFamily, as format: Format, to text: inout [UInt8]) {
        let isOpen = format == .openMetrics
        // OpenMetrics calls a counter by its name without the suffix of its samples.
        let suffix = "_total"
        let isCut = isOpen && family.kind == .counter && family.name.hasSuffix(suffix)
        let name = isCut ? String(family.name.dropLast(suffix.utf8.count)) : family.name
        let kind = isOpen && family.kind == .untyped ? "unknown" : family.kind.rawValue
        text += "# HELP \(name) \(escaped(family.help, quotes: isOpen))\n".utf8
        text += "# TYPE \(name) \(kind)\n".utf8
        for sample in family.samples {
            text += family.name.utf8
            text += sample.suffix.utf8
            append(sample, isOpen: isOpen, to: &text)
            text.append(UInt8(ascii: " "))
            append(sample.value, to: &text)
            text.append(UInt8(ascii: "\n"))
        }
    }

    private static func append(_ sample: MetricFamily.Sample, isOpen: Bool, to text: inout [UInt8]) {
        guard !sample.labels.isEmpty || sample.bound != nil else { return }
        var opening = UInt8(ascii: "{")
        for label in sample.labels {
            text.append(opening)
            opening = UInt8(ascii: ",")
            text += label.name.utf8
            text += "=\"".utf8
            text += escaped(label.value, quotes: true).utf8
            text.append(UInt8(ascii: "\""))
        }
        if let bound = sample.bound {
            text.append(opening)
            text += "le=\"".utf8
            append(bound, to: &text)
            // OpenMetrics wants bounds to look like the fractions that they are.
            if isOpen, bound.isFinite, bound == bound.rounded(), bound.magnitude < exactMax {
                text += ".0".utf8
            }
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

    /// Whole numbers up to here are written without a point.
    private static let exactMax = 9_007_199_254_740_992.0

    /// A number as Go reads it; whole ones without a point.
    static func number(_ value: Double) -> String {
        var text: [UInt8] = []
        append(value, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    private static func append(_ value: Double, to text: inout [UInt8]) {
        if value.isNaN {
            text += "NaN".utf8
        } else if value.isInfinite {
            text += (value > 0 ? "+Inf" : "-Inf").utf8
        } else if value == value.rounded(), value.magnitude < exactMax {
            text += "\(Int64(value))".utf8
        } else {
            text += "\(value)".utf8
        }
    }
}
