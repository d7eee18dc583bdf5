import Election
import Linux
import Logging
import Metrics
import Proxy
import Remediation
import Store

/// The parts of one agent, built in the order in which they need each other.
struct AgentParts {
    let folder: StateFolder
    let store: Store
    let keys: Keys
    let proxy: Proxy
    let router: Router
    let ownChecker: HealthChecker?
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
    let api: HTTPServer
    let events: EventLog
    let incumbency: Incumbency
    let officeChanges: AsyncStream<ElectionChange>
    let officeChangesEnd: AsyncStream<ElectionChange>.Continuation
    let storeStates: AsyncStream<StoreState>
    let storeStatesEnd: AsyncStream<StoreState>.Continuation
    let checks: CheckDesk
    /// Hears of another master; nil without Sentinels.
    let masterWatch: MasterWatch?
    let flags: FlagBook
    let hostWatch: HostWatch
    let history: HistoryKeeper
    let historyFetch: HistoryFetch
    let watch: TroopWatch
    let notifier: Notifier?
    let machines: ProviderParts
    let upgrades = UpgradeDesk()
    let pace = TroopPace()
    /// The proxy's listening sockets that a predecessor left.
    let inherited: ListenerCopies

    init(_ configuration: Configuration, inheritance: Inheritance?, log: Logger) throws {
        let folder = try AgentParts.folder(configuration)
        self.folder = folder
        try AgentParts.probe(configuration.proxy.listen, "proxy.listen")
        if let tls = configuration.proxy.tls { try AgentParts.probe(tls.listen, "proxy.tls.listen") }
        inherited = ListenerCopies(
            plain: inheritance?.claim(.proxy, at: configuration.proxy.listen) ?? [],
            secure: configuration.proxy.tls.flatMap { inheritance?.claim(.proxyTLS, at: $0.listen) } ?? [])
        keys = Keys(cluster: configuration.cluster)
        let finder = configuration.masterFinder
        let settings = configuration.storeSettings(finder)
        (storeStates, storeStatesEnd) = AsyncStream<StoreState>.makeStream()
        store = try Store(settings, name: "store") { [storeStatesEnd] state in storeStatesEnd.yield(state) }
        notifier = configuration.notifier(log: log)
        events = EventLog(store: store, keys: keys, host: configuration.host.name, log: log) { [notifier] in
            guard configuration.notify.includes($0.severity) else { return }
            notifier?.tell(Notice($0, cluster: configuration.cluster))
        }
        machines = ProviderParts(configuration)
        if let fault = machines.fault { log.error("\(fault)") }
        flags = FlagBook(store: store, keys: keys, folder: folder, log: log)
        proxy = try Proxy(
            configuration.proxySettings, report: { log.warning("\($0)") },
            onNotice: { notice in
                switch notice {
                case .replaced: log.notice("\(notice)")
                case .kept: log.error("\(notice)")
                }
            })
        let relay = Relay<TroopWatch>()
        router = try Router(proxy: proxy, health: configuration.healthSettings) { change in
            relay.value?.see(change)
            log.info(
                change.healthy ? "server is healthy" : "server is unhealthy",
                metadata: ["server": "\(change.address)", "why": "\(change.reason)"])
        }
        hostWatch = try HostWatch(
            scope: configuration.scope, cpuAllowance: configuration.metrics.cpuAllowance,
            top: configuration.metrics.top)
        if !hostWatch.hasItsScope {
            log.error(
                "metrics.scope is cgroup, and this kernel shows no control groups; set it to host or process")
        }
        history = HistoryKeeper(budgetBytes: configuration.metrics.historyBudget)
        historyFetch = HistoryFetch(keeper: history, token: configuration.api.token, log: log)
        let board = StatusBoard(
            store: store, keys: keys, leaseMilliseconds: configuration.election.ttlMilliseconds)
        self.board = board
        let electorRelay = ElectionTally.Relay()
        let tally = ElectionTally(
            electorRelay, leaseMilliseconds: configuration.election.ttlMilliseconds,
            holder: { await board.leaseAge })
        (changes, changesEnd) = AsyncStream<ElectionChange>.makeStream()
        let highestEpoch = LeaderDuties.highestEpoch(in: folder, log: log)
        (officeChanges, officeChangesEnd) = AsyncStream<ElectionChange>.makeStream()
        let watchdog = Incumbency.watchdog(configuration)
        elector = Elector(
            try configuration.electionSettings, store: settings, keys: keys, door: configuration.peer.listen,
            pulse: watchdog.pulse, highestEpochSeen: highestEpoch
        ) { [changesEnd, officeChangesEnd] change in
            tally.note(change)
            changesEnd.yield(change)
            officeChangesEnd.yield(change)
        }
        incumbency = try Incumbency.make(
            configuration, folder: folder, watchdog: watchdog, elector: elector, events: events,
            isInherited: inheritance != nil,
            mover: machines.provider as? any AddressMover, log: log)
        masterWatch = MasterWatch(settings) { [elector] in elector.lookAgain() }
        electorRelay.set(elector)
        let abstention = Abstention(
            elector: elector, reasons: configuration.election.neverLeads ? [.neverLeads] : [])
        let watch = TroopWatch(events: events, leads: { [elector] in elector.isLeader(at: .now()) })
        self.watch = watch
        relay.set(watch)
        let own = configuration.ownServer
        roster = Roster(
            store: store,
            place: Roster.Place(
                host: configuration.host.name, keys: keys, own: own,
                alwaysRoutes: configuration.proxy.run == .every),
            pace: pace, folder: folder, fence: Fence.prologue,
            token: { [elector] in elector.token(at: .now()) },
            onChange: { [router] in
                router.route($0)
                watch.see(servers: $0)
            }, log: log)
        ownChecker = try configuration.server.map { server in
            let checker = try HealthChecker(configuration.ownHealthSettings) { _ in }
            checker.watch([server.listen.asClient])
            return checker
        }
        reporter = Reporter(
            store: store, keys: keys,
            identity: Reporter.Identity(
                name: configuration.host.name, address: configuration.host.address,
                boot: configuration.bootMark, server: own?.address.description,
                peer: configuration.doorAddress?.description, api: configuration.apiAddress?.description),
            watch: hostWatch,
            isLeader: { [elector] in elector.isLeader(at: .now()) },
            canLead: { [abstention] in abstention.canLead },
            highestEpoch: { [elector] in elector.highestEpoch },
            onNameTaken: { [elector, abstention] isTaken in
                abstention.set(.nameIsTaken, isTaken)
                if isTaken { elector.handOver(to: nil, reason: "another live host has this host's name") }
            },
            log: log)
        duties = LeaderDuties(
            proxy: proxy, listen: configuration.proxy.listen, router: router, store: store, keys: keys,
            folder: folder, elector: elector, roster: roster, highestEpoch: highestEpoch,
            conduct: LeaderDuties.Conduct(
                host: configuration.host.name, servesAlways: configuration.proxy.run == .every),
            log: log)
        pause = PauseSwitch(store: store, keys: keys, abstention: abstention, log: log)
        let queue = CommandQueue(store: store, keys: keys)
        let remedyTally = RemedyTally()
        remedies = RemediationDesk(
            RemediationDesk.Parts(
                host: configuration.host.name, cluster: configuration.cluster,
                settings: configuration.remediation,
                limits: configuration.operationLimits,
                panicPercent: configuration.proxy.balancing.panicPercent,
                means: RemediationMeans(machines), store: store, keys: keys, elector: elector,
                roster: roster,
                router: router, board: board, events: events, tally: remedyTally,
                storeHosts: { configuration.storeHosts(finder) }))
        orders = OrderTaker(
            store: store, keys: keys, host: configuration.host.name, folder: folder,
            means: OrderTaker.Means(
                reboot: configuration.host.rebootCommand, start: configuration.server?.start,
                application: configuration.server?.listen,
                drainMilliseconds: configuration.remediation.doctor.drainMilliseconds),
            events: events, bootID: { configuration.bootMark.read() },
            isNamesake: { [reporter] in await reporter.nameIsTaken },
            runner: { await HostCommand.run($0, environment: $1) })
        desk = CommandDesk(
            queue: queue, elector: elector, board: board, pause: pause, remedies: remedies, log: log)
        let news = NewsLine(log: log)
        let witness = Witness(
            store: store, keys: keys, host: configuration.host.name, health: configuration.healthSettings)
        subscription = AgentParts.subscription(
            settings, keys, pace, elector, roster, desk, pause, flags, news, orders, witness)
        checks = AgentParts.checks(configuration, store, keys, finder, elector, duties, incumbency, log)
        let reading = StatusReading(
            configuration: configuration, board: board, roster: roster, router: router, duties: duties,
            elector: elector, reporter: reporter, news: news, pause: pause, flags: flags,
            incumbency: incumbency, checks: checks,
            monkeys: { [store, keys] in try await RemediationRoutes.document(store, keys) })
        let answers = AgentAPI(
            reading: reading, roster: roster,
            metering: MetricsRoutes(
                proxy: proxy, watch: hostWatch, history: history,
                // Whatever has something to tell to Prometheus is one of these.
                sources: [
                    AgentMetrics(watch: hostWatch, store: store.meter, ticks: reporter.meter), tally, history,
                    remedyTally, CertificateMetrics(proxy: proxy),
                ]), store: store, keys: keys, queue: queue,
            pause: pause,
            flags: FlagRoutes(
                book: flags, ledger: FlagLedger(store: store, keys: keys, book: flags), events: events),
            machines: ProviderRoutes(parts: machines, cluster: configuration.cluster),
            checks: checks, upgrade: { [upgrades] in await upgrades.upgrade(to: $0) })
        let gate = AgentParts.gate(answers, reading, configuration)
        api = try HTTPServer(
            named: "troop-api",
            report: { fault in
                log.error(
                    "the API accepts no connections for now; if this lasts, raise LimitNOFILE= of the unit",
                    metadata: ["why": "\(fault)"])
            }, quick: { gate.quickAnswer($0) }, handler: { await gate.answer($0) })
        try AgentParts.open(api, configuration, inheritance)
        inheritance?.closeUnclaimed()
        DescriptorLimit.provide(for: configuration.proxySettings, log: log)
    }

    private static func checks(
        _ configuration: Configuration, _ store: Store, _ keys: Keys, _ finder: MasterFinder?,
        _ elector: Elector,
        _ duties: LeaderDuties, _ incumbency: Incumbency, _ log: Logger
    ) -> CheckDesk {
        CheckDesk(configuration: configuration, store: store, keys: keys, finder: finder, log: log) {
            [elector, duties, incumbency] in
            HostChecks.Known(
                isServing: await duties.isServing, listenFault: await duties.listenFault,
                doorFault: elector.doorFault,
                followers: await incumbency.notices)
        }
    }

    /// The API as clients meet it: the gate, the live stream, everything else.
    private static func gate(
        _ answers: AgentAPI, _ reading: StatusReading, _ configuration: Configuration
    ) -> APIGate {
        let feed = LiveFeed(
            status: { await reading.status() }, ask: { await answers.answer($0) },
            run: String(UInt64.random(in: .min ... .max), radix: 36))
        return APIGate(
            names: configuration.api.hosts + [configuration.host.name], token: configuration.api.token,
            quick: { answers.quickAnswer($0) },
            handler: { request in
                if request.path == LiveFeed.path { return await feed.answer(request) }
                return await answers.answer(request)
            })
    }

    private static func folder(_ configuration: Configuration) throws(AgentFault) -> StateFolder {
        do {
            return try StateFolder(path: configuration.state)
        } catch {
            throw AgentFault(
                "state: \(error); create it and give it to the agent's user, or set 'state:' to a folder that is writable"
            )
        }
    }

    /// Tries the proxy's address at the start: a standby should not learn at its promotion that it is taken.
    private static func probe(_ address: SocketAddress, _ key: String) throws(AgentFault) {
        do {
            try Listening.check(address)
        } catch {
            throw AgentFault("\(key) \(address): \(error.reason); free the port or choose another")
        }
    }

    private static func subscription(
        _ settings: StoreSettings, _ keys: Keys, _ pace: TroopPace, _ elector: Elector, _ roster: Roster,
        _ desk: CommandDesk, _ pause: PauseSwitch, _ flags: FlagBook, _ news: NewsLine,
        _ orders: OrderTaker, _ witness: Witness
    ) -> Subscription {
        Subscription(settings, channels: [keys.lease, keys.news]) { event in
            switch event {
            case .subscribed:
                news.isUp()
                elector.lookAgain()
                roster.lookAgain()
            case .message(let channel, let text):
                if channel == keys.lease {
                    elector.hear(text)
                } else if text == CommandQueue.hint {
                    Task { await desk.look() }
                } else if text == PauseSwitch.field {
                    pace.answer(text) { await pause.look() }
                } else if text == FlagScripts.hint {
                    pace.answer(text) { await flags.look() }
                } else if text == OrderTaker.hint {
                    pace.answer(text) { await orders.look() }
                } else if text == Witness.hint {
                    Task { await witness.look() }
                } else {
                    roster.hear()
                }
            case .lost(let reason): news.isLost(reason)
            }
        }
    }

    private static func open(
        _ api: HTTPServer, _ configuration: Configuration, _ inheritance: Inheritance?
    ) throws(AgentFault) {
        do {
            let inherited = inheritance?.claim(.api, at: configuration.api.listen) ?? []
            for descriptor in inherited { api.adopt(tcp: descriptor) }
            if inherited.isEmpty { try api.listen(tcp: configuration.api.listen) }
        } catch {
            throw AgentFault(
                "api.listen \(configuration.api.listen): \(error.reason); free the port or choose another")
        }
        do {
            let path = configuration.api.socket
            if let inherited = inheritance?.claim(.socket, path: path) {
                api.adopt(socket: inherited, path: path)
            } else {
                try api.listen(socket: path)
            }
        } catch {
            let path = configuration.api.socket
            throw AgentFault("api.socket \(path): \(Listening.advice(error, socket: path))")
        }
    }
}
