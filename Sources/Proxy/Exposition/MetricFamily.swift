/// One metric with its samples, as Prometheus knows it.
package struct MetricFamily: Sendable, Equatable {
    /// What the numbers are.
    package enum Kind: String, Sendable, Equatable {
        case counter, gauge, histogram
    }

    /// One number and what it is a number of.
    struct Sample: Sendable, Equatable {
        /// What follows the family's name: nothing, or `_bucket`, `_sum`, `_count` of a histogram.
        var suffix = ""
        var labels: [(name: String, value: String)] = []
        var value: Double

        static func == (left: Sample, right: Sample) -> Bool {
            left.suffix == right.suffix && left.value == right.value
                && left.labels.elementsEqual(right.labels, by: ==)
        }
    }

    /// `troop_…` in base units; counters end in `_total`.
    package let name: String
    package let kind: Kind
    /// One sentence without its full stop.
    package let help: String
    private(set) var samples: [Sample] = []

    /// A family without samples.
    package init(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }

    /// Adds a number; labels stand as they are given.
    mutating func add(_ value: Double, _ labels: [(name: String, value: String)] = []) {
        samples.append(Sample(labels: labels, value: value))
    }

    /// Adds a histogram: how many durations each bound (in seconds, rising) was enough for, and the sum of all.
    mutating func add(
        bounds: [Double], counts: [UInt64], sum: Double, _ labels: [(name: String, value: String)]
    ) {
        var within: UInt64 = 0
        for (index, count) in counts.enumerated() {
            within += count
            let bound = index < bounds.count ? MetricsText.number(bounds[index]) : "+Inf"
            samples.append(
                Sample(suffix: "_bucket", labels: labels + [("le", bound)], value: Double(within)))
        }
        samples.append(Sample(suffix: "_sum", labels: labels, value: sum))
        samples.append(Sample(suffix: "_count", labels: labels, value: Double(within)))
    }
}
