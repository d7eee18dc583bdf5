import Election

/// What a change of standing means outside the election: which events are told, which hook is run, where the leader's
/// address goes. A value without I/O.
///
/// The office is held from the promotion until another leads or the lease was given up; limbo does not end it.
struct IncumbencyCore: Sendable, Equatable {
    /// What to do.
    enum Action: Sendable, Equatable {
        case tell(kind: String, severity: Event.Severity, text: String, details: [String: String])
        case hook(HookOrder)
        case address(VIPCore.Event)
        /// The Elastic IP is to be had, or is another's to have; in limbo neither.
        case elasticIP(isOurs: Bool)
        /// Keep this token on disk, so that it can be resigned if this agent dies.
        case keepToken(String)
        case forgetToken
        /// The leadership ended otherwise than in good order.
        case failed
    }

    private let host: String
    private var standing: Standing = .follower(leader: nil)
    /// The lease under which this host holds the office; nil when it does not.
    private(set) var office: Lease?
    /// Who led before, as far as this agent has seen.
    private var previous: String?

    /// A host that holds no office.
    init(host: String) { self.host = host }

    /// Takes a change of standing.
    mutating func handle(_ change: ElectionChange) -> [Action] {
        let before = standing
        standing = change.standing
        if before.isSame(as: standing) { return [] }
        switch change.standing {
        case .leader(let lease, _): return promoted(lease, change.reason)
        case .limbo: return limbo(change.reason, wasLeader: before)
        case .follower(let leader):
            defer { if let leader { previous = leader.host } }
            return retired(leader: leader?.host, change.reason)
        case .candidate: return retired(leader: nil, change.reason)
        }
    }

    private mutating func promoted(_ lease: Lease, _ reason: String) -> [Action] {
        let last = office?.host ?? previous
        office = lease
        let details = ["epoch": "\(lease.epoch)", "previous": last ?? ""]
        // What clients wait for comes first, and the disk last.
        return [
            .address(.promoted),
            .tell(
                kind: "election.promoted", severity: .notice,
                text: "\(host) leads (epoch \(lease.epoch)): \(reason)",
                details: details),
            .hook(HookOrder(.promote, lease: lease, leader: host, previous: last, reason: reason)),
            .elasticIP(isOurs: true), .keepToken(lease.token),
        ]
    }

    private func limbo(_ reason: String, wasLeader before: Standing) -> [Action] {
        guard let office else { return [] }
        let text = "\(host) cannot prove its lease; its proxy serves on and everything else waits: \(reason)"
        var actions: [Action] = [
            .address(.limbo),
            .tell(
                kind: "election.limbo", severity: .warning, text: text, details: ["epoch": "\(office.epoch)"]),
        ]
        if case .leader = before { actions.append(.failed) }
        return actions
    }

    private mutating func retired(leader: String?, _ reason: String) -> [Action] {
        guard let lease = office else {
            // An address that a predecessor left is here without an office: it goes once another host leads.
            return leader.map { $0 == host } ?? true ? [] : [.address(.demoted)]
        }
        office = nil
        previous = host
        let text = "\(host) leads no more: \(reason)"
        return [
            .address(.demoted),
            .tell(
                kind: "election.demoted", severity: .notice, text: text,
                details: ["epoch": "\(lease.epoch)", "leader": leader ?? ""]),
            .hook(HookOrder(.demote, lease: lease, leader: leader, previous: host, reason: reason)),
            .elasticIP(isOurs: false), .forgetToken,
        ]
    }
}
