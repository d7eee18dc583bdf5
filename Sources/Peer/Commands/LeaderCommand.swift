import FoundationEssentials

/// What a person asks of the leader, through the agent of any host.
package struct LeaderCommand: Codable, Equatable, Sendable {
    /// What is asked.
    package enum Kind: String, Codable, CaseIterable, Sendable {
        /// Give the lease to `target`, or to whoever is quickest.
        case switchover
        /// No policy begins anything, or again.
        case monkeysPause = "monkeys-pause"
        case monkeysResume = "monkeys-resume"
        /// The mode of the policy `target` is `value`.
        case mode
        /// Launch `value` servers.
        case gift
        /// Treat the host `target`.
        case doctor
        /// The server `target` gets no new requests, or gets them again.
        case drain, undrain
        /// The operation `target` may begin, or is to end.
        case approve, cancel
        /// The host `target` leaves quarantine.
        case release
        /// The policies leave the host `target` alone, or no more.
        case hold, unhold
        /// The host `target` is gone for good: nobody waits for it any more.
        case forget
    }

    package var kind: Kind
    /// The host it is about; nil where none is named.
    package var target: String?
    /// What else the command needs: a mode, or how many.
    package var value: String?
    /// Why, for the history; empty when nobody said.
    package var reason: String
    /// Who asked, such as `cli:root`.
    package var by: String

    /// A command from its parts.
    package init(kind: Kind, target: String?, value: String? = nil, reason: String, by: String) {
        self.kind = kind
        self.target = target
        self.value = value
        self.reason = reason
        self.by = by
    }

    /// How long the leader has to take a command, in milliseconds: later nobody waits for it any more.
    package static let patienceMilliseconds: Int64 = 5000
    /// How long the outcome can be read, in milliseconds.
    package static let outcomeMilliseconds: Int64 = 3_600_000
}

/// What became of a command.
package enum CommandOutcome: Equatable, Sendable {
    /// The leader took it, and has not said more yet.
    case claimed(epoch: Int64)
    case done(String)
    /// Nothing was changed; why, and what to do.
    case refused(String)
    /// The leader found it when its time was over; nothing was changed.
    case expired
}
