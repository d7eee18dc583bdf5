import Election

/// The commands that are run at a change of leader.
package struct LeadershipHooks: Sendable, Equatable {
    /// A program with its arguments; nil for none.
    package var onPromote: [String]?
    package var onDemote: [String]?
    /// How long one may run, in milliseconds.
    package var timeoutMilliseconds: Int64 = 30_000

    /// The command for an occasion.
    func command(for occasion: HookOrder.Occasion) -> [String]? {
        switch occasion {
        case .promote: onPromote
        case .demote: onDemote
        }
    }
}

/// One run of a hook: on what occasion, and what it is told.
struct HookOrder: Sendable, Equatable {
    enum Occasion: String, Sendable {
        case promote = "on_promote"
        case demote = "on_demote"
    }

    let occasion: Occasion
    /// The epoch that begins or ends.
    let epoch: Int64
    /// The host that the hook is run on.
    let host: String
    /// Who leads now; nil when that is not known yet.
    let leader: String?
    /// Who led before; nil when that is not known.
    let previous: String?
    let reason: String

    init(_ occasion: Occasion, lease: Lease, leader: String?, previous: String?, reason: String) {
        self.occasion = occasion
        epoch = lease.epoch
        host = lease.host
        self.leader = leader
        self.previous = previous
        self.reason = reason
    }

    /// What the program finds in its environment.
    func environment(cluster: String) -> [(name: String, value: String)] {
        [
            ("TROOP_EVENT", occasion.rawValue), ("TROOP_EPOCH", "\(epoch)"), ("TROOP_HOST", host),
            ("TROOP_LEADER", leader ?? ""), ("TROOP_PREVIOUS", previous ?? ""), ("TROOP_CLUSTER", cluster),
            ("TROOP_REASON", reason),
        ]
    }
}
