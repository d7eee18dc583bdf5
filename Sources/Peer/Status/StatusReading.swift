import Election
import Linux
import Proxy
import Remediation

/// Puts a `Status` together from what the parts of one agent know.
package struct StatusReading: Sendable {
    private let configuration: Configuration
    private let board: StatusBoard
    private let roster: Roster
    private let router: Router
    private let duties: LeaderDuties
    private let elector: Elector
    private let reporter: Reporter
    private let news: NewsLine
    private let pause: PauseSwitch
    private let incumbency: Incumbency
    private let checks: CheckDesk
    private let flags: FlagBook
    private let monkeysDocument: @Sendable () async throws -> MonkeysDocument?

    /// A reading over the parts of one agent.
    init(
        configuration: Configuration, board: StatusBoard, roster: Roster, router: Router,
        duties: LeaderDuties,
        elector: Elector, reporter: Reporter, news: NewsLine,
        pause: PauseSwitch, flags: FlagBook, incumbency: Incumbency, checks: CheckDesk,
        monkeys: @escaping @Sendable () async throws -> MonkeysDocument?
    ) {
        monkeysDocument = monkeys
        self.incumbency = incumbency
        self.checks = checks
        self.configuration = configuration
        self.board = board
        self.roster = roster
        self.router = router
        self.duties = duties
        self.elector = elector
        self.reporter = reporter
        self.news = news
        self.pause = pause
        self.flags = flags
    }

    /// Whether this agent surely holds the lease right now.
    package var leads: Bool { elector.isLeader(at: .now()) }

    /// Whether this agent neither leads nor led a moment ago: in limbo it is no standby.
    package var standsBy: Bool {
        switch elector.standing.judged(at: .now()) {
        case .follower, .candidate: true
        case .leader, .limbo: false
        }
    }

    /// Whether this agent's proxy takes connections.
    package var isServing: Bool {
        get async { await duties.isServing }
    }

    /// The troop as this agent sees it now.
    package func status() async -> Status {
        await board.refresh()
        await roster.refresh()
        let now = Instant.now()
        let standing = elector.standing.judged(at: now)
        let fault = await board.fault
        let readAt = await board.readAt
        let holder = await board.holder
        let leader = leader(standing, holder, storeIsReachable: fault == nil, at: now)
        var notices = await roster.notices
        notices += await board.notices
        notices += await flags.notices
        if fault == nil, let loss = news.fault {
            notices.append(
                "no hints from Redis, changes are noticed up to two seconds later: \(loss); a Redis user needs the troop's channels (ACL: &troop:{\(configuration.cluster)}:*)"
            )
        }
        if let paused = await pause.current {
            notices.append(
                "the troop is paused by \(paused.by)\(paused.reason.isEmpty ? "" : ": \(paused.reason)"); nobody is elected until 'troop resume'"
            )
        }
        if let pauseFault = await pause.fault { notices.append(pauseFault) }
        if let doorFault = elector.doorFault { notices.append(doorFault) }
        if let reportFault = await reporter.fault { notices.append(reportFault) }
        if fault == nil, let strange = strangeLease(holder) { notices.append("lease: \(strange)") }
        if let trouble = await duties.trouble { notices.append("election: \(trouble)") }
        if let keepFault = await duties.keepFault { notices.append(keepFault) }
        if let listenFault = await duties.listenFault { notices.append(listenFault) }
        notices += await incumbency.notices
        if fault == nil { notices += await checks.notices }
        if await roster.isRemoved {
            notices.append(
                "this host's own server was removed by a person; 'troop servers add' brings it back")
        }
        if fault == nil { notices += await downApplications(at: now) }
        let monkeys = fault == nil ? await monkeys() : nil
        notices += StatusReading.notices(monkeys)
        return Status(
            cluster: configuration.cluster,
            store: Status.Store(
                reachable: fault == nil, error: fault,
                ageMs: readAt.map { max(0, now.milliseconds(since: $0)) }),
            agent: Status.Agent(
                host: configuration.host.name, version: Version.text, election: word(standing),
                serving: await duties.isServing, proxy: configuration.proxy.listen.description,
                tickUs: reporter.tickMicroseconds),
            leader: leader,
            hosts: await hosts(leader: leader, at: now),
            servers: await servers(standing), operations: monkeys?.operations,
            notices: notices)
    }

    /// Applications whose agents took them off the list, in lines for people.
    private func downApplications(at now: Instant) async -> [String] {
        let entries = await roster.entries
        let excused = await board.newcomers(within: DownApplications.graceMilliseconds, at: now)
        let listed = Set(entries.map(\.address)).union(await roster.malformedAddresses)
        return DownApplications.notices(
            DownApplications.found(
                in: await board.book, listed: listed, hosts: Set(entries.map(\.host)), excused: excused,
                at: now))
    }

    private func monkeys() async -> MonkeysDocument? { try? await monkeysDocument() ?? nil }

    /// What holds the monkeys back from something that they would do, and who is in quarantine.
    private static func notices(_ monkeys: MonkeysDocument?) -> [String] {
        guard let monkeys else { return [] }
        var notices: [String] = []
        if let why = monkeys.paused {
            notices.append(
                "the monkeys are paused\(why.isEmpty ? "" : ": \(why)"); 'troop monkeys resume' ends it")
        }
        for policy in monkeys.policies {
            // What will pass by itself is not for people to mend.
            let passes = [Guard.concurrent, .operationOnHost, .cooldown, .grace].contains {
                $0.rawValue == policy.rail
            }
            guard let would = policy.would, let why = policy.heldBack, !passes else { continue }
            notices.append("\(policy.name) monkey: would \(would) (\(policy.thinks)), but: \(why)")
        }
        for mark in monkeys.quarantine {
            notices.append(
                "\(mark.host) is in quarantine: \(mark.reason); look at it, then 'troop quarantine release \(mark.host)'"
            )
        }
        return notices
    }

    /// The leader, where it is known beyond doubt: from the lease just read, or because it is this agent.
    private func leader(
        _ standing: Standing, _ holder: StatusBoard.Holder, storeIsReachable: Bool, at now: Instant
    ) -> Status.Leader? {
        if storeIsReachable, case .lease(let lease, let age) = holder, strangeLease(holder) == nil {
            return Status.Leader(host: lease.host, epoch: lease.epoch, leaseAgeMs: age)
        }
        if !storeIsReachable, case .leader(let lease, let until) = standing {
            let left = until.milliseconds(since: now)
            let age = configuration.election.ttlMilliseconds - left
            return Status.Leader(host: lease.host, epoch: lease.epoch, leaseAgeMs: max(0, age))
        }
        return nil
    }

    /// What is wrong with the lease that was read; nil when some agent of this troop may hold it.
    private func strangeLease(_ holder: StatusBoard.Holder) -> String? {
        switch holder {
        case .nobody: nil
        case .malformed(let what): what
        case .lease(let lease, _):
            lease.epoch < elector.highestEpoch
                ? "'\(lease)' is older than epoch \(elector.highestEpoch), which was reached before; it is not followed"
                : nil
        }
    }

    private func hosts(leader: Status.Leader?, at now: Instant) async -> [Status.Host] {
        let book = await board.book
        return book.pages.sorted { $0.key < $1.key }.map { name, page in
            let age = book.age(of: name, at: now)
            let report = page.report
            let liveness: HostBook.Liveness =
                report.map {
                    HostBook.liveness(
                        ageMilliseconds: age ?? .max, intervalMilliseconds: $0.intervalMilliseconds)
                } ?? .lost
            return Status.Host(
                name: name, address: report?.address ?? "",
                role: leader.map { $0.host == name ? "leader" : "standby" } ?? "unknown",
                state: liveness.rawValue,
                cpu: report?.cpu, steal: report?.steal, iowait: report?.iowait, cores: report?.cores,
                memory: report?.memory, memoryTotalBytes: report?.memoryTotal,
                memoryAvailableBytes: report?.memoryAvailable, load1: report?.load1, load5: report?.load5,
                load15: report?.load15, pressureCpuSome: report?.pressureCPUSome,
                pressureMemorySome: report?.pressureMemorySome, pressureIoSome: report?.pressureIOSome,
                networkReceived: report?.networkReceived, networkSent: report?.networkSent,
                diskRead: report?.diskRead, diskWritten: report?.diskWritten, diskBusy: report?.diskBusy,
                filesystemUsed: report?.filesystem,
                reportAgeMs: age, agentVersion: report?.agentVersion)
        }
    }

    private func servers(_ standing: Standing) async -> [Status.Server] {
        let traffic: Traffic? =
            switch standing {
            case .leader(let lease, _): router.traffic(epoch: lease.epoch)
            case .limbo(let lease): router.traffic(epoch: lease?.epoch ?? 0)
            case .follower, .candidate: await board.traffic
            }
        let known = Dictionary((traffic?.servers ?? []).map { ($0.address, $0) }) { first, _ in first }
        return await roster.entries.map { entry in
            let numbers = known[entry.address.description]
            return Status.Server(
                address: entry.address.description, host: entry.host, state: entry.state.rawValue,
                weight: entry.weight, healthy: entry.state == .out ? nil : numbers?.healthy,
                requests: numbers?.requests, errors: numbers?.errors, inFlight: numbers?.inFlight,
                latencyMs: Status.Server.Latency(p50: numbers?.p50, p90: numbers?.p90, p99: numbers?.p99),
                reason: entry.reason, by: entry.by)
        }
    }

    private func word(_ standing: Standing) -> String {
        switch standing {
        case .follower: "follower"
        case .candidate: "candidate"
        case .leader: "leader"
        case .limbo: "limbo"
        }
    }
}
