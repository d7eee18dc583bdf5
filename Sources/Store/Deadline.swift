import Linux

extension Instant {
    /// What to give `poll` so that it returns at this instant and not before; 0 when the instant has passed.
    func pollMilliseconds(from now: Instant) -> Int32 {
        let left = nanoseconds - now.nanoseconds
        guard left > 0 else { return 0 }
        return Int32(clamping: (left + 999_999) / 1_000_000)
    }
}
