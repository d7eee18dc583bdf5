import Election
import Linux
package import Store

/// The agent's HTTP API: status for everyone, changes for who may open the socket.
///
/// | route | answer |
/// |---|---|
/// | `GET /health` | 200 while the agent lives |
/// | `GET /leader` | 200 on the leader, 503 elsewhere and in limbo |
/// | `GET /standby` | 200 where the agent does not lead, 503 on the leader and in limbo |
/// | `GET /ready` | 200 where the proxy serves, limbo included |
/// | `GET /v1/check` | `CheckDocument`: what this agent depends on; socket only |
/// | `GET /metrics` | what this agent has counted, for Prometheus |
/// | `GET /v1/sample` | `SampleDocument`: this host's last sample |
/// | `GET /v1/hosts/NAME/sample` | `SampleDocument`: a host's last sample, asked of its agent |
/// | `GET /v1/hosts/NAME/history` | `HistoryAnswer`; `?from=`, `?step=`, `?series=` |
/// | `GET /v1/status` | `Status` |
/// | `GET /v1/history` | `{"entries": [HistoryLine]}`, newest first; `?count=N`, 1…1000 |
/// | `GET /` and `/dashboard/…` | the dashboard |
/// | `GET /v1/events` | `EventsDocument`, newest first; `?since=`, `?count=N`, `?kind=` |
/// | `GET /v1/stream` | server-sent events: a snapshot, then changes |
/// | `GET /v1/openapi.json` | this API's description |
/// | `GET /v1/servers` | `{"servers": [Status.Server]}` |
/// | `POST /v1/servers` | adds an entry: `{"address","host","state","weight","reason","by"}`; socket only |
/// | `DELETE /v1/servers/ADDRESS:PORT` | removes an entry; `?by=`, `&reason=`; socket only |
/// | `POST /v1/switchover` | hands the lease over: `{"to","reason","by"}`; socket only |
/// | `POST /v1/pause`, `POST /v1/resume` | nobody new is elected, or again: `{"reason","by"}`; socket only |
/// | `/v1/flags`, `/v1/flagset`, `/v1/flag-history`, `/ofrep/v1/…` | `FlagRoutes`, `OFREPRoutes` |
/// | `GET /v1/monkeys`, `/v1/operations…`, `POST /v1/remedies` | see `RemediationRoutes` |
/// | `POST /v1/provider/test` | a dry run of the provider; socket only |
/// | `POST /v1/upgrade` | starts a new agent in this one's place: `{"binary"}`; socket only |
package struct AgentAPI: Sendable {
    private let reading: StatusReading
    private let roster: Roster
    private let metering: MetricsRoutes
    private let store: Store
    private let keys: Keys
    private let commands: CommandRoutes
    private let checks: CheckDesk
    private let flags: FlagRoutes
    private let events: EventReader
    private let remedies: RemediationRoutes
    private let machines: ProviderRoutes
    private let upgrade: @Sendable (String?) async -> UpgradeOutcome

    /// An API over the parts of one agent.
    package init(
        reading: StatusReading, roster: Roster, metering: MetricsRoutes, store: Store, keys: Keys,
        queue: CommandQueue, pause: PauseSwitch, flags: FlagRoutes, machines: ProviderRoutes,
        checks: CheckDesk,
        upgrade: @escaping @Sendable (String?) async -> UpgradeOutcome
    ) {
        events = EventReader(store: store, keys: keys)
        commands = CommandRoutes(store: store, keys: keys, queue: queue, pause: pause)
        self.flags = flags
        remedies = RemediationRoutes(store: store, keys: keys, queue: queue)
        self.upgrade = upgrade
        self.checks = checks
        self.machines = machines
        self.reading = reading
        self.roster = roster
        self.metering = metering
        self.store = store
        self.keys = keys
    }

    /// Answers a request that takes no more than microseconds; nil for all others.
    package func quickAnswer(_ request: Request) -> Response? { flags.quickAnswer(request) }

    /// Answers one request.
    package func answer(_ request: Request) async -> Response {
        if let answer = await flags.answer(request) { return answer }
        let isGet = request.method == "GET" || request.method == "HEAD"
        switch request.path {
        case "/health": return isGet ? .text(200, "ok") : .notAllowed("GET, HEAD")
        case "/leader", "/standby": return isGet ? role(request.path) : .notAllowed("GET, HEAD")
        case "/v1/check": return isGet ? await check(request) : .notAllowed("GET, HEAD")
        case "/ready":
            guard isGet else { return .notAllowed("GET, HEAD") }
            return await reading.isServing
                ? .text(200, "serving") : .text(503, "the proxy does not listen here; ask the leader")
        case "/v1/status": return isGet ? .json(200, await reading.status().json) : .notAllowed("GET, HEAD")
        case "/v1/events": return isGet ? await events(request) : .notAllowed("GET, HEAD")
        case "/v1/history": return isGet ? await history(request) : .notAllowed("GET, HEAD")
        case "/v1/servers":
            if isGet { return .json(200, ServersDocument(servers: await reading.status().servers)) }
            return request.method == "POST" ? await add(request) : .notAllowed("GET, HEAD, POST")
        case "/v1/switchover", "/v1/pause", "/v1/resume":
            guard request.method == "POST" else { return .notAllowed("POST") }
            guard request.door == .socket else { return readOnly }
            if request.path == "/v1/switchover" { return await commands.switchover(request.body) }
            return request.path == "/v1/pause"
                ? await commands.pause(request.body) : await commands.resume(request.body)
        case "/v1/provider/test":
            guard request.method == "POST" else { return .notAllowed("POST") }
            return request.door == .socket ? await machines.test() : readOnly
        case "/v1/upgrade": return request.method == "POST" ? await upgrade(request) : .notAllowed("POST")
        default:
            if let answer = await metering.answer(request) {
                return isGet ? answer : .notAllowed("GET, HEAD")
            }
            if let page = DashboardFiles.answer(request.path) {
                return isGet ? page : .notAllowed("GET, HEAD")
            }
            if RemediationRoutes.has(request.path) { return await remedies.answer(request) }
            if request.path.hasPrefix("/v1/servers/") {
                return request.method == "DELETE" ? await remove(request) : .notAllowed("DELETE")
            }
            return .error(
                404,
                "no such path; /v1/openapi.json describes what there is, such as /v1/status, /v1/events and /health"
            )
        }
    }

    private func role(_ path: String) -> Response {
        if path == "/leader" { return reading.leads ? .text(200, "leader") : .text(503, "not the leader") }
        if reading.standsBy { return .text(200, "not the leader") }
        return .text(503, reading.leads ? "leader" : "limbo")
    }

    /// Only for who may use the socket: it tells much of this host.
    private func check(_ request: Request) async -> Response {
        guard request.door == .socket else {
            return .error(403, "this is told through the agent's socket only (troop check)")
        }
        return .json(200, await checks.document())
    }

    private func history(_ request: Request) async -> Response {
        var count = 50
        if let text = request.query["count"] {
            guard let number = Int(text), (1...1000).contains(number) else {
                return .error(400, "count is '\(text.prefix(20))'; expected 1 to 1000")
            }
            count = number
        }
        do {
            let reply = try await store.call(
                Command("XREVRANGE", keys.history, "+", "-", "COUNT", "\(count)"))
            return .json(200, HistoryDocument(entries: HistoryEntry.list(reply).map(HistoryLine.init)))
        } catch {
            return .error(error.httpStatus, "\(error)")
        }
    }

    private func events(_ request: Request) async -> Response {
        do {
            return .json(200, try await events.read(try EventQuery(request.query)))
        } catch let fault as FormFault {
            return .error(400, fault.sentence)
        } catch let fault as StoreFault {
            return .error(fault.httpStatus, "\(fault)")
        } catch {
            return .error(500, "\(error)")
        }
    }

    private func add(_ request: Request) async -> Response {
        guard request.door == .socket else { return readOnly }
        var entry: ServerEntry
        let form: ServerForm
        do {
            form = try ServerForm(request.body)
            entry = ServerEntry(address: try ServerEntry.address(form.address))
        } catch let fault as FormFault {
            return .error(400, fault.sentence)
        } catch {
            return .error(400, "\(error)")
        }
        // What is not named stays as it is.
        await roster.refresh()
        if let known = await roster.entries.first(where: { $0.address == entry.address }) { entry = known }
        entry.weight = form.weight ?? entry.weight
        entry.state = form.state ?? entry.state
        entry.host = form.host ?? entry.host
        entry.reason = form.reason ?? entry.reason
        entry.by = form.by ?? "api"
        entry.since = WallClock.milliseconds()
        guard entry.value.utf8.count <= ServerEntry.valueBytesMax else {
            return .error(400, "host, reason and by are too long together")
        }
        return await change(ServerScripts.add, [entry.address.description, entry.value]) { added in
            added == 1 ? .added : .replaced
        }
    }

    private func remove(_ request: Request) async -> Response {
        guard request.door == .socket else { return readOnly }
        let text = String(request.path.dropFirst("/v1/servers/".count))
        let (by, reason) = (request.query["by"] ?? "api", request.query["reason"] ?? "")
        do {
            try FormText.plain(by, "by")
            try FormText.plain(reason, "reason")
        } catch {
            return .error(400, error.sentence)
        }
        // Whatever stands in the list by hand can be taken out of it.
        await roster.reread()
        let spellings: [String]
        do throws(EntryNameFault) {
            spellings = try await roster.fields(named: text)
        } catch {
            return .error(error.status, "\(error)")
        }
        // Before it is done, so that whoever tells of it knows; one that is lost costs the name and the reason.
        let word = RemovalWord(server: spellings[0], by: by, reason: reason)
        _ = try? await store.call(Command("PUBLISH", keys.news, word.hint))
        return await change(ServerScripts.remove, spellings) { $0 > 0 ? .removed : .absent }
    }

    private func upgrade(_ request: Request) async -> Response {
        guard request.door == .socket else { return readOnly }
        do {
            switch await upgrade(try UpgradeForm(request.body).binary) {
            case .done(let document): return .json(200, document)
            case .refused(let status, let sentence): return .error(status, sentence)
            }
        } catch {
            return .error(400, error.sentence)
        }
    }

    private var readOnly: Response {
        .error(403, "this listener is read-only; make changes through the agent's socket (the troop command)")
    }

    private func change(
        _ script: Script, _ arguments: [String], _ outcome: (Int64) -> ChangeDocument.Outcome
    ) async -> Response {
        do {
            let reply = try await store.run(script, keys: [keys.servers, keys.news], arguments: arguments)
            roster.lookAgain()
            return .json(200, ChangeDocument(address: arguments[0], outcome: outcome(reply.integer ?? 0)))
        } catch {
            return .error(error.httpStatus, error.ofChange)
        }
    }
}

/// `GET /v1/servers`.
package struct ServersDocument: Codable, Sendable {
    package var servers: [Status.Server]

    /// A document of these servers.
    package init(servers: [Status.Server]) { self.servers = servers }
}

/// The answer to a change of the server list.
package struct ChangeDocument: Codable, Sendable {
    /// What became of it.
    package enum Outcome: String, Codable, Sendable {
        case added, replaced, removed, absent
    }

    package var address: String
    package var outcome: Outcome
}

/// `GET /v1/history`.
package struct HistoryDocument: Codable, Sendable {
    package var entries: [HistoryLine]
}

/// One line of the history of leaders.
package struct HistoryLine: Codable, Sendable {
    /// `elected`, `released` or `reinstated`.
    package var event: String
    package var epoch: Int64
    package var leader: String
    package var reason: String
    /// Milliseconds since 1970, by Redis's clock.
    package var atMs: Int64
    /// How long nobody led before, in milliseconds.
    @OrNull package var leaderlessMs: Int64?
}

extension HistoryLine {
    /// The line for an entry of the stream.
    init(_ entry: HistoryEntry) {
        self.init(
            event: entry.event.rawValue, epoch: entry.epoch, leader: entry.leader, reason: entry.reason,
            atMs: entry.at, leaderlessMs: entry.leaderlessMilliseconds)
    }
}
