import Election
import Linux
import Logging
import Metrics
import Proxy
import Remediation
import Store

/// The parts of an agent that do something of themselves.
extension AgentGround {
    func proxy() throws -> Proxy {
        try Proxy(
            configuration.proxySettings, report: { [log] in log.warning("\($0)") },
            onNotice: { [log] notice in
                switch notice {
                case .replaced, .recovered: log.notice("\(notice)")
                case .early, .expired: log.warning("\(notice)")
                case .kept: log.error("\(notice)")
                }
            })
    }

    /// Changes of health are told to the watch that is put into `watch` later.
    func router(_ proxy: Proxy, _ watch: LatePlace<TroopWatch>) throws -> Router {
        try Router(proxy: proxy, health: configuration.healthSettings) { [log] change in
            watch.value?.see(change)
            log.info(
                change.healthy ? "server is healthy" : "server is unhealthy",
                metadata: ["server": "\(change.address)", "why": "\(change.reason)"])
        }
    }

    func hostWatch() throws -> HostWatch {
        let watch = try HostWatch(
            scope: configuration.scope, cpuAllowance: configuration.metrics.cpuAllowance,
            top: configuration.metrics.top)
        if !watch.hasItsScope {
            log.error(
                "metrics.scope is cgroup, and this kernel shows no control groups; set it to host or process")
        }
        return watch
    }

    func electionTally(_ elector: LatePlace<Elector>, _ board: StatusBoard) -> ElectionTally {
        ElectionTally(
            elector, leaseMilliseconds: configuration.election.ttlMilliseconds,
            holder: { await board.leaseAge })
    }

    func elector(
        _ watchdog: Watchdog, _ highestEpoch: Int64, onChange: @escaping @Sendable (ElectionChange) -> Void
    ) throws -> Elector {
        Elector(
            try configuration.electionSettings, store: settings, keys: keys, door: configuration.peer.listen,
            pulse: watchdog.pulse, highestEpochSeen: highestEpoch, onChange: onChange)
    }

    func roster(_ pace: TroopPace, _ elector: Elector, _ router: Router, _ watch: TroopWatch) -> Roster {
        Roster(
            store: store,
            place: Roster.Place(
                host: configuration.host.name, keys: keys, own: configuration.ownServer,
                alwaysRoutes: configuration.proxy.run == .every),
            pace: pace, folder: folder, fence: Fence.prologue,
            token: { [elector] in elector.token(at: .now()) },
            onChange: { [router] in
                router.route($0)
                watch.see(servers: $0)
            }, onWithdrawal: { watch.hear($0, at: .now()) }, log: log)
    }

    /// Checks this host's own application; nil where it has none.
    func ownChecker() throws -> HealthChecker? {
        try configuration.server.map { server in
            let checker = try HealthChecker(configuration.ownHealthSettings) { _ in }
            checker.watch([server.listen.asClient])
            return checker
        }
    }

    func reporter(
        _ watch: HostWatch, _ elector: Elector, _ abstention: Abstention, _ application: ApplicationMetrics
    ) -> Reporter {
        Reporter(
            store: store, keys: keys,
            identity: Reporter.Identity(
                name: configuration.host.name, address: configuration.host.address,
                boot: configuration.bootMark, server: configuration.ownServer?.address.description,
                peer: configuration.doorAddress?.description, api: configuration.apiAddress?.description),
            watch: watch,
            isLeader: { [elector] in elector.isLeader(at: .now()) },
            canLead: { [abstention] in abstention.canLead },
            highestEpoch: { [elector] in elector.highestEpoch },
            serverIsUp: { application.isUp },
            onNameTaken: { [elector, abstention] isTaken in
                abstention.set(.nameIsTaken, isTaken)
                if isTaken { elector.handOver(to: nil, reason: "another live host has this host's name") }
            },
            log: log)
    }

    func duties(
        _ proxy: Proxy, _ router: Router, _ elector: Elector, _ roster: Roster, _ highestEpoch: Int64
    ) -> LeaderDuties {
        LeaderDuties(
            proxy: proxy, listen: configuration.proxy.listen, router: router, store: store, keys: keys,
            folder: folder, elector: elector, roster: roster, highestEpoch: highestEpoch,
            conduct: LeaderDuties.Conduct(
                host: configuration.host.name, servesAlways: configuration.proxy.run == .every),
            log: log)
    }

    func remedies(
        _ elector: Elector, _ roster: Roster, _ router: Router, _ board: StatusBoard, _ tally: RemedyTally,
        othersServe: @escaping @Sendable () -> Bool
    ) -> RemediationDesk {
        RemediationDesk(
            RemediationDesk.Parts(
                host: configuration.host.name, cluster: configuration.cluster,
                settings: configuration.remediation,
                limits: configuration.operationLimits,
                panicPercent: configuration.proxy.balancing.panicPercent,
                means: RemediationMeans(machines), store: store, keys: keys, elector: elector,
                roster: roster,
                router: router, board: board, events: events, tally: tally,
                othersServe: othersServe,
                storeHosts: { [configuration, finder, store] in
                    configuration.storeHosts(finder).union(store.meter.peer.map { [$0] } ?? [])
                }))
    }

    func orders(_ reporter: Reporter) -> OrderTaker {
        OrderTaker(
            store: store, keys: keys, host: configuration.host.name, folder: folder,
            means: OrderTaker.Means(
                reboot: configuration.host.rebootCommand, start: configuration.server?.start,
                application: configuration.server?.listen,
                drainMilliseconds: configuration.remediation.doctor.drainMilliseconds),
            events: events, bootID: { [configuration] in configuration.bootMark.read() },
            isNamesake: { [reporter] in await reporter.nameIsTaken },
            runner: { await HostCommand.run($0, environment: $1) })
    }
}
