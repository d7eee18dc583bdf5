import Linux
import Proxy
import Remediation
import Store

/// What the desk knows of the troop at one moment.
extension RemediationDesk {
    func read(token: String) async throws(StoreFault) -> Reading {
        let keys = parts.keys
        let replies = try await parts.store.ask([
            Question("TIME"), Question("HGETALL", keys.config),
            Question("ZRANGE", keys.operationsOpened, "0", "-1", "WITHSCORES"),
        ])
        guard let pairs = replies[1].pairs, let opened = replies[2].pairs else {
            throw .malformed("\(keys.config) is no hash, or \(keys.operationsOpened) no sorted set")
        }
        var fields: [String: String] = [:]
        for (name, value) in pairs {
            if let name = name.text { fields[name] = value.text ?? "" }
        }
        var reading = Reading(switches: await kept(fields, token: token))
        reading.nowByStore = replies[0].storeMilliseconds ?? 0
        for (name, at) in opened {
            guard let name = name.text, let at = at.text.flatMap({ Double($0) }),
                at > Double(reading.nowByStore - RemediationDesk.hourMilliseconds),
                // What was opened in the future was opened by a clock that is put right since.
                at < Double(reading.nowByStore + RemediationDesk.countMilliseconds)
            else { continue }
            if name.hasPrefix("launch:") { reading.launches += 1 } else { reading.remedies += 1 }
        }
        let remembered = rememberedHour()
        reading.launches = max(reading.launches, remembered.launches)
        reading.remedies = max(reading.remedies, remembered.remedies)
        return reading
    }

    func view(at now: Instant) async -> FleetView {
        let book = await parts.board.book
        let health = parts.router.health
        let hosts = book.pages.compactMap { name, page -> FleetView.Host? in
            guard let report = page.report else { return nil }
            let age = max(0, now.milliseconds(since: page.movedAt))
            let liveness = HostBook.liveness(
                ageMilliseconds: age, intervalMilliseconds: report.intervalMilliseconds)
            return FleetView.Host(
                name: name, seq: page.seq, isFresh: liveness == .up, busy: report.busy,
                bootID: report.bootID, server: report.server)
        }
        let servers = RemediationDesk.servers(await parts.roster.entries, health)
        return FleetView(hosts: hosts, servers: servers, leader: parts.host)
    }

    /// The list in the policies' terms.
    static func servers(_ entries: [ServerEntry], _ health: [SocketAddress: HealthState])
        -> [FleetView.Server]
    {
        entries.map { entry in
            FleetView.Server(
                address: entry.address.description, host: entry.host,
                state: FleetView.Server.State(entry.state), isHealthy: health[entry.address]?.verdict,
                by: entry.by)
        }
    }

    func context(
        _ view: FleetView, _ reading: Reading, fault: String?, at now: Instant
    ) -> GuardContext {
        var context = GuardContext()
        context.settings = parts.settings
        context.pause = reading.switches.pause
        context.monkeysPause = reading.switches.monkeys
        context.storeFault = fault
        context.ledMilliseconds = lead.map { now.milliseconds(since: $0.since) } ?? 0
        context.reports = GuardContext.Reports(
            hosts: view.hosts.count, fresh: view.hosts.count { $0.isFresh })
        context.count(view.servers)
        context.boots = RemediationDesk.boots(view.hosts)
        context.storeHosts = parts.storeHosts()
        context.panicPercent = parts.panicPercent
        context.leader = parts.host
        context.holds = reading.switches.holds
        context.quarantine = reading.switches.quarantine
        context.operations = operations
        context.rebootsLastHour = reading.remedies
        context.launchesLastHour = reading.launches
        context.wallMs = WallClock.milliseconds()
        context.fleet = knownFleet
        let past = lead?.past ?? []
        context.lastScaling = RemediationDesk.lastScaling(past, at: now)
        for entry in past where entry.operation.kind.takesServerOut && entry.counts {
            let ago = max(0, now.milliseconds(since: entry.at))
            context.lastRemedy[entry.operation.target] = min(
                context.lastRemedy[entry.operation.target] ?? .max, ago)
        }
        return context
    }

    /// Boot ids by host.
    static func boots(_ hosts: [FleetView.Host]) -> [String: String] {
        Dictionary(hosts.filter { !$0.bootID.isEmpty }.map { ($0.name, $0.bootID) }) { first, _ in first }
    }

    private static func lastScaling(_ past: [Past], at now: Instant) -> GuardContext.Scaling? {
        let scalings = past.filter {
            ($0.operation.kind == .launch || $0.operation.kind == .terminate)
                && $0.counts
        }.sorted { $0.at > $1.at }
        guard let last = scalings.first else { return nil }
        return GuardContext.Scaling(
            last.operation.state == .cancelled
                ? "a person cancelled a \(last.operation.kind.rawValue)"
                : last.operation.kind == .launch ? "a server was launched" : "a server was taken away",
            agoMilliseconds: max(0, now.milliseconds(since: last.at)),
            failures: scalings.prefix { $0.operation.state == .failed }.count)
    }

    /// The machines as they were last counted; decisions count anew.
    var knownFleet: GuardContext.Fleet {
        if let fault = parts.means.fault { return .unreadable(fault) }
        return parts.means.provider == nil ? .noProvider : .counted(lead?.machines?.count ?? 0)
    }

    /// Hosts whose only remedy of the last day failed, and whose server it left off the list: they get one more.
    func again(_ switches: RemediationSwitches, _ view: FleetView, at now: Instant) -> [String:
        String]
    {
        var again: [String: String] = [:]
        // A machine that could not be retired has its successor already.
        let unretired = Set(
            (lead?.past ?? []).filter { $0.operation.step == .retire }.map(\.operation.target))
        for (host, count) in failures(at: now)
        where count == 1 && switches.quarantine[host] == nil && !unretired.contains(host) {
            guard
                view.servers.contains(where: { $0.host == host && $0.by.hasPrefix("op:") && $0.state == .out }
                )
            else {
                continue
            }
            again[host] = "the remedy for \(host) failed; a second and last try"
        }
        return again
    }

    /// How often remedies of each host failed within a day.
    func failures(at now: Instant) -> [String: Int] {
        var failures: [String: Int] = [:]
        for entry in lead?.past ?? [] {
            let operation = entry.operation
            guard operation.state == .failed, operation.isCommitted, operation.remedy != nil,
                now.milliseconds(since: entry.at) < RemediationDesk.dayMilliseconds
            else { continue }
            failures[operation.target, default: 0] += 1
        }
        return failures
    }
}

extension FleetView.Server.State {
    /// The proxy's word in the policies' terms.
    init(_ state: ServerState) {
        switch state {
        case .active: self = .active
        case .draining: self = .draining
        case .out: self = .out
        }
    }
}

extension HealthState {
    /// True or false where the checks have decided; nil before.
    var verdict: Bool? {
        switch self {
        case .unknown: nil
        case .healthy: true
        case .unhealthy: false
        }
    }
}

extension HostReport {
    /// The busy share without the agent's own part; nil when unknown.
    var busy: Double? { cpu.map { max(0, $0 - (selfCPU ?? 0)) } }
}
