/// What workers have counted of one server since its slot was cleared.
struct Outcomes: Equatable {
    var answered: UInt64 = 0
    var failed: UInt64 = 0
    var refused: UInt64 = 0
    /// The longest run of failures up to now at any one worker.
    var streak: UInt64 = 0

    func since(_ seen: Standing.Seen) -> Ejection.Sample {
        let failures = Int(truncatingIfNeeded: failed &- seen.failed)
        return Ejection.Sample(
            answered: max(0, Int(truncatingIfNeeded: answered &- seen.answered)), failed: max(0, failures),
            // A run may be an old one, of a worker without news: no longer than what is new.
            streak: min(Int(truncatingIfNeeded: streak), max(0, failures)))
    }
}
