import Election
import Linux
import Logging
import Store

/// Looks at everything that a troop depends on: at the start, now and then, and when somebody asks (`troop check`). What is
/// wrong is logged once.
package actor CheckDesk {
    private let configuration: Configuration
    private let store: Store
    private let keys: Keys
    private let finder: MasterFinder?
    private let log: Logger
    private let known: @Sendable () async -> HostChecks.Known
    private var logged: Set<String> = []
    private var nextAt = Instant(nanoseconds: 0)
    private var isUnderWay = false
    /// What of the last look at the store keeps the troop's promises from holding, a line each for `troop status`.
    package private(set) var notices: [String] = []
    /// More findings, of those who know their own business (providers, playbooks).
    private var others: [@Sendable () async -> [Finding]] = []

    /// From one look at the store to the next, in milliseconds.
    private static let againMilliseconds: Int64 = 300_000
    /// The same after a look that was not answered; each agent takes another, since Sentinels are asked by all of them.
    private static let unansweredMilliseconds: ClosedRange<Int64> = 10_000...30_000

    init(
        configuration: Configuration, store: Store, keys: Keys, finder: MasterFinder?, log: Logger,
        known: @escaping @Sendable () async -> HostChecks.Known
    ) {
        self.configuration = configuration
        self.store = store
        self.keys = keys
        self.finder = finder
        self.log = log
        self.known = known
    }

    /// Adds what another part of the agent looks at.
    package func add(_ source: @escaping @Sendable () async -> [Finding]) { others.append(source) }

    /// Looks at the store when it is time to; called once a second.
    func tick() async {
        let now = Instant.now()
        guard now >= nextAt, !isUnderWay else { return }
        isUnderWay = true
        defer { isUnderWay = false }
        // Set before the look: `lookAgain` may be called meanwhile.
        let soon = now.advanced(milliseconds: .random(in: CheckDesk.unansweredMilliseconds))
        nextAt = soon
        let (findings, isReached) = await storeFindings()
        guard isReached else { return }
        if nextAt == soon { nextAt = Instant.now().advanced(milliseconds: CheckDesk.againMilliseconds) }
        take(findings)
    }

    /// Looks again soon: the store came back, and may be another.
    func lookAgain() { nextAt = Instant(nanoseconds: 0) }

    /// Everything, now.
    package func document() async -> CheckDocument {
        let (store, isReached) = await storeFindings()
        if isReached { take(store) }
        var findings = store + HostChecks.findings(configuration, await known())
        for source in others { findings += await source() }
        return CheckDocument(findings: findings, storeReachable: isReached)
    }

    private func storeFindings() async -> (findings: [Finding], isReached: Bool) {
        let election = configuration.election
        let terms = StoreChecks.Terms(
            usesSentinel: finder != nil, ttlMilliseconds: election.ttlMilliseconds,
            quarantineMilliseconds: election.quarantineMilliseconds,
            commandTimeoutMilliseconds: election.commandTimeoutMilliseconds)
        let keys = keys
        let sentinels = await sentinelFindings()
        do {
            let facts = try await store.session { (connection, deadline) throws(StoreFault) in
                try StoreFacts.gather(
                    connection, keys, until: deadline, wallMilliseconds: WallClock.milliseconds)
            }
            return (sentinels + StoreChecks.findings(facts, terms), true)
        } catch {
            let place = finder == nil ? "redis.url" : "redis.sentinel"
            return (
                sentinels + [
                    Finding(
                        "redis", .failed,
                        "\(error); see that it runs, that \(place) names it, and that this host reaches it")
                ], false
            )
        }
    }

    private func sentinelFindings() async -> [Finding] {
        guard let finder else { return [] }
        let roll = await ControlLine.blocking(named: "troop-check") { finder.roll() }
        return SentinelChecks.findings(roll, master: finder.settings.master)
    }

    private func take(_ findings: [Finding]) {
        let bad = findings.filter { $0.verdict != .fine }
        for finding in bad where !logged.contains(finding.text) {
            let metadata: Logger.Metadata = ["subject": "\(finding.subject)"]
            switch finding.verdict {
            case .fine: break
            case .warning: log.warning("check: \(finding.text)", metadata: metadata)
            case .failed: log.error("check: \(finding.text)", metadata: metadata)
            }
        }
        // Numbers in a text change by themselves; so many different lines are enough for one run.
        if logged.count < 256 { logged.formUnion(bad.map(\.text)) }
        notices = bad.filter { $0.verdict == .failed }.map { "\($0.subject): \($0.text)" }
    }
}
