import Election
import Linux
import Remediation
import Store

/// The leader's remedies: looks at the troop once a second, decides with the policies and the guards, and drives the
/// operations, its own and those that a leader before it left.
///
/// All it knows begins with its election; what must outlive it is in Redis. It acts while the lease surely holds, and no
/// longer: each write names the token, and each call to the provider asks `isLeader` immediately before it is sent.
package actor RemediationDesk {
    /// What the desk works with.
    package struct Parts: Sendable {
        var host: String
        var cluster: String
        var settings: RemediationSettings
        var limits: OperationLimits
        var panicPercent: Int
        var means: RemediationMeans
        var store: Store
        var keys: Keys
        var elector: Elector
        var roster: Roster
        var router: Router
        var board: StatusBoard
        var events: EventLog
    }

    /// One operation that this leader drives.
    struct Run {
        var core: OperationCore
        var task: Task<Void, Never>?
    }

    /// An operation that has ended.
    struct Past {
        var operation: Operation
        var at: Instant
    }

    /// Everything that one leadership knows.
    struct Lead {
        var lease: Lease
        var since: Instant
        var gift: GiftPolicy
        var doctor: DoctorPolicy
        var runs: [String: Run] = [:]
        var past: [Past] = []
        /// What was told last of each subject, so that it is told once.
        var told: [String: String] = [:]
        var machines: (count: Int, at: Instant)?
        var machinesFault: String?
        var askedAt: Instant?
        var isCounting = false
        var switches = RemediationSwitches()
    }

    let parts: Parts
    let journal: OperationJournal
    var lead: Lead?
    private let wake: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation

    /// Ended operations that a new leader reads.
    private static let pastMax = 200

    /// A desk at rest.
    package init(_ parts: Parts) {
        self.parts = parts
        journal = OperationJournal(store: parts.store, keys: parts.keys)
        (wake, waker) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Works whenever it is nudged, until the task is cancelled.
    package func run() async {
        await withTaskCancellationHandler {
            for await _ in wake { await turn() }
        } onCancel: {
            waker.finish()
        }
        rest()
    }

    /// It is time for a look; called once a second, on every agent.
    package nonisolated func nudge() { waker.yield() }

    private func turn() async {
        guard let token = parts.elector.token(at: .now()), let lease = Lease(token: token) else {
            rest()
            return
        }
        if lead?.lease != lease {
            rest()
            guard await begin(lease) else { return }
        }
        await think(token: token)
    }

    /// Ends the work of a leadership that is over; what was begun is in Redis for the next leader.
    private func rest() {
        guard let lead else { return }
        for run in lead.runs.values { run.task?.cancel() }
        self.lead = nil
    }

    private func begin(_ lease: Lease) async -> Bool {
        let now = Instant.now()
        guard let open = try? await journal.open(),
            let ended = try? await journal.ended(count: RemediationDesk.pastMax)
        else { return false }
        var lead = Lead(
            lease: lease, since: now, gift: GiftPolicy(parts.settings.gift),
            doctor: DoctorPolicy(parts.settings.doctor))
        lead.past = ended.map {
            Past(operation: $0.operation, at: now.advanced(milliseconds: -$0.agoMilliseconds))
        }
        self.lead = lead
        for operation in open {
            parts.events.tell(
                "operation.resumed", .notice,
                "operation \(operation.id) (\(operation.kind.rawValue) \(operation.target)) is taken up at '\(operation.step.rawValue)'",
                ["operation": operation.id, "epoch": "\(lease.epoch)"])
            start(operation)
        }
        return true
    }

    /// Drives an operation that stands in the journal.
    func start(_ operation: Operation) {
        guard let lease = lead?.lease, lead?.runs[operation.id] == nil else { return }
        lead?.runs[operation.id] = Run(
            core: OperationCore(operation, limits: parts.limits, epoch: lease.epoch, at: .now()))
        lead?.runs[operation.id]?.task = Task { await drive(operation.id, lease) }
    }

    /// Tells something once, until it changes.
    func tellOnce(
        _ subject: String, _ gist: String, _ kind: String, _ severity: Event.Severity, _ text: String,
        _ details: [String: String] = [:]
    ) {
        guard lead?.told[subject] != gist else { return }
        lead?.told[subject] = gist
        parts.events.tell(kind, severity, text, details)
    }

    /// The operations under way.
    var operations: [Operation] {
        (lead?.runs.values.map(\.core.operation) ?? []).filter { !$0.state.hasEnded }
    }

    /// An id for a new operation; later ones sort after earlier ones.
    static func newID() -> String {
        let time = String(WallClock.milliseconds(), radix: 36)
        let chance = String(UInt32.random(in: 0...46_655), radix: 36)
        return time + String(repeating: "0", count: max(0, 3 - chance.count)) + chance
    }
}
