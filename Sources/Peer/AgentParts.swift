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
        let ground = try AgentGround(configuration, log: log)
        inherited = ListenerCopies(
            plain: inheritance?.claim(.proxy, at: configuration.proxy.listen) ?? [],
            secure: configuration.proxy.tls.flatMap { inheritance?.claim(.proxyTLS, at: $0.listen) } ?? [])
        (folder, keys, store) = (ground.folder, ground.keys, ground.store)
        (storeStates, storeStatesEnd) = (ground.storeStates, ground.storeStatesEnd)
        (notifier, events, machines) = (ground.notifier, ground.events, ground.machines)
        flags = FlagBook(store: store, keys: keys, folder: folder, log: log)
        proxy = try ground.proxy()
        let watchPlace = LatePlace<TroopWatch>()
        router = try ground.router(proxy, watchPlace)
        hostWatch = try ground.hostWatch()
        history = HistoryKeeper(budgetBytes: configuration.metrics.historyBudget)
        historyFetch = HistoryFetch(keeper: history, token: configuration.api.token, log: log)
        board = StatusBoard(
            store: store, keys: keys, leaseMilliseconds: configuration.election.ttlMilliseconds)
        let electorPlace = LatePlace<Elector>()
        let tally = ground.electionTally(electorPlace, board)
        (changes, changesEnd) = AsyncStream<ElectionChange>.makeStream()
        (officeChanges, officeChangesEnd) = AsyncStream<ElectionChange>.makeStream()
        let highestEpoch = LeaderDuties.highestEpoch(in: folder, log: log)
        let watchdog = Incumbency.watchdog(configuration)
        elector = try ground.elector(watchdog, highestEpoch) { [changesEnd, officeChangesEnd] change in
            tally.note(change)
            changesEnd.yield(change)
            officeChangesEnd.yield(change)
        }
        electorPlace.set(elector)
        incumbency = try Incumbency.make(
            configuration, folder: folder, watchdog: watchdog, elector: elector, events: events,
            isInherited: inheritance != nil,
            mover: machines.provider as? any AddressMover, log: log)
        masterWatch = MasterWatch(ground.settings) { [elector] in elector.lookAgain() }
        let abstention = Abstention(
            elector: elector, reasons: configuration.election.neverLeads ? [.neverLeads] : [])
        watch = TroopWatch(events: events, leads: { [elector] in elector.isLeader(at: .now()) })
        watchPlace.set(watch)
        roster = ground.roster(pace, elector, router, watch)
        ownChecker = try ground.ownChecker()
        let application = ApplicationMetrics(
            checker: ownChecker, address: configuration.server?.listen.asClient)
        reporter = ground.reporter(hostWatch, elector, abstention, application)
        duties = ground.duties(proxy, router, elector, roster, highestEpoch)
        pause = PauseSwitch(store: store, keys: keys, abstention: abstention, log: log)
        let queue = CommandQueue(store: store, keys: keys)
        let remedyTally = RemedyTally()
        remedies = ground.remedies(elector, roster, router, board, remedyTally) {
            configuration.proxy.run == .every || inheritance?.predecessorLives ?? false
        }
        orders = ground.orders(reporter)
        desk = CommandDesk(
            queue: queue, elector: elector, board: board, pause: pause, remedies: remedies, log: log)
        let news = NewsLine(log: log)
        subscription = ground.subscription(pace, elector, roster, desk, pause, flags, news, orders, watch)
        checks = ground.checks(elector, duties, incumbency)
        let reading = ground.reading(
            board, roster, router, duties, elector, reporter, news, pause, flags, incumbency, checks)
        let metering = ground.metering(
            proxy, hostWatch, history, reporter,
            [
                tally, history, remedyTally, CertificateMetrics(proxy: proxy),
                application,
            ])
        api = try ground.api(
            ground.answers(reading, roster, metering, queue, pause, flags, checks, upgrades), reading)
        try ground.open(api, inheritance)
        inheritance?.closeUnclaimed()
        DescriptorLimit.provide(for: configuration.proxySettings, log: log)
    }
}
