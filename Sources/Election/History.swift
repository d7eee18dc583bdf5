package import Store

/// One line of the history of leaders.
package struct HistoryEntry: Sendable, Equatable {
    /// What happened.
    package enum Event: String, Sendable {
        /// `leader` was elected.
        case elected
        /// `leader` gave the lease up.
        case released
        /// `leader` kept the lease although the store had lost it.
        case reinstated
    }

    /// A longer reason is cut, in Unicode scalars.
    private static let reasonMax = 300

    /// The entry's id in the stream; entries sort and resume by it.
    package let id: String
    package let event: Event
    package let epoch: Int64
    /// Milliseconds since 1970 by Redis's clock.
    package let at: Int64
    /// The name of the host.
    package let leader: String
    /// Who did what to bring it about.
    package let reason: String
    /// Milliseconds from the end of the last lease to this election; nil when not known.
    package let leaderlessMilliseconds: Int64?

    /// Reads `XRANGE` or `XREVRANGE`, in the reply's order; entries that are not ours are left out.
    package static func list(_ reply: Reply) -> [HistoryEntry] {
        (reply.elements ?? []).compactMap { HistoryEntry($0) }
    }

    /// Reads one entry of the stream; nil when it is not one of ours. Without an `event` it is an election.
    package init?(_ reply: Reply) {
        guard let parts = reply.elements, parts.count == 2, let id = parts[0].text else { return nil }
        let fields = parts[1].fields
        guard let event = Event(rawValue: fields["event"] ?? Event.elected.rawValue),
            let epoch = fields["epoch"].flatMap({ Int64($0) }), (1...Lease.epochMax).contains(epoch),
            let at = fields["at"].flatMap({ Int64($0) }), at >= 0,
            let leader = fields["leader"], Lease.isHost(leader)
        else { return nil }
        self.id = id
        self.event = event
        self.epoch = epoch
        self.at = at
        self.leader = leader
        reason = (fields["reason"] ?? "").printable(max: HistoryEntry.reasonMax)
        leaderlessMilliseconds = fields["leaderless"].flatMap { Int64($0) }.flatMap { $0 >= 0 ? $0 : nil }
    }
}
