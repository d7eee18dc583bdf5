import Synchronization

/// What the ticks of the reporter cost, for whoever asks.
package final class TickMeter: Sendable {
    private let count = Atomic<Int>(0)
    private let sum = Atomic<Int64>(0)
    private let last = Atomic<Int64>(0)

    /// Nothing measured yet.
    package init() {}

    /// Ticks so far.
    package var ticks: Int { count.load(ordering: .relaxed) }
    /// The CPU time of all ticks, in nanoseconds.
    package var nanoseconds: Int64 { sum.load(ordering: .relaxed) }
    /// The CPU time of the last one, in microseconds; nil before the first.
    package var lastMicroseconds: Int64? {
        ticks == 0 ? nil : last.load(ordering: .relaxed) / 1000
    }

    /// Notes a tick's CPU time.
    func note(nanoseconds: Int64) {
        last.store(nanoseconds, ordering: .relaxed)
        sum.add(nanoseconds, ordering: .relaxed)
        count.add(1, ordering: .relaxed)
    }
}
