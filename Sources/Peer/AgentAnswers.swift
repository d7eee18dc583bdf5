import Election
import Linux
import Logging
import Metrics
import Proxy
import Store

/// What an agent hears and answers.
extension AgentGround {
    /// Hands each hint to whom it concerns.
    func subscription(
        _ pace: TroopPace, _ elector: Elector, _ roster: Roster, _ desk: CommandDesk, _ pause: PauseSwitch,
        _ flags: FlagBook, _ news: NewsLine, _ orders: OrderTaker, _ watch: TroopWatch
    ) -> Subscription {
        let witness = Witness(
            store: store, keys: keys, host: configuration.host.name, health: configuration.healthSettings)
        return Subscription(settings, channels: [keys.lease, keys.news]) { [keys] event in
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
                    watch.hear(text, at: .now())
                    roster.hear()
                }
            case .lost(let reason): news.isLost(reason)
            }
        }
    }

    func checks(_ elector: Elector, _ duties: LeaderDuties, _ incumbency: Incumbency) -> CheckDesk {
        CheckDesk(configuration: configuration, store: store, keys: keys, finder: finder, log: log) {
            [elector, duties, incumbency] in
            HostChecks.Known(
                isServing: await duties.isServing, listenFault: await duties.listenFault,
                doorFault: elector.doorFault,
                followers: await incumbency.notices)
        }
    }

    func reading(
        _ board: StatusBoard, _ roster: Roster, _ router: Router, _ duties: LeaderDuties, _ elector: Elector,
        _ reporter: Reporter, _ news: NewsLine, _ pause: PauseSwitch, _ flags: FlagBook,
        _ incumbency: Incumbency, _ checks: CheckDesk
    ) -> StatusReading {
        StatusReading(
            configuration: configuration, board: board, roster: roster, router: router, duties: duties,
            elector: elector, reporter: reporter, news: news, pause: pause, flags: flags,
            incumbency: incumbency, checks: checks,
            monkeys: { [store, keys] in try await RemediationRoutes.document(store, keys) })
    }

    /// Whatever has something to tell to Prometheus is one of the sources.
    func metering(
        _ proxy: Proxy, _ watch: HostWatch, _ history: HistoryKeeper, _ reporter: Reporter,
        _ sources: [any MetricSource]
    ) -> MetricsRoutes {
        MetricsRoutes(
            proxy: proxy, watch: watch, history: history, host: configuration.host.name,
            samples: SampleRelay(store: store, keys: keys, token: configuration.api.token),
            sources: [AgentMetrics(watch: watch, store: store.meter, ticks: reporter.meter)] + sources)
    }

    func answers(
        _ reading: StatusReading, _ roster: Roster, _ metering: MetricsRoutes, _ queue: CommandQueue,
        _ pause: PauseSwitch, _ flags: FlagBook, _ checks: CheckDesk, _ upgrades: UpgradeDesk
    ) -> AgentAPI {
        AgentAPI(
            reading: reading, roster: roster, metering: metering, store: store, keys: keys, queue: queue,
            pause: pause,
            flags: FlagRoutes(
                book: flags, ledger: FlagLedger(store: store, keys: keys, book: flags), events: events),
            machines: ProviderRoutes(parts: machines, cluster: configuration.cluster),
            checks: checks, upgrade: { [upgrades] in await upgrades.upgrade(to: $0) })
    }

    /// A server of the API that listens nowhere yet.
    func api(_ answers: AgentAPI, _ reading: StatusReading) throws -> HTTPServer {
        let gate = gate(answers, reading)
        return try HTTPServer(
            named: "troop-api",
            report: { [log] fault in
                log.error(
                    "the API accepts no connections for now; if this lasts, raise LimitNOFILE= of the unit",
                    metadata: ["why": "\(fault)"])
            }, quick: { gate.quickAnswer($0) }, handler: { await gate.answer($0) })
    }

    /// The API as clients meet it: the gate, the live stream, everything else.
    private func gate(_ answers: AgentAPI, _ reading: StatusReading) -> APIGate {
        let feed = LiveFeed(
            status: { await reading.status() }, ask: { await answers.answer($0) },
            run: String(UInt64.random(in: .min ... .max), radix: 36))
        return APIGate(
            names: configuration.api.hosts + [configuration.host.name], token: configuration.api.token,
            quick: { answers.quickAnswer($0) },
            handler: { request in
                if let refusal = QueryNames.refusal(of: request) { return refusal }
                if request.path == LiveFeed.path { return await feed.answer(request) }
                return await answers.answer(request)
            })
    }

    /// Listens where the API is to be had, or takes over what a predecessor listened on.
    func open(_ api: HTTPServer, _ inheritance: Inheritance?) throws(AgentFault) {
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
