import Linux

/// One machine's monotonic clock: it drifts, and a hypervisor may stop it.
struct LocalClock {
    /// Local nanoseconds at true time 0.
    private var start: Int64
    /// Parts per million by which it runs too fast.
    private let drift: Int64
    private var frozenSince: Int64?
    /// The true time until which it stood still last; long ago for never.
    private(set) var stoodStillUntil = Int64.min

    init(start: Int64, drift: Int64) {
        self.start = start
        self.drift = drift
    }

    private func elapsed(_ time: Int64) -> Int64 { time + time * drift / 1_000_000 }

    /// What the clock shows at a true time.
    func instant(_ time: Int64) -> Instant { Instant(nanoseconds: start + elapsed(frozenSince ?? time)) }

    /// The true time at which the clock will show an instant, if nothing stops it; rounded up.
    func time(of instant: Instant) -> Int64 {
        let local = instant.nanoseconds - start
        var time = local - local * drift / 1_000_000
        // That took the local time for the true one: come closer, then never be early.
        time += (local - elapsed(time))
        while elapsed(time) < local { time += 1000 }
        return time
    }

    /// The hypervisor stops the machine, clock and all.
    mutating func freeze(at time: Int64) { frozenSince = frozenSince ?? time }

    /// The machine goes on; its clock knows nothing of the time that passed.
    mutating func thaw(at time: Int64) {
        guard let since = frozenSince else { return }
        start -= elapsed(time) - elapsed(since)
        frozenSince = nil
        stoodStillUntil = time
    }
}
