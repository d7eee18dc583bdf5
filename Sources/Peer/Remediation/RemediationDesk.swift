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
        var tally: RemedyTally
        /// Whether other proxies have requests under way, too: other agents' (`proxy.run: every`), or those of the process
        /// that this one has followed in an upgrade.
        var othersServe: @Sendable () -> Bool
        /// The addresses at which Redis is now, as they stand in the server list.
        var storeHosts: @Sendable () -> Set<String>
    }

    /// One operation that this leader drives.
    struct Run {
        var core: OperationCore
        var task: Task<Void, Never>?
        /// The command that the next writing settles, since that writing is its effect.
        var settlement: OperationJournal.Settlement?
    }

    /// An operation that has ended.
    struct Past {
        var operation: Operation
        var at: Instant

        /// Whether the next one has to wait for a while after it: a person's "no" is to last; what was held back at the last
        /// moment never was.
        var counts: Bool { operation.state != .cancelled || operation.isCancelled }
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
        var askedAt: Instant?
        var isCounting = false
        var switches = RemediationSwitches()
        /// What `config` held, should Redis lose it.
        var config = ConfigMemory()
        /// Operations that have drained a server, and of which nothing else was found at the last look.
        var orphans: Set<String> = []
        /// Hosts that seemed gone at the last look, and when peers were last asked about such.
        var gone: [String] = []
        var witnessesAskedAt: Instant?
        /// What stands among the operations under way and is none.
        var unreadable: [UnreadableOperation] = []
        /// When the operations under way were last looked for; nil asks for a look at once.
        var lookedAt: Instant?
    }

    let parts: Parts
    let journal: OperationJournal
    var lead: Lead?
    private let wake: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation

    /// Ended operations that a new leader reads.
    private static let pastMax = 200
    /// How often the operations under way are looked for, in milliseconds: the answer to an opening may get lost.
    private static let lookMilliseconds: Int64 = 10_000
    /// Why a leadership cannot begin its work, when that is Redis's content; told once.
    private var beginFault = ""

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
        wakeAtTheWindow(at: .now())
    }

    /// Looks once more right after a window has ended: heat that was held long enough then need not wait for the next second.
    private func wakeAtTheWindow(at now: Instant) {
        let holds = [parts.settings.gift.holdMilliseconds, parts.settings.doctor.holdMilliseconds]
        let milliseconds = now.nanoseconds / 1_000_000
        let left = holds.map { hold in
            let window = HeatBook.Shape(holdMilliseconds: hold).windowMilliseconds
            return window - milliseconds % window
        }
        guard let next = left.min(), next < RemediationDesk.nudgeMilliseconds else { return }
        Task { [weak self] in
            try? await Task.sleep(for: .milliseconds(next + RemediationDesk.afterWindowMilliseconds))
            self?.nudge()
        }
    }

    /// How often the desk is nudged, in milliseconds.
    private static let nudgeMilliseconds: Int64 = 1000
    /// How long after a window's end it is looked at, in milliseconds.
    private static let afterWindowMilliseconds: Int64 = 5

    /// Ends the work of a leadership that is over; what was begun is in Redis for the next leader.
    private func rest() {
        guard let lead else { return }
        for run in lead.runs.values { run.task?.cancel() }
        self.lead = nil
        parts.tally.rest()
    }

    private func begin(_ lease: Lease) async -> Bool {
        let now = Instant.now()
        do throws(StoreFault) {
            let underWay = try await journal.underWay()
            let ended = try await journal.ended(count: RemediationDesk.pastMax)
            // Before anything is driven: a pause or a hold may be older than this leadership.
            let reading = try await read(token: lease.token)
            var lead = Lead(
                lease: lease, since: now, gift: GiftPolicy(parts.settings.gift),
                doctor: DoctorPolicy(parts.settings.doctor))
            lead.switches = reading.switches
            lead.past = ended.map {
                Past(operation: $0.operation, at: now.advanced(milliseconds: -$0.agoMilliseconds))
            }
            self.lead = lead
            beginFault = ""
            takeUp(underWay.operations, underWay.unreadable)
            return true
        } catch {
            // A store that does not answer is told elsewhere; what stands in it and makes no sense is told here.
            if case .malformed = error { complain("the monkeys cannot begin: \(error)") }
            if case .rejected = error, error.kind != .fenced, error.kind != .retry {
                complain("the monkeys cannot begin: \(error)")
            }
            return false
        }
    }

    private func complain(_ text: String) {
        guard text != beginFault else { return }
        beginFault = text
        parts.events.tell("operation.unreadable", .error, text)
    }

    /// Looks for operations that nobody drives, and for what stands among them and is none.
    func lookForOperations(at now: Instant, storeMs: Int64, _ lease: Lease) async {
        if let at = lead?.lookedAt, now.milliseconds(since: at) < RemediationDesk.lookMilliseconds { return }
        lead?.lookedAt = now
        guard let found = try? await journal.underWay(), lead?.lease == lease else { return }
        takeUp(found.operations, found.unreadable)
        let underWay = found.operations.map(\.id) + found.unreadable.map(\.id)
        await takeBackOrphans(Set(underWay), lease.token)
        for old in found.unreadable
        where storeMs - old.openedMs >= UnreadableOperation.patienceMilliseconds {
            guard (try? await journal.setAside(old, token: lease.token)) == true else { continue }
            lead?.unreadable.removeAll { $0.id == old.id }
            parts.events.tell(
                "operation.set_aside", .error, "operation \(old.id) could not be read and was set aside",
                ["operation": old.id, "target": old.target])
        }
    }

    private func takeUp(_ open: [Operation], _ unreadable: [UnreadableOperation]) {
        guard let epoch = lead?.lease.epoch else { return }
        let over = Set(lead?.past.map(\.operation.id) ?? [])
        for operation in open where lead?.runs[operation.id] == nil && !over.contains(operation.id) {
            parts.events.tell(
                "operation.resumed", .notice,
                "operation \(operation.id) (\(operation.kind.rawValue) \(operation.target)) is taken up at '\(operation.step.rawValue)'",
                ["operation": operation.id, "epoch": "\(epoch)"])
            start(operation)
        }
        let known = Set(lead?.unreadable.map(\.id) ?? [])
        for found in unreadable where !known.contains(found.id) {
            parts.events.tell(
                "operation.unreadable", .error, found.complaint,
                ["operation": found.id, "target": found.target])
        }
        lead?.unreadable = unreadable
    }

    /// What `troop check` says of the operations, on the leader.
    package func findings() -> [Finding] {
        guard let lead else { return [] }
        return lead.unreadable.map { Finding("operations", .failed, $0.complaint) }
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
