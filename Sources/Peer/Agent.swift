import Election
import Linux
package import Logging
import Metrics
import Proxy
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
    private let roster: Roster
    private let reporter: Reporter
    private let elector: Elector
    private let changes: AsyncStream<ElectionChange>
    private let changesEnd: AsyncStream<ElectionChange>.Continuation
    private let duties: LeaderDuties
    private let board: StatusBoard
    private let pause: PauseSwitch
    private let desk: CommandDesk
    private let subscription: Subscription
    private let api: HTTPServer

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

    /// Builds an agent; throws one clear line when something it needs cannot be had.
    package init(_ configuration: Configuration, log: Logger) throws(AgentFault) {
        self.configuration = configuration
        self.log = log
        do {
            let parts = try AgentParts(configuration, log: log)
            store = parts.store
            keys = parts.keys
            proxy = parts.proxy
            router = parts.router
            ownChecker = parts.ownChecker
            roster = parts.roster
            reporter = parts.reporter
            elector = parts.elector
            changes = parts.changes
            changesEnd = parts.changesEnd
            duties = parts.duties
            board = parts.board
            pause = parts.pause
            desk = parts.desk
            subscription = parts.subscription
            api = parts.api
        } catch let fault as AgentFault {
            throw fault
        } catch {
            throw AgentFault("\(error)")
        }
    }

    /// Runs until a graceful shutdown, then stops in order: the lease, the listener, open connections, the rest.
    package func run() async throws {
        do {
            try subscription.start()
            try elector.start()
        } catch {
            throw AgentFault("cannot start a thread: \(error); raise the limit of tasks of this user or unit")
        }
        log.notice(
            "agent started",
            metadata: [
                "host": "\(configuration.host.name)", "cluster": "\(configuration.cluster)",
                "version": "\(Version.text)", "redis": "\(configuration.redis.url)",
                "api": "\(configuration.api.listen)", "socket": "\(configuration.api.socket)",
                "proxy": "\(configuration.proxy.listen)",
            ])
        let (stop, stopper) = AsyncStream<Void>.makeStream()
        reporter.start()
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await roster.run() }
                group.addTask { await duties.follow(changes) }
                group.addTask { await keepHouse() }
                for await _ in stop {}
                await wind(down: "stopped in good order")
                group.cancelAll()
            }
        } onGracefulShutdown: {
            stopper.finish()
        }
        await end()
    }

    /// Opens the access log's file anew: after it was renamed, lines go to a new one.
    package func reopenLog() {
        proxy.reopenLog()
        log.info("access log is opened anew")
    }
    /// Has the proxy's certificates and keys read again; what cannot be used is logged and changes nothing.
    package func reloadCertificates() { proxy.reloadCertificates() }

    /// What is done once a second, by one task: each sleeping task costs a wake-up of its own.
    private func keepHouse() async {
        var seen = HealthState.unknown
        var turn = 0
        while !Task.isCancelled {
            seen = await lookAtOwnServer(seen)
            await duties.tick()
            await pause.look()
            await desk.look()
            // Who does not lead reads the hosts only when asked, and now and then for the case that Redis dies.
            if turn.isMultiple(of: Agent.boardTurns) || elector.isLeader(at: .now()) { await board.refresh() }
            if turn.isMultiple(of: Agent.boardTurns) { await decideCandidacy() }
            turn += 1
            try? await Task.sleep(for: .milliseconds(Agent.houseMilliseconds))
        }
    }

    private func decideCandidacy() async {
        let now = Instant.now()
        let book = await board.book
        let live = book.pages.keys.filter { name in
            book.age(of: name, at: now).map { $0 < Agent.liveMilliseconds } ?? false
        }
        let priority = configuration.election.priority
        elector.standBack(
            Candidacy.standsBack(
                configuration.host.name, live: live,
                isPreferred: priority > Configuration.Election.priorityDefault))
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
        let metadata: Logger.Metadata = ["server": "\(address)"]
        switch state {
        case .unknown: break
        case .healthy: log.info("own application passes its health check", metadata: metadata)
        case .unhealthy(let failure):
            log.warning("own application fails its health check: \(failure)", metadata: metadata)
        }
    }

    /// Hands the lease over first, so that the next leader serves while this one still drains.
    private func wind(down reason: String) async {
        let wasLeader = elector.isLeader(at: .now())
        log.notice("stopping", metadata: ["leader": "\(wasLeader)"])
        elector.resign(reason: reason)
        if wasLeader { await awaitSuccessor() }
        if await duties.close() {
            let deadline = Instant.now().advanced(milliseconds: Agent.drainMilliseconds)
            let cut = await proxy.drain(until: deadline)
            log.notice("proxy closed", metadata: ["connections_cut": "\(cut)"])
        }
        await reporter.leave()
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

    private func end() async {
        elector.stop()
        changesEnd.finish()
        subscription.stop()
        ownChecker?.stop()
        router.stop()
        proxy.stop()
        api.stop()
        await store.close()
        log.notice("agent stopped")
    }
}
