import Election
import Glibc
import Linux
import Logging
import Store

/// What follows a change of leader outside the election and the proxy: events, hooks, the leader's address, the Elastic IP,
/// the token on disk; and a host whose leadership fails again and again stands back. Carries out what `IncumbencyCore` says.
actor Incumbency {
    /// The parts that act.
    struct Parts: Sendable {
        var token: TokenFile
        var keeper: AddressKeeper?
        var hooks: HookRunner
        var elasticIP: ElasticAddress?
        var watchdog: Watchdog
    }

    private let parts: Parts
    private let events: EventLog
    private let log: Logger
    private let standBack: @Sendable (Bool) -> Void
    private var core: IncumbencyCore
    private var flaps = FlapGuard()
    private var isSucceeded = false
    private var store: StoreState?

    /// An agent that was told to stop ends so soon, whatever its last hook does, in milliseconds: its unit's
    /// TimeoutStopSec= is 30 s, and who is killed then has not resigned its last things.
    static let stopMilliseconds: Int64 = 27_000

    /// `standBack` has the elector stand back behind the other candidates.
    init(
        host: String, parts: Parts, events: EventLog, log: Logger,
        standBack: @escaping @Sendable (Bool) -> Void
    ) {
        core = IncumbencyCore(host: host)
        self.parts = parts
        self.events = events
        self.log = log
        self.standBack = standBack
    }

    /// Begins to keep the address; leftovers of an earlier run go.
    func begin() throws(SystemFault) { try parts.keeper?.start() }

    /// Acts on the elector's changes, one after the other, until the stream ends.
    func follow(_ changes: AsyncStream<ElectionChange>) async {
        for await change in changes {
            for action in core.handle(change) { await perform(action, at: change.at) }
        }
    }

    /// Tells when the store is lost and comes back.
    func follow(_ states: AsyncStream<StoreState>, redis: String, onBack: @Sendable () async -> Void) async {
        for await state in states {
            let details = ["redis": redis]
            switch state {
            case .connected:
                if store == nil {
                    log.notice("Redis answers", metadata: ["redis": "\(redis)"])
                } else {
                    events.tell("store.back", .notice, "Redis answers again", details)
                }
                await onBack()
            case .unreachable(let why):
                events.tell(
                    "store.lost", .error, "Redis does not answer; trying again until it does",
                    details.merging(["why": why]) { $1 })
            }
            store = state
        }
    }

    /// Whether this host is to stand back, for its leadership failed too often.
    func standsBack(at now: Instant) -> Bool { flaps.standsBack(at: now) }

    /// What somebody should mend, a line each.
    var notices: [String] {
        get async {
            let elasticIP = await parts.elasticIP?.fault
            let tokenFault = parts.token.writer.fault(of: TokenFile.name).map {
                "state folder: \($0); after a crash 'troop resign' will not find the lease"
            }
            return [
                parts.keeper?.fault, elasticIP, parts.watchdog.fault, tokenFault, flaps.notice(at: .now()),
            ].compactMap { $0 }
        }
    }

    /// Does what is due; called once a second.
    func tick() async { await parts.elasticIP?.tick() }

    /// A successor on this host has everything: from here on nothing is done any more.
    func succeed() { isSucceeded = true }

    /// Closes the machine's watchdog: to be called as soon as the elector, which feeds it, has ended.
    nonisolated func closeWatchdog() { parts.watchdog.close() }

    /// Until when the last hook is waited for: as long as it may run, and as the unit leaves.
    static func hooksEnd(timeoutMilliseconds: Int64, stoppingSince began: Instant, at now: Instant) -> Instant
    {
        min(
            now.advanced(milliseconds: timeoutMilliseconds + HookProcess.graceMilliseconds),
            began.advanced(milliseconds: stopMilliseconds))
    }

    /// Ends: the address goes unless a successor keeps it, and the last hook is waited for.
    func close(stoppingSince began: Instant) async {
        await parts.elasticIP?.close()
        let (keeper, keeps) = (parts.keeper, isSucceeded)
        await ControlLine.blocking(named: "troop-vip-end") { keeper?.stop(keeps: keeps) }
        let deadline = Incumbency.hooksEnd(
            timeoutMilliseconds: parts.hooks.timeoutMilliseconds, stoppingSince: began, at: .now())
        while !parts.hooks.isIdle, Instant.now() < deadline {
            await ControlLine.blocking(named: "troop-hooks-end") { Incumbency.nap() }
        }
        if !parts.hooks.isIdle { log.warning("a hook runs still; the agent ends without it") }
        parts.hooks.stop()
    }

    /// Not `Task.sleep`: it would return at once in a task that was cancelled.
    private static func nap() { _ = usleep(20_000) }

    private func perform(_ action: IncumbencyCore.Action, at now: Instant) async {
        guard !isSucceeded else { return }
        switch action {
        case .tell(let kind, let severity, let text, let details): events.tell(kind, severity, text, details)
        case .hook(let order): parts.hooks.run(order)
        case .address(let event): parts.keeper?.tell(event)
        case .elasticIP(let isOurs): await parts.elasticIP?.lead(isOurs)
        case .keepToken(let token):
            let file = parts.token
            file.writer.write(TokenFile.name) { () throws(SystemFault) in try file.keep(token) }
        case .forgetToken:
            let file = parts.token
            file.writer.write(TokenFile.name) { () throws(SystemFault) in file.forget() }
        case .failed:
            guard let rest = flaps.failed(at: now) else { return }
            events.tell(
                "election.flapping", .warning,
                "this host's leadership failed \(FlapGuard.failuresMax) times within \(FlapGuard.windowMilliseconds / 1000) s; it stands back behind the others for \(rest / 1000) s. Look at its load, its network and Redis"
            )
            standBack(true)
        }
    }
}

extension AddressKeeper {
    /// An event for people of what the keeper says.
    static func tell(_ message: VIPCore.Message, _ address: VirtualAddress, _ events: EventLog) {
        let details = ["address": address.host, "interface": address.interface]
        switch message {
        case .leftover:
            events.tell(
                "vip.leftover", .warning, "\(address) was left over by an earlier run, and is removed",
                details)
        case .taken: events.tell("vip.taken", .notice, "this host has \(address)", details)
        case .givenUp(let why):
            events.tell("vip.given_up", .notice, "this host gives \(address) up: \(why)", details)
        case .vanished:
            events.tell(
                "vip.vanished", .warning,
                "somebody removed \(address) while this host leads; it is added again", details)
        case .conflict(let station):
            events.tell(
                "vip.conflict", .warning,
                "the station \(station) announces \(address.host) while this host leads; it is announced anew",
                details)
        case .trouble(let why): events.tell("vip.failed", .error, "\(address): \(why)", details)
        }
    }
}
