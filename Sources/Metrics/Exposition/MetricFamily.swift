/// One metric with its samples, as Prometheus knows it.
package struct MetricFamily: Sendable, Equatable {
    /// What the numbers are.
    package enum Kind: String, Sendable, Equatable {
        case counter, gauge, histogram
        /// Not said: node_exporter tells lines of /proc/vmstat this way.
        case untyped
    }

    /// One number and what it is a number of.
    struct Sample: Sendable, Equatable {
        /// What follows the family's name: nothing, or `_bucket`, `_sum`, `_count` of a histogram.
        var suffix = ""
        var labels: [(name: String, value: String)] = []
        var value: Double
        /// The bound of a bucket, in the family's unit; nil for everything else.
        var bound: Double?

        static func == (left: Sample, right: Sample) -> Bool {
            left.suffix == right.suffix && left.value == right.value && left.bound == right.bound
                && left.labels.elementsEqual(right.labels, by: ==)
        }
    }

    /// Series that one family may have; whatever is added beyond is left out and counted.
    package static let seriesMax = 25_000

    /// `troop_…` in base units, or node_exporter's name; counters end in `_total`.
    package let name: String
    package let kind: Kind
    /// One sentence without its full stop.
    package let help: String
    private(set) var samples: [Sample] = []
    /// Series that did not fit.
    package private(set) var leftOut = 0

    /// A family without samples.
    package init(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }

    /// A family with one sample; without any when the value is not known.
    package init(_ name: String, _ kind: Kind, _ help: String, _ value: Double?) {
        self.init(name, kind, help)
        if let value { add(value) }
    }

    /// Adds a number; labels stand as they are given.
    package mutating func add(_ value: Double, _ labels: [(name: String, value: String)] = []) {
        guard hasRoom(for: 1) else { return }
        samples.append(Sample(labels: labels, value: value))
    }

    /// Adds a histogram: how many durations each bound (in seconds, rising) was enough for, and the sum of all.
    package mutating func add(
        bounds: [Double], counts: [UInt64], sum: Double, _ labels: [(name: String, value: String)]
    ) {
        guard hasRoom(for: counts.count + 2) else { return }
        var within: UInt64 = 0
        for (index, count) in counts.enumerated() {
            within += count
            let bound = index < bounds.count ? bounds[index] : .infinity
            samples.append(Sample(suffix: "_bucket", labels: labels, value: Double(within), bound: bound))
        }
        samples.append(Sample(suffix: "_sum", labels: labels, value: sum))
        samples.append(Sample(suffix: "_count", labels: labels, value: Double(within)))
    }

    private mutating func hasRoom(for count: Int) -> Bool {
        guard samples.count + count <= MetricFamily.seriesMax else {
            leftOut += count
            return false
        }
        return true
    }
}

/// A part of the agent that has something to tell to Prometheus.
package protocol MetricSource: Sendable {
    /// The families as they are now. The same names each time; `docs/metrics.md` lists them.
    func metricFamilies() async -> [MetricFamily]
}
