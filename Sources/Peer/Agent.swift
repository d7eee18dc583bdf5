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
    private let configuration: Configuration
    private let log: Logger
    private let store: Store
    private let keys: Keys
    private let proxy: Proxy
    private let router: Router
    private let ownChecker: HealthChecker?
    private let pace: TroopPace
    private let roster: Roster
    private let reporter: Reporter
    private let elector: Elector
    private let changes: AsyncStream<ElectionChange>
    private let changesEnd: AsyncStream<ElectionChange>.Continuation
    private let duties: LeaderDuties
    private let board: StatusBoard
    private let pause: PauseSwitch
    private let desk: CommandDesk
    private let remedies: RemediationDesk
    private let orders: OrderTaker
    private let subscription: Subscription
    private let events: EventLog
    private let incumbency: Incumbency
    private let officeChanges: AsyncStream<ElectionChange>
    private let officeChangesEnd: AsyncStream<ElectionChange>.Continuation
    private let storeStates: AsyncStream<StoreState>
    private let storeStatesEnd: AsyncStream<StoreState>.Continuation
    private let checks: CheckDesk
    private let remedyChecks: RemedyChecks
    private let masterWatch: MasterWatch?
    private let flags: FlagBook
    private let hostWatch: HostWatch
    private let history: HistoryKeeper
    private let historyFetch: HistoryFetch
    private let watch: TroopWatch
    private let notifier: Notifier?
    private let api: HTTPServer
    private let upgrades: UpgradeDesk
    private let command: [String]
    private let inheritance: Inheritance?
    private let inherited: ListenerCopies

    /// How long a leader that stops waits for its successor before it closes its listener, in milliseconds.
    private static let successorMilliseconds: Int64 = 500
    /// How often the agent looks around, in milliseconds.
    private static let houseMilliseconds: Int64 = 1000
    /// A standby reads the hosts once in so many turns.
    private static let boardTurns = 10
    /// A host that reported within this time counts as a candidate, in milliseconds.
    private static let liveMilliseconds: Int64 = 15_000
    /// How long connections may go on after the listener was closed, in milliseconds.
    private static let drainMilliseconds: Int64 = 10_000
    /// How long API clients that asked nothing yet may do so once a successor answers, in milliseconds.
    private static let doorMilliseconds: Int64 = 1000
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

    /// What is done once a second, by one task: each sleeping task costs a wake-up of its own.
    private func keepHouse() async {
        var seen = HealthState.unknown
        var turn = 0
        var isClose = false
        while !Task.isCancelled {
            seen = await lookAtOwnServer(seen)
            await duties.tick()
            await incumbency.tick()
            await checks.tick()
            await desk.look()
            if turn.isMultiple(of: Agent.boardTurns) { await measureTroop() }
            let leads = elector.isLeader(at: .now())
            if leads || !pace.isFar || turn.isMultiple(of: Agent.turns(pace.scale.reportMilliseconds)) {
                await pause.look()
                await flags.tick()
                Task { [orders] in await orders.look() }  // a reboot takes its time
            }
            await events.flush()
            // Who does not lead reads the hosts only when asked, and now and then for the case that Redis dies.
            let readTurns = leads ? Agent.turns(pace.scale.readMilliseconds) : isClose ? 1 : Agent.boardTurns
            if turn.isMultiple(of: readTurns), leads || !pace.isFar {
                isClose = await lookAround()
            }
            remedies.nudge()
            if turn.isMultiple(of: Agent.boardTurns) { await decideCandidacy() }
            // Most code runs only at the start: a third of the agent's memory, as tools show it.
            if turn == Agent.settledTurn { _ = clinux_forget_file_pages() }
            turn += 1
            try? await Task.sleep(for: .milliseconds(Agent.houseMilliseconds))
        }
    }

    /// The turn after which only what goes on for ever is done.
    private static let settledTurn = 8

    /// How many turns an interval takes, at least one.
    private static func turns(_ milliseconds: Int64) -> Int { max(1, Int(milliseconds / houseMilliseconds)) }

    /// Learns how large the troop is, and what follows for this host.
    private func measureTroop() async {
        guard let hosts = await board.size() else { return }  // as before, while the store does not answer
        let scale = TroopScale(hosts: hosts)
        pace.set(scale, isFar: scale.isFar(configuration.host.name, isPreferred: isPreferred))
        await reporter.report(everyMilliseconds: scale.reportMilliseconds)
    }

    /// Reads all hosts and sees to what follows. True for a standby of a small troop that may lead next: it does so each
    /// second, so that it can tell what was before when it leads.
    private func lookAround() async -> Bool {
        await board.refresh()
        let book = await board.book
        if let epoch = book.highestEpoch, epoch > elector.highestEpoch { elector.noteEpoch(epoch) }
        let isWarm = WarmStandby.includes(configuration.host.name, in: book, at: .now())
        watch.see(book, at: .now())
        watch.see(problems: await roster.notices + board.notices)
        await duties.standBy(warm: isWarm)
        if isWarm || elector.isLeader(at: .now()) { await remember(book) }
        return isWarm && book.pages.count <= TroopScale.closeTroop
    }

    private var isPreferred: Bool {
        configuration.election.priority > Configuration.Election.priorityDefault
    }

    /// Notes what the hosts report; where that begins, another agent is asked for what was before.
    private func remember(_ book: HostBook) async {
        let now = Instant.now()
        // What Redis said last is not what is now, while it cannot be reached.
        guard await board.fault == nil else { return }
        let hosts = await Dictionary(roster.entries.map { ($0.address.description, $0.host) }) { $1 }
        let latencies = (await board.traffic?.servers ?? []).map {
            (server: $0.address, host: hosts[$0.address] ?? "", p50: $0.p50, p99: $0.p99)
        }
        history.note(book, latencies: latencies, at: now)
        guard history.takesFill() else { return }
        historyFetch.begin(
            HistoryFetch.peers(of: configuration.host.name, leader: await board.leader, in: book, at: now))
    }

    private func decideCandidacy() async {
        let now = Instant.now()
        if pace.isFar {
            elector.standBack(true)
            await duties.standBy(warm: false)
            return
        }
        let book = await board.book
        let limit = max(Agent.liveMilliseconds, 3 * pace.scale.reportMilliseconds)
        let live = book.pages.keys.filter { name in
            book.age(of: name, at: now).map { $0 < limit } ?? false
        }
        elector.yield(await incumbency.standsBack(at: now))
        elector.standBack(
            Candidacy.standsBack(configuration.host.name, live: live, isPreferred: isPreferred))
    }

    /// Acts on how this host's own application fares: what counts is its state, not one change of it.
    private func lookAtOwnServer(_ seen: HealthState) async -> HealthState {
        guard let ownChecker, let address = configuration.server?.listen.asClient else { return seen }
        let state = ownChecker.states()[address] ?? .unknown
        if state != seen { tell(state, of: address) }
        switch state {
        case .unknown: break
        case .healthy: if await !reporter.nameIsTaken { await roster.applicationIsUp() }
        // A slow or confused application stays on the list: the proxy's own checks keep requests away from it.
        // Only one that nobody answers for any more is taken out.
        case .unhealthy(let failure): if failure == .refused { await roster.applicationIsGone() }
        }
        return state
    }

    private func tell(_ state: HealthState, of address: SocketAddress) {
        let details = ["server": "\(address)"]
        let host = configuration.host.name
        switch state {
        case .unknown: break
        case .healthy:
            events.tell(
                "application.up", .info, "the application on \(host) passes its health check", details)
        case .unhealthy(let failure):
            events.tell(
                "application.down", .warning, "the application on \(host) fails its health check: \(failure)",
                details)
        }
    }

    /// Hands the lease over first, so that the next leader serves while this one still drains.
    private func wind(down reason: String) async {
        let wasLeader = elector.isLeader(at: .now())
        ServiceManager.notify("STOPPING=1")
        log.notice("stopping", metadata: ["leader": "\(wasLeader)"])
        events.tell("agent.stopped", .notice, "the agent of host \(configuration.host.name) stops: \(reason)")
        elector.resign(reason: reason)
        if wasLeader { await awaitSuccessor() }
        if await duties.close() {
            let deadline = Instant.now().advanced(milliseconds: Agent.drainMilliseconds)
            let cut = await proxy.drain(until: deadline)
            log.notice("proxy closed", metadata: ["connections_cut": "\(cut)"])
        }
        await reporter.leave()
        await events.flush()
    }

    /// Finishes what is open after a successor has taken over the sockets, the lease and the name.
    private func finish() async {
        let cut = await proxy.drain(until: Instant.now().advanced(milliseconds: Agent.drainMilliseconds))
        await api.drain(until: Instant.now().advanced(milliseconds: Agent.doorMilliseconds))
        log.notice("the new agent serves; this one ends", metadata: ["connections_cut": "\(cut)"])
    }

    private func awaitSuccessor() async {
        let deadline = Instant.now().advanced(milliseconds: Agent.successorMilliseconds)
        while Instant.now() < deadline {
            if let reply = try? await store.call(Command("GET", keys.lease)), let token = reply.text,
                let lease = Lease(token: token), lease.host != configuration.host.name
            {
                log.info("successor leads", metadata: ["leader": "\(lease.host)", "epoch": "\(lease.epoch)"])
                return
            }
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    private func end(_ office: Task<Void, Never>, _ states: Task<Void, Never>) async {
        elector.stop()
        changesEnd.finish()
        officeChangesEnd.finish()
        await office.value
        await incumbency.close()
        await events.flush()
        masterWatch?.stop()
        subscription.stop()
        ownChecker?.stop()
        router.stop()
        proxy.stop()
        api.stop()
        hostWatch.stop()
        notifier?.stop()
        await store.close()
        storeStatesEnd.finish()
        await states.value
        log.notice("agent stopped")
    }
}
