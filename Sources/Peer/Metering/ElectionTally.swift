package import Election
package import Linux
package import Metrics
import Synchronization

/// What this agent has seen of elections since it started, for metrics.
package final class ElectionTally: MetricSource {
    private struct State {
        var won = 0
        var changes = 0
        var limbos = 0
        var leader: Lease?
        var limboSince: Instant?
    }

    private let state = Mutex(State())
    private let elector: LatePlace<Elector>
    private let leaseMilliseconds: Int64
    private let holder: @Sendable () async -> (ageMilliseconds: Int64?, readAt: Instant?)

    /// A tally of the elector in `place`, which exists only after whoever hears its changes; `holder` tells the age of the
    /// lease as it was last read, and when that was.
    package init(
        _ place: LatePlace<Elector>, leaseMilliseconds: Int64,
        holder: @escaping @Sendable () async -> (ageMilliseconds: Int64?, readAt: Instant?)
    ) {
        elector = place
        self.leaseMilliseconds = leaseMilliseconds
        self.holder = holder
    }

    /// Takes in a change of standing.
    package func note(_ change: ElectionChange) {
        state.withLock { state in
            var leader: Lease?
            switch change.standing {
            case .leader(let lease, _):
                if state.leader != lease { state.won += 1 }
                leader = lease
            case .follower(let lease): leader = lease
            case .limbo:
                if state.limboSince == nil {
                    state.limbos += 1
                    state.limboSince = change.at
                }
                return
            case .candidate: break
            }
            state.limboSince = nil
            guard let leader, leader != state.leader else { return }
            state.changes += 1
            state.leader = leader
        }
    }

    package func metricFamilies() async -> [MetricFamily] {
        let (age, readAt) = await holder()
        return families(at: .now(), readAge: age, readAt: readAt)
    }

    private func families(at now: Instant, readAge: Int64?, readAt: Instant?) -> [MetricFamily] {
        let elector = elector.value
        let raw = elector?.standing
        let standing = raw?.judged(at: now)
        let state = state.withLock { $0 }
        var role = MetricFamily(
            "troop_election_role", .gauge, "1 for what this agent is in the election, 0 for the rest")
        var limbo = state.limboSince
        if case .leader(_, let until) = raw, until <= now { limbo = until }
        for word in ["leader", "follower", "candidate", "limbo"] {
            role.add(standing.map(ElectionTally.word) == word ? 1 : 0, [("role", word)])
        }
        var leaseAge: Double?
        switch standing {
        case .leader(_, let until):
            leaseAge = Double(max(0, leaseMilliseconds - until.milliseconds(since: now)))
        case .follower, .candidate:
            if let readAge, let readAt {
                leaseAge = Double(readAge + max(0, now.milliseconds(since: readAt)))
            }
        case .limbo, nil: break
        }
        return [
            role,
            MetricFamily(
                "troop_election_epoch", .gauge, "The highest epoch that this agent has seen",
                elector.map { Double($0.highestEpoch) }),
            MetricFamily(
                "troop_election_wins_total", .counter, "Leases that this agent has taken", Double(state.won)),
            MetricFamily(
                "troop_election_leader_changes_total", .counter,
                "Leases that this agent has seen taken, its own included", Double(state.changes)),
            MetricFamily(
                "troop_election_limbos_total", .counter,
                "Times this agent could no longer prove its lease", Double(state.limbos)),
            MetricFamily(
                "troop_election_limbo_seconds", .gauge,
                "How long this agent has been in limbo; 0 when it is not",
                standing.map(ElectionTally.word) == "limbo"
                    ? limbo.map { Double(max(0, now.milliseconds(since: $0))) / 1000 } ?? 0 : 0),
            MetricFamily(
                "troop_election_lease_age_seconds", .gauge,
                "Time since the lease was renewed, as this agent knows it", leaseAge.map { $0 / 1000 }),
        ]
    }

    private static func word(_ standing: Standing) -> String {
        switch standing {
        case .follower: "follower"
        case .candidate: "candidate"
        case .leader: "leader"
        case .limbo: "limbo"
        }
    }
}
