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
        add("# HELP ", to: &text)
        add(name, to: &text)
        text.append(UInt8(ascii: " "))
        addEscaped(family.help, quotes: isOpen, to: &text)
        add("\n# TYPE ", to: &text)
        add(name, to: &text)
        text.append(UInt8(ascii: " "))
        add(kind, to: &text)
        text.append(UInt8(ascii: "\n"))
        for sample in family.samples {
            add(family.name, to: &text)
            if !sample.suffix.isEmpty { add(sample.suffix, to: &text) }
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
            add(label.name, to: &text)
            text.append(UInt8(ascii: "="))
            text.append(UInt8(ascii: "\""))
            addEscaped(label.value, quotes: true, to: &text)
            text.append(UInt8(ascii: "\""))
        }
        if let bound = sample.bound {
            text.append(opening)
            add("le=\"", to: &text)
            append(bound, to: &text)
            // OpenMetrics wants bounds to look like the fractions that they are.
            if isOpen, bound.isFinite, bound == bound.rounded(), bound.magnitude < exactMax {
                text += ".0".utf8
            }
            text.append(UInt8(ascii: "\""))
        }
        text.append(UInt8(ascii: "}"))
    }

    /// Appends a text as it is, in one piece where it is in one piece in memory.
    private static func add(_ piece: String, to text: inout [UInt8]) {
        let isAdded: Void? = piece.utf8.withContiguousStorageIfAvailable { text.append(contentsOf: $0) }
        if isAdded == nil { text.append(contentsOf: piece.utf8) }
    }

    /// Appends a line's text: backslash and newline, in a label's value also quotes, stand behind a backslash.
    private static func addEscaped(_ piece: String, quotes: Bool, to text: inout [UInt8]) {
        // Nearly every label is an address or a word.
        let start = text.count
        add(piece, to: &text)
        let isPlain = text.withUnsafeBufferPointer { all in
            for byte in all[start...] where byte == 0x5c || byte == 0x0a || quotes && byte == 0x22 {
                return false
            }
            return true
        }
        if isPlain { return }
        text.removeSubrange(start...)
        for byte in piece.utf8 {
            switch byte {
            case 0x5c: add("\\\\", to: &text)
            case 0x0a: add("\\n", to: &text)
            case 0x22 where quotes: add("\\\"", to: &text)
            default: text.append(byte)  // everything else stands for itself
            }
        }
    }

    /// Whole numbers up to here are written without a point.
    private static let exactMax = 9_007_199_254_740_992.0

    /// Appends a number as Go reads it; whole ones without a point.
    private static func append(_ value: Double, to text: inout [UInt8]) {
        if value.isNaN {
            add("NaN", to: &text)
        } else if value.isInfinite {
            add(value > 0 ? "+Inf" : "-Inf", to: &text)
        } else if value == value.rounded(), value.magnitude < exactMax {
            append(Int64(value), to: &text)
        } else {
            add(value.description, to: &text)
        }
    }

    private static func append(_ whole: Int64, to text: inout [UInt8]) {
        if whole < 0 { text.append(UInt8(ascii: "-")) }
        var rest = whole.magnitude
        var digits = 1
        while rest >= 10 {
            rest /= 10
            digits += 1
        }
        text.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: digits))
        rest = whole.magnitude
        for place in 1...digits {
            text[text.count - place] += UInt8(rest % 10)
            rest /= 10
        }
    }
}
