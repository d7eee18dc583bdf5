package import Linux

/// What an agent is in its troop, as far as it knows itself.
package enum Standing: Sendable, Equatable {
    /// Does not lead; `leader` is who does, nil when nobody is known to.
    case follower(leader: Lease?)
    /// Stands for election and knows of no leader.
    case candidate
    /// Leads until the instant, and not a nanosecond longer unless the lease is renewed.
    case leader(Lease, until: Instant)
    /// Led, cannot prove that it still does, and has seen no other leader: whatever serves goes on, nothing changes.
    case limbo(Lease?)

    /// True for two standings that differ at most in how long the leader may believe.
    package func isSame(as other: Standing) -> Bool {
        switch (self, other) {
        case (.follower(let left), .follower(let right)): left == right
        case (.candidate, .candidate): true
        case (.leader(let left, _), .leader(let right, _)): left == right
        case (.limbo(let left), .limbo(let right)): left == right
        case (.follower, _), (.candidate, _), (.leader, _), (.limbo, _): false
        }
    }

    /// The epoch of the lease it is about; nil where no lease is known.
    package var epoch: Int64? {
        switch self {
        case .follower(let lease), .limbo(let lease): lease?.epoch
        case .leader(let lease, _): lease.epoch
        case .candidate: nil
        }
    }

    /// The standing as a reader has to take it at `now`: a leader past its deadline is in limbo, told or not.
    package func judged(at now: Instant) -> Standing {
        guard case .leader(let lease, let until) = self, until <= now else { return self }
        return .limbo(lease)
    }

    /// The lease under which a leader may act at `now`; nil for everybody else.
    package func lease(at now: Instant) -> Lease? {
        guard case .leader(let lease, let until) = self, now < until else { return nil }
        return lease
    }
}

/// A change of standing, or a new trouble in the same standing, with its reason in words for people.
package struct ElectionChange: Sendable, Equatable {
    /// When it came about: for a leader that ran out of time its deadline, otherwise when the agent noticed.
    package let at: Instant
    /// What it is now.
    package let standing: Standing
    /// Who did what, or what is wrong.
    package let reason: String
    /// What keeps the election from its course at that moment, in words for people; nil when nothing does.
    package let trouble: String?

    /// A change, as the elector reports it.
    package init(at: Instant, standing: Standing, reason: String, trouble: String? = nil) {
        self.at = at
        self.standing = standing
        self.reason = reason
        self.trouble = trouble
    }
}
