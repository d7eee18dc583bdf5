import Synchronization

/// How long a server's responses took since the proxy started, in buckets that double: a histogram as Prometheus
/// wants it, which only ever grows. One worker writes, everyone reads by relaxed loads.
struct DurationHistogram {
    /// The first bound is 2⁷ µs, the last 2²⁴ µs (16.8 s).
    private static let firstPower = 7
    private static let bounds = 18

    /// The words of one histogram: a bucket for each bound, one for what is longer, and the sum.
    static let words = bounds + 2

    /// The bounds in seconds, each twice the one before.
    static let boundsInSeconds = (0..<bounds).map { Double(1 << (firstPower + $0)) / 1e6 }

    /// Memory of `words` zeroed words, which outlives this value.
    let base: UnsafeMutablePointer<Atomic<UInt64>>

    /// Counts one duration; called by the owning worker only.
    @inline(__always)
    func record(_ nanoseconds: Int64) {
        let length = UInt64(max(nanoseconds, 0))
        DurationHistogram.add(1, to: base + DurationHistogram.bucket(length))
        DurationHistogram.add(length, to: base + DurationHistogram.words - 1)
    }

    @inline(__always)
    private static func add(_ amount: UInt64, to word: UnsafeMutablePointer<Atomic<UInt64>>) {
        word.pointee.store(word.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// The first bucket whose bound is not below the duration.
    @inline(__always)
    private static func bucket(_ nanoseconds: UInt64) -> Int {
        let microseconds = (nanoseconds &+ 999) / 1000
        guard microseconds > 1 << UInt64(firstPower) else { return 0 }
        return min(64 - (microseconds - 1).leadingZeroBitCount - firstPower, bounds)
    }

    /// Adds what was counted.
    func add(to sum: inout DurationCounts) {
        for bucket in 0...DurationHistogram.bounds {
            sum.counts[bucket] += base[bucket].load(ordering: .relaxed)
        }
        sum.nanoseconds += base[DurationHistogram.words - 1].load(ordering: .relaxed)
    }

    /// Forgets everything.
    func clear() {
        for word in 0..<DurationHistogram.words { base[word].store(0, ordering: .relaxed) }
    }

    /// Nothing counted yet.
    static var noCounts: DurationCounts {
        DurationCounts(counts: [UInt64](repeating: 0, count: bounds + 1), nanoseconds: 0)
    }
}

/// The durations that a histogram has counted.
package struct DurationCounts: Sendable, Equatable {
    /// How many fell into each bucket; the last one has no bound.
    package var counts: [UInt64]
    /// All durations together.
    package var nanoseconds: UInt64
}
