import Linux

/// What is done to a troop in a soak.
enum Disturbance: String, CaseIterable {
    case serverComes = "a server comes"
    case serverDrains = "a server drains"
    case serverGoes = "a server goes"
    case flag = "a flag changes"
    case switchover = "switchover"
    case storeRestart = "Redis restarts"
    case kill = "kill -9 of the leader"

    /// How long afterwards a request may fail, in milliseconds: what docs/failover.md promises for the death of an agent, and
    /// nothing for all else.
    var excusedMilliseconds: Int64 {
        switch self {
        case .kill: 1200
        case .serverComes, .serverDrains, .serverGoes, .flag, .switchover, .storeRestart: 0
        }
    }
}

/// Which failures have an excuse.
struct Blame {
    /// A request that got no good answer: when it was begun, when it had failed, and how.
    struct Failure {
        var began: Instant
        var ended: Instant
        var what: String
    }

    private(set) var blows: [(kind: Disturbance, at: Instant)] = []
    private(set) var excused: [Disturbance: Int] = [:]
    private(set) var unexplained: [Failure] = []
    /// The longest time from a blow to the last failure that it excuses, in milliseconds.
    private(set) var worstGap: [Disturbance: Int64] = [:]

    /// Notes that something is being done now.
    mutating func note(_ kind: Disturbance, at now: Instant) { blows.append((kind, now)) }

    /// Judges a failure: it is excused when it ended after a blow and within the blow's time, or was under way at the blow.
    mutating func judge(_ failure: Failure) {
        let excuse = blows.last { blow in
            let limit = blow.at.advanced(milliseconds: blow.kind.excusedMilliseconds)
            return blow.kind.excusedMilliseconds > 0 && failure.ended >= blow.at && failure.began <= limit
        }
        guard let excuse else {
            unexplained.append(failure)
            return
        }
        excused[excuse.kind, default: 0] += 1
        let gap = failure.ended.milliseconds(since: excuse.at)
        worstGap[excuse.kind] = max(worstGap[excuse.kind] ?? 0, gap)
    }
}
