import CLinux
import Election
import Linux
package import Logging
import Metrics
import Proxy
import Remediation
import ServiceLifecycle
import Store

/// Why an agent cannot start: one line that says what is wrong and what to do.
package struct AgentFault: Error, Sendable, CustomStringConvertible {
    package let description: String

    /// A fault with its line.
    package init(_ description: String) { self.description = description }
}

/// One agent, put together from its parts: this is where they meet, and the order in which they stop.
package struct Agent: Service {
    let configuration: Configuration
    let log: Logger
    let store: Store
    let keys: Keys
    let proxy: Proxy
    let router: Router
    let ownChecker: HealthChecker?
    let pace: TroopPace
    let roster: Roster
    let reporter: Reporter
    let elector: Elector
    let changes: AsyncStream<ElectionChange>
    let changesEnd: AsyncStream<ElectionChange>.Continuation
    let duties: LeaderDuties
    let board: StatusBoard
    let pause: PauseSwitch
    let desk: CommandDesk
    let remedies: RemediationDesk
    let orders: OrderTaker
    let subscription: Subscription
    let events: EventLog
    let incumbency: Incumbency
    let officeChanges: AsyncStream<ElectionChange>
    let officeChangesEnd: AsyncStream<ElectionChange>.Continuation
    let storeStates: AsyncStream<StoreState>
    let storeStatesEnd: AsyncStream<StoreState>.Continuation
    let checks: CheckDesk
    let remedyChecks: RemedyChecks
    let masterWatch: MasterWatch?
    let flags: FlagBook
    let hostWatch: HostWatch
    let history: HistoryKeeper
    let historyFetch: HistoryFetch
    let watch: TroopWatch
    let notifier: Notifier?
    let api: HTTPServer
    let upgrades: UpgradeDesk
    let command: [String]
    let inheritance: Inheritance?
    let inherited: ListenerCopies

    /// How long a successor waits for its servers' first checks before it takes requests, in milliseconds.
    private static let checksMilliseconds: Int64 = 1500
    /// How long a successor's API waits for the first word of the election, in milliseconds.
    private static let standingMilliseconds: Int64 = 300

    /// Builds an agent; throws one clear line when something it needs cannot be had.
    ///
    /// `command` is how this program was started, and how its successor is to be at an upgrade; `inheritance` is what
    /// a predecessor left.
    package init(
        _ configuration: Configuration, command: [String] = [], inheritance: Inheritance? = nil, log: Logger
    ) throws(AgentFault) {
        self.command = command
        self.inheritance = inheritance
        self.configuration = configuration
        self.log = log
        do {
            let parts = try AgentParts(configuration, inheritance: inheritance, log: log)
            store = parts.store
            keys = parts.keys
            proxy = parts.proxy
            router = parts.router
            ownChecker = parts.ownChecker
            pace = parts.pace
            roster = parts.roster
            reporter = parts.reporter
            elector = parts.elector
            changes = parts.changes
            changesEnd = parts.changesEnd
            duties = parts.duties
            board = parts.board
            pause = parts.pause
            desk = parts.desk
            remedies = parts.remedies
            orders = parts.orders
            subscription = parts.subscription
            events = parts.events
            incumbency = parts.incumbency
            officeChanges = parts.officeChanges
            officeChangesEnd = parts.officeChangesEnd
            storeStates = parts.storeStates
            storeStatesEnd = parts.storeStatesEnd
            checks = parts.checks
            remedyChecks = RemedyChecks(configuration, parts.machines)
            masterWatch = parts.masterWatch
            flags = parts.flags
            hostWatch = parts.hostWatch
            history = parts.history
            historyFetch = parts.historyFetch
            watch = parts.watch
            notifier = parts.notifier
            api = parts.api
            upgrades = parts.upgrades
            inherited = parts.inherited
        } catch let fault as AgentFault {
            throw fault
        } catch {
            throw AgentFault("\(error)")
        }
    }

    /// Runs until a graceful shutdown, then stops in order: the lease, the listener, open connections, the rest.
    package func run() async throws {
        try await begin()
        await checks.add { [remedyChecks] in await remedyChecks.findings() }
        await checks.add { [remedies] in await remedies.findings() }
        do {
            try await incumbency.begin()
            try masterWatch?.start()
            try subscription.start()
            try elector.start()
        } catch {
            throw Agent.noThread(error)
        }
        log.notice(
            "agent started",
            metadata: [
                "host": "\(configuration.host.name)", "cluster": "\(configuration.cluster)",
                "version": "\(Version.text)", "redis": "\(configuration.redis.place)",
                "api": "\(configuration.api.listen)", "socket": "\(configuration.api.socket)",
                "proxy": "\(configuration.proxy.listen)",
                "follows_pid": "\(inheritance.map { "\($0.predecessor)" } ?? "none")",
            ])
        events.tell(
            "agent.started", .notice,
            "the agent of host \(configuration.host.name) started, version \(Version.text)")
        for warning in configuration.warnings { events.tell("config.warning", .warning, warning) }
        let (stop, stopper) = AsyncStream<Void>.makeStream()
        let succession = Succession(
            host: configuration.host.name, command: command, proxy: proxy, router: router, duties: duties,
            elector: elector, incumbency: incumbency, reporter: reporter, store: store, keys: keys, api: api,
            desk: upgrades, log: log
        )
        upgrades.open { await succession.perform(binary: $0) { stopper.finish() } }
        reporter.start()
        ServiceManager.notify("READY=1")
        // Not in the group that ends before the last hooks have run.
        let office = Task { await incumbency.follow(officeChanges) }
        let states = Task { [checks, configuration] in
            await incumbency.follow(storeStates, redis: configuration.redis.place) {
                await checks.lookAgain()
            }
        }
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await roster.run() }
                group.addTask { await duties.follow(changes) }
                group.addTask { await keepHouse() }
                group.addTask { await remedies.run() }
                if inheritance != nil { group.addTask { await openDoors() } }
                for await _ in stop {}
                upgrades.close()
                if upgrades.isSucceeded {
                    group.cancelAll()  // first: the list and the state folder are the successor's
                    await finish()
                } else {
                    await wind(down: "stopped in good order")
                    group.cancelAll()
                }
            }
        } onGracefulShutdown: {
            stopper.finish()
        }
        await end(office, states)
    }

    /// Opens the access log's file anew: after it was renamed, lines go to a new one.
    package func reopenLog() {
        proxy.reopenLog()
        log.info("access log is opened anew")
    }
    /// Has the proxy's certificates and keys read again; what cannot be used is logged and changes nothing.
    package func reloadCertificates() { proxy.reloadCertificates() }

    /// Upgrades to a program (nil: this agent's own, as it is on disk now); answers once the new agent serves.
    package func upgrade(to binary: String? = nil) async -> UpgradeOutcome {
        await upgrades.upgrade(to: binary)
    }

    /// Opens what clients come to: at once, or, after a predecessor, each thing when it is left to this agent.
    private func begin() async throws {
        guard let inheritance else {
            await duties.begin()
            do { try api.start() } catch { throw Agent.noThread(error) }
            return
        }
        for complaint in inheritance.complaints { log.warning("upgrade: \(complaint)") }
        await roster.refresh()
        if !inherited.isEmpty {
            router.startChecks()
            let deadline = Instant.now().advanced(milliseconds: Agent.checksMilliseconds)
            while !router.haveChecked, Instant.now() < deadline {
                try? await Task.sleep(for: .milliseconds(10))
            }
        }
        inheritance.tellReady(servers: router.count)
        guard await inheritance.hears(.serve) else {
            throw AgentFault("upgrade: the agent that started this one is gone, or goes on itself")
        }
        if inherited.isEmpty {
            await duties.begin()
        } else {
            await duties.begin(inheriting: inherited)
        }
        // A predecessor that dies now has left its sockets: going on is all that can be done.
        _ = await inheritance.hears(.lead)
    }

    /// After a predecessor: answers the API once the election has spoken, so that nobody asks an agent that does not
    /// know yet whether it leads. Who connects meanwhile waits in the queue.
    private func openDoors() async {
        let deadline = Instant.now().advanced(milliseconds: Agent.standingMilliseconds)
        while await !duties.hasStanding, Instant.now() < deadline, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(2))
        }
        do {
            try api.start()
        } catch {
            log.error("the API cannot be served", metadata: ["why": "\(error)"])
        }
    }

    private static func noThread(_ error: any Error) -> AgentFault {
        AgentFault("cannot start a thread: \(error); raise the limit of tasks of this user or unit")
    }
}
