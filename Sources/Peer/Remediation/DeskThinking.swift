import Election
import Linux
import Proxy
import Remediation
import Store

/// What the desk sees and decides.
extension RemediationDesk {
    /// Which policy wants something.
    enum Monkey: String { case gift, doctor }

    /// What one policy makes of the moment, for people.
    private struct Opinion {
        var sees: String
        var thinks: String
        var would: String?
        var rail: Guard?
        var heldBack: String?
    }

    private struct Reading {
        var switches = RemediationSwitches()
        var launches = 0
        var remedies = 0
        var nowByStore: Int64 = 0
    }

    private static let countMilliseconds: Int64 = 60_000
    private static let hourMilliseconds: Int64 = 3_600_000
    private static let dayMilliseconds: Int64 = 86_400_000

    /// Looks, decides, publishes.
    func think(token: String) async {
        var fault = await parts.board.fault
        var reading = Reading()
        do {
            reading = try await read()
        } catch {
            fault = "\(error)"
        }
        guard lead?.lease.token == token else { return }
        lead?.switches = reading.switches
        let now = Instant.now()
        let view = await view(at: now)
        guard var current = lead, current.lease.token == token else { return }
        let gift = current.gift.look(at: view, now: now)
        let doctor = current.doctor.look(
            at: view, fleetIsHot: gift.isHot, again: again(reading.switches, view, at: now), now: now)
        lead?.gift = current.gift
        lead?.doctor = current.doctor
        var context = context(view, reading, fault: fault, at: now)
        context.storm = doctor.storm
        countNowAndThen(at: now)
        var opinions: [(Monkey, Opinion)] = []
        let giftMode = reading.switches.giftMode ?? parts.settings.gift.mode
        let doctorMode = reading.switches.doctorMode ?? parts.settings.doctor.mode
        opinions.append((.gift, await consider(gift.wish.map { [$0] } ?? [], .gift, giftMode, &context, token)))
        opinions.append((.doctor, await consider(doctor.wishes, .doctor, doctorMode, &context, token)))
        opinions[0].1.sees = sees(gift, context)
        opinions[0].1.thinks = opinions[0].1.would == nil ? thinks(gift) : opinions[0].1.thinks
        opinions[1].1.sees = sees(doctor, view, context)
        if doctor.hotLeader != nil {
            opinions[1].1 = await hotLeader(doctor, opinions[1].1, doctorMode, context, reading, token)
        } else if opinions[1].1.would == nil {
            opinions[1].1.thinks = doctor.storm ?? (doctor.hot.isEmpty ? "nobody is ill" : "nothing to be done")
        }
        await publish(opinions, [.gift: giftMode, .doctor: doctorMode], context, token)
    }

    // MARK: - Seeing

    private func read() async throws(StoreFault) -> Reading {
        let keys = parts.keys
        let replies = try await parts.store.pipeline([
            Command("TIME"), Command("HGETALL", keys.config),
            Command("ZRANGE", keys.operationsOpened, "0", "-1", "WITHSCORES"),
        ])
        guard replies.count == 3, let pairs = replies[1].elements, let opened = replies[2].elements else {
            throw .malformed("\(keys.config) is no hash, or \(keys.operationsOpened) no sorted set")
        }
        var fields: [String: String] = [:]
        for index in stride(from: 0, to: pairs.count - 1, by: 2) {
            if let name = pairs[index].text { fields[name] = pairs[index + 1].text ?? "" }
        }
        var reading = Reading(switches: RemediationSwitches(fields: fields))
        reading.nowByStore = (replies[0].elements?.first?.integer ?? 0) * 1000
        for index in stride(from: 0, to: opened.count - 1, by: 2) {
            guard let name = opened[index].text, let at = opened[index + 1].text.flatMap({ Double($0) }),
                at > Double(reading.nowByStore - RemediationDesk.hourMilliseconds)
            else { continue }
            if name.hasPrefix("launch:") { reading.launches += 1 } else { reading.remedies += 1 }
        }
        return reading
    }

    private func view(at now: Instant) async -> FleetView {
        let book = await parts.board.book
        let health = parts.router.health
        let hosts = book.pages.compactMap { name, page -> FleetView.Host? in
            guard let report = page.report else { return nil }
            let age = max(0, now.milliseconds(since: page.movedAt))
            let liveness = HostBook.liveness(
                ageMilliseconds: age, intervalMilliseconds: report.intervalMilliseconds)
            return FleetView.Host(
                name: name, seq: page.seq, movedAt: page.movedAt, isFresh: liveness == .up, busy: report.busy,
                bootID: report.bootID, address: report.address)
        }
        let servers = await parts.roster.entries.map { entry in
            FleetView.Server(
                address: entry.address.description, host: entry.host,
                state: FleetView.Server.State(entry.state), isHealthy: health[entry.address]?.verdict, by: entry.by)
        }
        return FleetView(hosts: hosts, servers: servers, leader: parts.host)
    }

    private func context(
        _ view: FleetView, _ reading: Reading, fault: String?, at now: Instant
    ) -> GuardContext {
        var context = GuardContext()
        context.settings = parts.settings
        context.pause = reading.switches.pause
        context.monkeysPause = reading.switches.monkeys
        context.storeFault = fault
        context.ledMilliseconds = lead.map { now.milliseconds(since: $0.since) } ?? 0
        context.reports = GuardContext.Reports(hosts: view.hosts.count, fresh: view.hosts.count { $0.isFresh })
        let active = view.servers.filter { $0.state == .active }
        context.servers = view.servers.count
        context.activeServers = active.count
        context.healthyServers = active.count { $0.isHealthy == true }
        context.panicPercent = parts.panicPercent
        context.leader = parts.host
        context.holds = reading.switches.holds
        context.quarantine = reading.switches.quarantine
        context.operations = operations
        context.rebootsLastHour = reading.remedies
        context.launchesLastHour = reading.launches
        context.wallMs = WallClock.milliseconds()
        context.fleet = parts.means.provider == nil ? .noProvider : .counted(lead?.machines?.count ?? 0)
        let past = lead?.past ?? []
        let launches = past.filter { $0.operation.kind == .launch && $0.operation.state != .cancelled }
        if let last = launches.max(by: { $0.at < $1.at }) {
            let sorted = launches.sorted { $0.at > $1.at }
            context.lastLaunch = (
                max(0, now.milliseconds(since: last.at)), sorted.prefix { $0.operation.state == .failed }.count
            )
        }
        for entry in past where entry.operation.kind.takesServerOut && entry.operation.state != .cancelled {
            let ago = max(0, now.milliseconds(since: entry.at))
            context.lastRemedy[entry.operation.target] = min(context.lastRemedy[entry.operation.target] ?? .max, ago)
        }
        return context
    }

    /// Hosts whose only remedy of the last day failed, and whose server it left off the list: they get one more.
    private func again(_ switches: RemediationSwitches, _ view: FleetView, at now: Instant) -> [String: String] {
        var again: [String: String] = [:]
        for (host, count) in failures(at: now) where count == 1 && switches.quarantine[host] == nil {
            guard view.servers.contains(where: { $0.host == host && $0.by.hasPrefix("op:") && $0.state == .out }) else {
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

    // MARK: - Deciding

    private func consider(
        _ wishes: [Wish], _ monkey: Monkey, _ mode: PolicyMode, _ context: inout GuardContext, _ token: String
    ) async -> Opinion {
        var opinion = Opinion(sees: "", thinks: "nothing to be done")
        for wish in wishes {
            let subject = "\(monkey.rawValue):\(wish.host ?? "")"
            let would = RemediationDesk.words(wish, parts.settings)
            if let (rail, why) = Guard.objection(to: wish, in: context) {
                if opinion.would == nil {
                    opinion = Opinion(sees: "", thinks: wish.reason, would: would, rail: rail, heldBack: why)
                }
                tellOnce(
                    subject, rail.rawValue, "\(monkey.rawValue).held_back", .notice,
                    "the \(monkey.rawValue) monkey would \(would) (\(wish.reason)), but: \(why)",
                    ["guard": rail.rawValue, "target": wish.host ?? "", "epoch": "\(lead?.lease.epoch ?? 0)"])
                continue
            }
            opinion = Opinion(sees: "", thinks: wish.reason, would: would)
            if mode == .observe {
                opinion.heldBack = "it only observes: 'troop monkeys mode \(monkey.rawValue) enforce' lets it act"
                tellOnce(
                    subject, "observe", "\(monkey.rawValue).would", .notice,
                    "the \(monkey.rawValue) monkey would \(would): \(wish.reason); it only observes",
                    ["target": wish.host ?? ""])
                return opinion
            }
            if let why = await grant(wish, by: monkey.rawValue, mode, &context, token) {
                opinion.rail = why.rail
                opinion.heldBack = why.reason
                tellOnce(
                    subject, why.rail?.rawValue ?? why.reason, "\(monkey.rawValue).held_back", .notice,
                    "the \(monkey.rawValue) monkey would \(would) (\(wish.reason)), but: \(why.reason)",
                    ["target": wish.host ?? ""])
            }
            return opinion
        }
        if wishes.isEmpty { lead?.told = lead?.told.filter { !$0.key.hasPrefix("\(monkey.rawValue):") } ?? [:] }
        return opinion
    }

    static func words(_ wish: Wish, _ settings: RemediationSettings) -> String {
        switch wish {
        case .launch(let count, _): "launch \(count == 1 ? "a server" : "\(count) servers")"
        case .retire(let host, _, _): "take \(host) away"
        case .heal(let host, _, _): "\(settings.doctor.ladder.first?.rawValue ?? "treat") \(host)"
        }
    }

    /// Opens the operations of a wish; returns what speaks against it, nil when they are open.
    func grant(
        _ wish: Wish, by: String, _ mode: PolicyMode, _ context: inout GuardContext, _ token: String,
        byPerson: Bool = false
    ) async -> (rail: Guard?, reason: String)? {
        if case .heal = wish {} else if let provider = parts.means.provider {
            // Counted now, not from memory: the cloud's own word is what `max` is held against.
            do throws(ProviderFault) {
                let count = try await provider.machines(of: parts.cluster).count { $0.state.isAlive }
                lead?.machines = (count, .now())
                lead?.machinesFault = nil
                context.fleet = .counted(count)
            } catch {
                lead?.machinesFault = "\(error)"
                context.fleet = .unreadable("\(error)")
            }
            if let (rail, reason) = Guard.objection(to: wish, in: context, byPerson: byPerson) { return (rail, reason) }
        }
        let rails = parts.settings.rails
        var count = 1
        if case .launch(let wanted, _) = wish { count = wanted }
        for index in 0..<count {
            guard let lease = lead?.lease, lease.token == token else { return (nil, "the lease was lost") }
            let operation = operation(for: wish, by: by, mode, epoch: lease.epoch)
            let isLaunch = operation.kind == .launch
            let budget = isLaunch ? rails.launchesPerHour : rails.rebootsPerHour
            do {
                let refusal = try await journal.open(
                    operation, concurrent: isLaunch ? index + 1 : rails.concurrent, budget: byPerson ? nil : budget,
                    byPolicy: !byPerson, token: token)
                if let refusal { return index == 0 ? (nil, refusal) : nil }
            } catch {
                return (.store, "\(error)")
            }
            parts.events.tell(
                mode == .approve ? "operation.waiting" : "operation.started", .notice,
                "\(by): \(operation.kind.rawValue) \(operation.target) because \(operation.reason)\(mode == .approve ? "; it waits for 'troop operations approve \(operation.id)'" : "")",
                ["operation": operation.id, "target": operation.target, "epoch": "\(lease.epoch)"])
            start(operation)
            context.operations = operations
        }
        return nil
    }

    private func operation(for wish: Wish, by: String, _ mode: PolicyMode, epoch: Int64) -> Operation {
        let id = RemediationDesk.newID()
        let newcomer = GiftPolicy.namePrefix + id
        var operation: Operation
        let started = WallClock.milliseconds()
        switch wish {
        case .launch(_, let reason):
            operation = Operation(
                id: id, kind: .launch, target: newcomer, epoch: epoch, started: started, reason: reason, by: by)
        case .retire(let host, let server, let reason):
            operation = Operation(
                id: id, kind: .terminate, target: host, server: server, epoch: epoch, started: started, reason: reason,
                by: by)
        case .heal(let host, let server, let reason):
            let ladder = parts.settings.doctor.ladder
            operation = Operation(
                id: id, kind: (ladder.first ?? .reboot).kind, target: host, server: server ?? "",
                ladder: ladder.isEmpty ? [.reboot] : ladder, epoch: epoch, started: started, reason: reason, by: by)
        }
        operation.newcomer = newcomer
        if mode == .approve { operation.state = .waiting }
        operation.note(operation.reason, atMs: started)
        return operation
    }

    // MARK: - The leader's own heat

    /// A hot leader hands over, at most once in an hour; heat that follows leadership is the proxy's.
    private func hotLeader(
        _ thought: DoctorPolicy.Thought, _ before: Opinion, _ mode: PolicyMode, _ context: GuardContext,
        _ reading: Reading, _ token: String
    ) async -> Opinion {
        let reason = thought.hotLeader ?? ""
        var opinion = before
        opinion.thinks = "\(reason); it leads"
        opinion.would = "hand the lease over before anything else"
        func hold(_ gist: String, _ why: String) {
            opinion.heldBack = why
            tellOnce("doctor:leader", gist, "doctor.held_back", .notice, "\(reason), but: \(why)", ["target": parts.host])
        }
        if let handover = reading.switches.handover, reading.nowByStore - handover.at < RemediationDesk.hourMilliseconds {
            hold(
                "proxy load",
                handover.host == parts.host
                    ? "it has handed over within the last hour already"
                    : "the heat followed the lease from \(handover.host): proxy load, no illness of \(parts.host)")
            return opinion
        }
        let wish = Wish.heal(host: "", server: nil, reason: reason)
        if let (rail, why) = Guard.objection(to: wish, in: context) {
            opinion.rail = rail
            hold(rail.rawValue, why)
            return opinion
        }
        if mode != .enforce {
            hold("observe", "it may not act by itself (mode \(mode.rawValue))")
            return opinion
        }
        let book = await parts.board.book
        if let why = CommandDesk.unfitness(of: nil, leader: parts.host, book: book, at: .now()) {
            hold("alone", why)
            return opinion
        }
        let written = try? await parts.store.run(
            OperationScripts.configure,
            keys: [parts.keys.lease, parts.keys.config, parts.keys.command("none"), parts.keys.news],
            arguments: [
                token, "", "0", RemediationSwitches.handoverField, "\(parts.host) \(reading.nowByStore)",
            ])
        guard written != nil else { return opinion }
        parts.events.tell(
            "doctor.handover", .warning, "\(reason); it leads, so it hands over first", ["target": parts.host])
        parts.elector.handOver(to: nil, reason: "doctor: \(reason)")
        return opinion
    }

    // MARK: - Telling

    private func sees(_ thought: GiftPolicy.Thought, _ context: GuardContext) -> String {
        let mean = thought.mean.map { "mean cpu \(percent($0))" } ?? "too few reports for a mean"
        return
            "\(mean) of \(context.activeServers) active servers (hot above \(parts.settings.gift.abovePercent) %, calm below \(parts.settings.gift.clearPercent) %)"
    }

    private func thinks(_ thought: GiftPolicy.Thought) -> String {
        thought.isHot ? "the fleet was hot and has not calmed down" : "the fleet is not hot"
    }

    private func sees(_ thought: DoctorPolicy.Thought, _ view: FleetView, _ context: GuardContext) -> String {
        guard thought.hot.isEmpty else {
            let list = thought.hot.prefix(5).map { "\($0.host) \(percent($0.share))" }.joined(separator: ", ")
            return "\(thought.hot.count) of \(view.hosts.count) hosts above \(parts.settings.doctor.abovePercent) %: \(list)"
        }
        let hottest = view.hosts.filter(\.isFresh).max { ($0.busy ?? -1) < ($1.busy ?? -1) }
        let most = hottest.flatMap { host in host.busy.map { "; the hottest is \(host.name), \(percent($0))" } } ?? ""
        return
            "\(context.reports.fresh) of \(context.reports.hosts) hosts report in time\(most) (ill above \(parts.settings.doctor.abovePercent) %)"
    }

    private func publish(
        _ opinions: [(Monkey, Opinion)], _ modes: [Monkey: PolicyMode], _ context: GuardContext, _ token: String
    ) async {
        guard let lead, lead.lease.token == token else { return }
        func marks(_ hosts: [String: String]) -> [MonkeysDocument.Mark] {
            hosts.sorted { $0.key < $1.key }.map { MonkeysDocument.Mark(host: $0.key, reason: $0.value) }
        }
        let document = MonkeysDocument(
            leader: parts.host, epoch: lead.lease.epoch, paused: context.monkeysPause,
            policies: opinions.map { monkey, opinion in
                MonkeysDocument.Policy(
                    name: monkey.rawValue, mode: modes[monkey]?.rawValue ?? "", sees: opinion.sees,
                    thinks: opinion.thinks, would: opinion.would, heldBack: opinion.heldBack,
                    rail: opinion.rail?.rawValue)
            }, holds: marks(context.holds), quarantine: marks(context.quarantine), provider: parts.means.provider?.kind,
            machines: lead.machines?.count, launchesLastHour: context.launchesLastHour,
            remediesLastHour: context.rebootsLastHour,
            operations: operations.sorted { $0.id < $1.id }.map { OperationLine($0) })
        guard let json = JSONForm.bytes(document) else { return }
        _ = try? await parts.store.run(
            OperationScripts.publish, keys: [parts.keys.lease, parts.keys.monkeys],
            arguments: [token, String(decoding: json, as: UTF8.self), "\(MonkeysDocument.expiryMilliseconds)"])
    }

    /// Asks the provider for its count once a minute, for people; decisions ask anew.
    private func countNowAndThen(at now: Instant) {
        guard let provider = parts.means.provider, let lead, !lead.isCounting,
            lead.askedAt.map({ now.milliseconds(since: $0) >= RemediationDesk.countMilliseconds }) ?? true
        else { return }
        self.lead?.isCounting = true
        self.lead?.askedAt = now
        let cluster = parts.cluster
        Task { [lease = lead.lease] in
            let machines = try? await provider.machines(of: cluster)
            counted(machines?.count { $0.state.isAlive }, lease)
        }
    }

    private func counted(_ count: Int?, _ lease: Lease) {
        guard lead?.lease == lease else { return }
        lead?.isCounting = false
        if let count { lead?.machines = (count, .now()) }
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
