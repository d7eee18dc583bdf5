import CLinux
import Election
import Linux
import Metrics
import Proxy

/// What a running agent does again and again.
extension Agent {
    /// How often the agent looks around, in milliseconds.
    private static let houseMilliseconds: Int64 = 1000
    /// A standby reads the hosts once in so many turns.
    private static let boardTurns = 10

    /// What is done once a second, by one task: each sleeping task costs a wake-up of its own.
    func keepHouse() async {
        var seen = HealthState.unknown
        var turn = 0
        var isClose = false
        let round = Round(
            store: parts.store, pause: parts.pause, flags: parts.flags, orders: parts.orders)
        while !Task.isCancelled {
            seen = await lookAtOwnServer(seen)
            await parts.duties.tick()
            await parts.incumbency.tick()
            await parts.checks.tick()
            await parts.desk.look()
            if turn.isMultiple(of: Agent.boardTurns) { await measureTroop() }
            let leads = parts.elector.isLeader(at: .now())
            if leads || !parts.pace.isFar
                || turn.isMultiple(of: Agent.turns(parts.pace.scale.reportMilliseconds))
            {
                await round.go(hosts: parts.pace.scale.hosts)
            }
            await parts.events.flush()
            // Who does not lead reads the hosts only when asked, and now and then for the case that Redis dies.
            let readTurns =
                leads
                ? Agent.turns(parts.pace.scale.readMilliseconds)
                : isClose || routesInSmallTroop ? 1 : Agent.boardTurns
            if turn.isMultiple(of: readTurns), leads || !parts.pace.isFar {
                isClose = await lookAround()
            }
            parts.remedies.nudge()
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

    /// Whether this agent routes without leading, where the hosts' pressures are cheap to follow.
    private var routesInSmallTroop: Bool {
        configuration.proxy.run == .every && parts.pace.scale.hosts <= StatusBoard.smallTroop
    }

    /// Learns how large the troop is, and what follows for this host.
    private func measureTroop() async {
        // As before, while the store does not answer.
        guard let hosts = await parts.board.size() else { return }
        let scale = TroopScale(hosts: hosts)
        parts.pace.set(scale, isFar: scale.isFar(configuration.host.name, isPreferred: isPreferred))
        await parts.reporter.report(everyMilliseconds: scale.reportMilliseconds)
    }

    /// Reads all hosts and sees to what follows. True for a standby of a small troop that may lead next: it does so each
    /// second, so that it can tell what was before when it leads.
    private func lookAround() async -> Bool {
        await parts.board.refresh()
        let book = await parts.board.book
        if let epoch = book.highestEpoch, epoch > parts.elector.highestEpoch {
            parts.elector.noteEpoch(epoch)
        }
        parts.router.note(pressures: book.pressures(at: .now()))
        let scale = parts.pace.scale
        let isWarm = WarmStandby.includes(
            configuration.host.name, live: book.live(at: scale, now: .now()), scale: scale,
            isPreferred: isPreferred)
        parts.watch.see(book, at: .now())
        parts.watch.see(problems: await parts.roster.notices + parts.board.notices)
        await parts.duties.standBy(warm: isWarm)
        if isWarm || parts.elector.isLeader(at: .now()) { await remember(book) }
        return isWarm && book.pages.count <= TroopScale.closeTroop
    }

    private var isPreferred: Bool {
        configuration.election.priority > Configuration.Election.priorityDefault
    }

    /// Notes what the hosts report; where that begins, another agent is asked for what was before.
    private func remember(_ book: HostBook) async {
        let now = Instant.now()
        // What Redis said last is not what is now, while it cannot be reached.
        guard await parts.board.fault == nil else { return }
        let hosts = await Dictionary(parts.roster.entries.map { ($0.address.description, $0.host) }) { $1 }
        let latencies = (await parts.board.traffic?.servers ?? []).map {
            (server: $0.address, host: hosts[$0.address] ?? "", p50: $0.p50, p99: $0.p99)
        }
        parts.history.note(book, latencies: latencies, at: now)
        guard parts.history.takesFill() else { return }
        parts.historyFetch.begin(
            HistoryFetch.peers(
                of: configuration.host.name, leader: await parts.board.leader, in: book, at: now))
    }

    private func decideCandidacy() async {
        let now = Instant.now()
        if parts.pace.isFar {
            parts.elector.standBack(true)
            await parts.duties.standBy(warm: false)
            return
        }
        let book = await parts.board.book
        let live = book.live(at: parts.pace.scale, now: now)
        parts.elector.yield(await parts.incumbency.standsBack(at: now))
        parts.elector.standBack(
            Candidacy.standsBack(configuration.host.name, live: live, isPreferred: isPreferred))
    }

    /// Acts on how this host's own application fares: what counts is its state, not one change of it.
    private func lookAtOwnServer(_ seen: HealthState) async -> HealthState {
        guard let ownChecker = parts.ownChecker, let address = configuration.server?.listen.asClient else {
            return seen
        }
        let state = ownChecker.states()[address] ?? .unknown
        if state != seen { tell(state, of: address) }
        switch state {
        case .unknown: break
        case .healthy: if await !parts.reporter.nameIsTaken { await parts.roster.applicationIsUp() }
        // A slow or confused application stays on the list: the proxy's own checks keep requests away from it.
        // Only one that nobody answers for any more is taken out.
        case .unhealthy(let failure): if failure == .refused { await parts.roster.applicationIsGone() }
        }
        return state
    }

    private func tell(_ state: HealthState, of address: SocketAddress) {
        let details = ["server": "\(address)"]
        let host = configuration.host.name
        switch state {
        case .unknown: break
        case .healthy:
            parts.events.tell(
                "application.up", .info, "the application on \(host) passes its health check", details)
        case .unhealthy(let failure):
            parts.events.tell(
                "application.down", .warning, "the application on \(host) fails its health check: \(failure)",
                details)
        }
    }
}
