/// How long one server keeps idle connections, as far as it can be seen from when it closes them.
struct IdleLimit: BitwiseCopyable {
    /// Below this a server that closes is more likely stopping than tired of waiting.
    private static let keptMin: Int64 = 500_000_000
    /// Two closes further apart than this are not of one restart.
    private static let apartMin: Int64 = 1_000_000_000
    /// What was learnt is tried again after this time.
    private static let validNanoseconds: Int64 = 600_000_000_000

    private var candidate: Int64 = 0
    private var candidateAt: Int64 = 0
    private var learnt: Int64 = 0
    private var learntAt: Int64 = 0

    init() {}

    /// Notes that the server closed a connection that was idle for `kept`. All in nanoseconds.
    mutating func note(kept: Int64, at now: Int64) {
        guard kept >= IdleLimit.keptMin else { return }
        let difference = kept > candidate ? kept - candidate : candidate - kept
        if candidate > 0, difference <= candidate / 8 {
            guard now - candidateAt >= IdleLimit.apartMin else { return }
            learnt = min(kept, candidate)
            learntAt = now
        }
        candidate = kept
        candidateAt = now
    }

    /// How long to keep an idle connection of the server: `usual`, or four fifths of what it keeps itself.
    @inline(__always)
    func keep(_ usual: Int64, at now: Int64) -> Int64 {
        guard learnt > 0, now - learntAt < IdleLimit.validNanoseconds else { return usual }
        return min(usual, learnt / 5 * 4)
    }
}
