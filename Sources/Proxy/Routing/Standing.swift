import Linux

/// What the control plane knows of the server in one slot.
struct Standing {
    /// How long a refused connect counts, unless a health check speaks first.
    static let refusalNanoseconds: Int64 = 5_000_000_000

    /// What the health checks say.
    var rank = ServerRank.unchecked
    /// Until when the server counts as dead because it refused a connect, in nanoseconds.
    private(set) var refusedUntil: Int64 = 0
    var ejection = Ejection()
    /// Since when it has been among those that take requests on their own merit, in nanoseconds, by the last table; nil
    /// when it is not among them.
    private(set) var inServiceSince: Int64?
    /// It took requests by the last table, be it only for want of better ones.
    var wasEligible = false
    /// When its slow start began, in nanoseconds; 0 when it has its full share.
    var rampStart: Int64 = 0
    /// Since when it drains, in nanoseconds; 0 while it is active.
    var drainingSince: Int64 = 0
    /// What all workers together had counted at the last look.
    var seen = Seen()

    struct Seen {
        var answered: UInt64 = 0
        var failed: UInt64 = 0
        var refused: UInt64 = 0
    }

    /// True while time alone may change the rating.
    var isUnsettled: Bool { refusedUntil != 0 || ejection.until != nil || ejection.times > 0 }

    func rating(at now: Int64) -> ServerRank {
        if refusedUntil > now { return .dead }
        return ejection.until != nil && rank.isWell ? .failed : rank
    }

    /// Takes the word of the health checks; true when it changes anything.
    mutating func note(_ rank: ServerRank) -> Bool {
        let changes = self.rank != rank || rank == .passed && refusedUntil != 0
        // It was down, and is back: its failures were those of that time.
        if rank == .passed, !self.rank.isWell { ejection.cutShort() }
        self.rank = rank
        if rank == .passed { refusedUntil = 0 }
        return changes
    }

    mutating func noteRefusal(at now: Int64) { refusedUntil = now + Standing.refusalNanoseconds }

    /// What a look at the workers' counts brought.
    struct News {
        var hasRefused = false
        /// The rating is another one.
        var changes = false
        var deservesEjection = false
    }

    /// Takes in what all workers together have counted so far, and ends what time ends.
    mutating func count(_ outcomes: Outcomes, _ settings: EjectionSettings, at now: Int64) -> News {
        var news = News(hasRefused: outcomes.refused != seen.refused)
        if news.hasRefused {
            noteRefusal(at: now)
            news.changes = true
        }
        let sample = outcomes.since(seen)
        rebase(outcomes)
        if isUnsettled, settle(settings, at: now) { news.changes = true }
        news.deservesEjection = ejection.note(sample, settings, at: Instant(nanoseconds: now))
        return news
    }

    /// Ends what time ends; true when the rating changes.
    mutating func settle(_ settings: EjectionSettings, at now: Int64) -> Bool {
        var changes = false
        if refusedUntil != 0, refusedUntil <= now {
            refusedUntil = 0
            changes = true
        }
        return ejection.settle(settings, at: Instant(nanoseconds: now)) || changes
    }

    /// Notes whether the server serves from now on; `isLate` when others have done so for long.
    mutating func serve(_ serves: Bool, isLate: Bool, at now: Int64) {
        guard serves else {
            rampStart = 0
            inServiceSince = nil
            return
        }
        guard inServiceSince == nil else { return }
        // One that has had its share all along is warm.
        rampStart = isLate && !wasEligible ? now : 0
        inServiceSince = now
    }

    /// It has served for longer than a slow start takes (in nanoseconds), or is in one of its own: whoever comes now must not
    /// get more than it does.
    func comesBeforeOthers(slowStart: Int64, at now: Int64) -> Bool {
        guard let since = inServiceSince else { return false }
        return rampStart > 0 || now - since > slowStart
    }

    /// Takes what the workers have counted for known, whatever it says: nobody looked while it was counted.
    mutating func rebase(_ outcomes: Outcomes) {
        seen = Seen(answered: outcomes.answered, failed: outcomes.failed, refused: outcomes.refused)
    }
}

/// The share of its requests that a server gets while it starts slowly.
enum SlowStart {
    /// Even the coldest server gets this much, or nobody would learn how it does.
    private static let shareMin: Float = 0.1

    /// The share at a moment; 1 once the time is over. All in nanoseconds, `start` 0 for no slow start.
    static func share(start: Int64, length: Int64, at now: Int64) -> Float {
        guard start > 0, length > 0, now < start + length else { return 1 }
        return max(shareMin, Float(now - start) / Float(length))
    }
}
