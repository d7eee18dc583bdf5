import Synchronization

/// How long a server takes, in logarithmic buckets over the last 30 to 60 seconds.
///
/// Eight buckets to an octave (a value is known to 6 %), from 1 µs to 67 s, in two windows of 30 s that take
/// turns. One worker writes, everyone reads by relaxed loads: a reader may see a window half cleared, never a
/// torn number.
struct LatencyWindow {
    static let windowNanoseconds: Int64 = 30_000_000_000
    private static let perOctave = 8
    private static let octaves = 26
    private static let buckets = perOctave * octaves

    /// The words of one histogram: for each window its turn and its buckets.
    static let words = 2 * (1 + buckets)

    /// Memory of `words` zeroed words, which outlives this value.
    let base: UnsafeMutablePointer<Atomic<UInt32>>

    /// Counts one duration; called by the owning worker only.
    func record(_ nanoseconds: Int64, at now: Int64) {
        let turn = UInt32(truncatingIfNeeded: now / LatencyWindow.windowNanoseconds)
        let window = base + Int(turn & 1) * (1 + LatencyWindow.buckets)
        if window.pointee.load(ordering: .relaxed) != turn {
            for bucket in 1...LatencyWindow.buckets { window[bucket].store(0, ordering: .relaxed) }
            window.pointee.store(turn, ordering: .relaxed)
        }
        let bucket = 1 + LatencyWindow.bucket(nanoseconds)
        window[bucket].store(window[bucket].load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    /// Adds what the windows still in force hold to `counts`, which has `buckets` elements.
    func add(to counts: inout [UInt64], at now: Int64) {
        let turn = UInt32(truncatingIfNeeded: now / LatencyWindow.windowNanoseconds)
        for parity in 0..<2 {
            let window = base + parity * (1 + LatencyWindow.buckets)
            let age = turn &- window.pointee.load(ordering: .relaxed)
            guard age <= 1 else { continue }
            for bucket in 0..<LatencyWindow.buckets {
                counts[bucket] += UInt64(window[1 + bucket].load(ordering: .relaxed))
            }
        }
    }

    /// Forgets everything.
    func clear() {
        for word in 0..<LatencyWindow.words { base[word].store(0, ordering: .relaxed) }
    }

    /// An empty set of counts for `add(to:at:)`.
    static var noCounts: [UInt64] { [UInt64](repeating: 0, count: buckets) }

    /// The milliseconds that this share of the counted durations stays within; nil when nothing was counted.
    static func percentile(_ share: Double, of counts: [UInt64]) -> Double? {
        let total = counts.reduce(0, +)
        guard total > 0 else { return nil }
        let rank = max(1, UInt64((Double(total) * share).rounded(.up)))
        var seen: UInt64 = 0
        for (bucket, count) in counts.enumerated() {
            seen += count
            if seen >= rank { return middle(of: bucket) / 1000 }
        }
        return nil
    }

    /// The bucket of a duration: the position of its highest bit in microseconds, and the three bits below it.
    private static func bucket(_ nanoseconds: Int64) -> Int {
        let microseconds = UInt64(max(nanoseconds, 0)) / 1000
        guard microseconds >= UInt64(perOctave) else { return Int(microseconds) }
        let octave = 63 - microseconds.leadingZeroBitCount
        let below = Int(microseconds >> UInt64(octave - 3)) & (perOctave - 1)
        return min((octave - 2) * perOctave + below, buckets - 1)
    }

    /// The middle of a bucket in microseconds.
    private static func middle(of bucket: Int) -> Double {
        guard bucket >= perOctave else { return Double(bucket) + 0.5 }
        let octave = bucket / perOctave + 2
        let width = Double(UInt64(1) << UInt64(octave - 3))
        return (Double(perOctave + bucket % perOctave) + 0.5) * width
    }
}
