import Glibc
import Linux
package import Remediation

/// What the leader's policies see, think and would do: `GET /v1/monkeys`, published once a second.
package struct MonkeysDocument: Codable, Equatable, Sendable {
    /// One policy.
    package struct Policy: Codable, Equatable, Sendable {
        /// `gift` or `doctor`.
        package var name: String
        /// `observe`, `approve` or `enforce`.
        package var mode: String
        /// Above which share of CPU it acts, in percent; null when an older leader tells.
        @OrNull package var abovePercent: Int?
        /// The numbers it looks at.
        package var sees: String
        /// What it makes of them.
        package var thinks: String
        /// What it would do now; null for nothing.
        @OrNull package var would: String?
        /// What holds it back from that; null when nothing does.
        @OrNull package var heldBack: String?
        /// The guard that holds it back; null when none does.
        @OrNull package var rail: String?
    }

    /// A person's word on a host.
    package struct Mark: Codable, Equatable, Sendable {
        package var host: String
        package var reason: String
    }

    package var leader: String
    package var epoch: Int64
    /// Why the monkeys are paused; null when they are not.
    @OrNull package var paused: String?
    package var policies: [Policy]
    package var holds: [Mark]
    package var quarantine: [Mark]
    /// `ec2`, `exec` or `process`; null without a provider.
    @OrNull package var provider: String?
    /// Machines of this cluster at the provider when it was last asked; null before.
    @OrNull package var machines: Int?
    package var launchesLastHour: Int
    package var remediesLastHour: Int
    package var operations: [OperationLine]

    /// How long it can be read, in milliseconds.
    static let expiryMilliseconds: Int64 = 5000
}

/// One line of `troop operations list`.
package struct OperationLine: Codable, Equatable, Sendable {
    package var id: String
    package var kind: String
    package var target: String
    package var state: String
    package var step: String
    package var epoch: Int64
    /// When it began, as `2026-11-24T15:49:28Z`.
    package var started: String
    package var reason: String

    /// The line of an operation.
    package init(_ operation: Operation) {
        id = operation.id
        kind = operation.kind.rawValue
        target = operation.target
        state = operation.state.rawValue
        step = operation.step.rawValue
        epoch = operation.epoch
        started = WallClock.universal(operation.started)
        reason = operation.reason
    }
}

/// `GET /v1/operations`.
package struct OperationsDocument: Codable, Sendable {
    /// Those under way first, then those that ended, the newest first.
    package var operations: [OperationLine]
}

/// `GET /v1/operations/ID`.
package struct OperationDocument: Codable, Sendable {
    /// One line of what was done.
    package struct Line: Codable, Sendable {
        package var at: String
        package var step: String
        package var text: String
        package var epoch: Int64
    }

    package var id: String
    package var kind: String
    package var target: String
    package var server: String
    package var state: String
    package var step: String
    package var epoch: Int64
    package var started: String
    @OrNull package var ended: String?
    package var reason: String
    package var by: String
    /// Why it failed or was cancelled; empty while neither.
    package var fault: String
    /// The machine it was about, and the one it launched; empty for none.
    package var machine: String
    package var launched: String
    package var ladder: [String]
    package var lines: [Line]
    /// What its playbooks printed; empty unless it was asked for.
    package var log: [String]

    /// The document of an operation.
    init(_ operation: Operation, log: [String]) {
        let line = OperationLine(operation)
        id = line.id
        kind = line.kind
        target = line.target
        server = operation.server
        state = line.state
        step = line.step
        epoch = line.epoch
        started = line.started
        ended = operation.ended.map { WallClock.universal($0) }
        reason = line.reason
        by = operation.by
        fault = operation.fault
        machine = operation.machine
        launched = operation.launched
        ladder = operation.ladder.map(\.rawValue)
        lines = operation.lines.map {
            Line(at: WallClock.universal($0.at), step: $0.step, text: $0.text, epoch: $0.epoch)
        }
        self.log = log
    }
}

/// The answer to whatever the leader was asked to do about remedies.
package struct RemedyDocument: Codable, Sendable {
    /// What was done, a sentence.
    package var text: String
    /// Operations that were opened for it.
    package var operations: [String]
}
