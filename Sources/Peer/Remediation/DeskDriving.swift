import Election
import Linux
import Proxy
import Remediation
import Store
import Synchronization

/// Drives operations: asks the core what comes next, writes, acts, and looks again.
extension RemediationDesk {
    /// The pause before something is tried again that Redis did not take, in milliseconds.
    private static let retryMilliseconds: Int64 = 500

    /// Drives one operation until it has ended, or this agent leads no more.
    func drive(_ id: String, _ lease: Lease) async {
        while !Task.isCancelled, lead?.lease == lease, let operation = lead?.runs[id]?.core.operation {
            guard parts.elector.token(at: .now()) == lease.token else { return }
            // In a pause nothing changes, and the time does not count.
            if lead?.switches.pause != nil {
                await pause(id)
                continue
            }
            // With Redis unwell nobody knows what would be changed.
            guard let (facts, isPaused) = try? await facts(for: operation) else {
                await rest(RemediationDesk.retryMilliseconds)
                continue
            }
            if isPaused {
                await pause(id)
                continue
            }
            if await yieldsToItself(operation, facts, lease) { return }
            guard lead?.lease == lease, let move = lead?.runs[id]?.core.next(facts, at: .now()) else {
                return
            }
            switch move {
            case .over:
                await refuse(id, "operation \(id) has just ended", lease)
                ended(id)
                return
            case .wait(let milliseconds): await rest(min(milliseconds, RemediationDesk.retryMilliseconds))
            case .write(let effect): await write(id, effect, lease)
            case .act(let act):
                guard let outcome = await perform(act, for: operation, lease) else { return }
                let later = (try? await self.facts(for: operation))?.facts ?? facts
                guard lead?.lease == lease else { return }
                lead?.runs[id]?.core.took(act, outcome, later, at: .now())
            }
        }
    }

    /// Lets a while of a pause go by.
    private func pause(_ id: String) async {
        let since = Instant.now()
        await rest(RemediationDesk.retryMilliseconds)
        lead?.runs[id]?.core.paused(milliseconds: Instant.now().milliseconds(since: since))
    }

    /// An operation whose target has become the leader: another host must lead before it goes on. True when the lease is
    /// on its way.
    private func yieldsToItself(_ operation: Operation, _ facts: Facts, _ lease: Lease) async -> Bool {
        guard operation.target == parts.host, operation.isDrained, operation.isAboutToTreat,
            !operation.isCancelled, !operation.state.hasEnded
        else { return false }
        // What ends the operation, or shows that the last remedy came late after all, needs no other leader.
        let hasBooted =
            facts.host.map { $0.isFresh && !$0.bootID.isEmpty && $0.bootID != operation.bootID } ?? false
        if facts.hold != nil || facts.server?.state == .active || operation.isCommitted && hasBooted {
            return false
        }
        let book = await parts.board.book
        guard CommandDesk.unfitness(of: nil, leader: parts.host, book: book, at: .now()) == nil else {
            lead?.runs[operation.id]?.core.leaveAlone("\(parts.host) leads and has nobody to hand over to")
            return false
        }
        parts.elector.handOver(to: nil, reason: "operation \(operation.id) is about to treat the leader")
        return true
    }

    private func rest(_ milliseconds: Int64) async { try? await Task.sleep(for: .milliseconds(milliseconds)) }

    private func write(_ id: String, _ effect: Effect, _ lease: Lease) async {
        guard let run = lead?.runs[id] else { return }
        let core = run.core
        let draft = core.draft
        let now = Instant.now()
        let failsAgain = (failures(at: now)[draft.target] ?? 0) >= 1
        let quarantine = draft.state == .failed && draft.isCommitted && draft.remedy != nil && failsAgain
        do {
            let written = try await journal.save(
                draft, after: core.operation.revision, effect, quarantine: quarantine,
                wallMs: WallClock.milliseconds(), settling: run.settlement, token: lease.token)
            guard lead?.lease == lease else { return }
            switch written {
            case .ok:
                settled(id, run.settlement)
                wrote(id, core.operation, draft, quarantine: quarantine)
            case .refused(let why): lead?.runs[id]?.core.refused(why)
            case .stale(let found):
                // The answer to our own writing was lost, or a person changed it.
                if let found, found == draft {
                    settled(id, run.settlement)
                    wrote(id, core.operation, draft, quarantine: quarantine)
                } else if let found = try await journal.operation(id) {
                    await refuse(id, "operation \(id) was changed at the same moment; ask again", lease)
                    lead?.runs[id]?.core = OperationCore(
                        found, limits: parts.limits, epoch: lease.epoch, at: .now())
                } else {
                    await refuse(id, "operation \(id) cannot be read any more", lease)
                    parts.events.tell(
                        "operation.lost", .error,
                        "operation \(id) (\(draft.kind.rawValue) \(draft.target)) is gone from Redis at step '\(draft.step.rawValue)': nobody goes on with it; see what was done",
                        ["operation": id, "target": draft.target])
                    lead?.runs[id] = nil
                    lead?.lookedAt = nil
                }
            }
        } catch {
            if error.kind != .fenced { await rest(RemediationDesk.retryMilliseconds) }
        }
    }

    /// The command that was waiting for this writing has its answer.
    private func settled(_ id: String, _ settlement: OperationJournal.Settlement?) {
        if let settlement, lead?.runs[id]?.settlement == settlement { lead?.runs[id]?.settlement = nil }
    }

    /// The command that was waiting for a writing which does not come is told why.
    private func refuse(_ id: String, _ why: String, _ lease: Lease) async {
        guard let settlement = lead?.runs[id]?.settlement else { return }
        lead?.runs[id]?.settlement = nil
        let queue = CommandQueue(store: parts.store, keys: parts.keys)
        try? await queue.settle(settlement.command, as: .refused(why), token: lease.token)
    }

    private func wrote(_ id: String, _ before: Operation, _ draft: Operation, quarantine: Bool) {
        lead?.runs[id]?.core.wrote(at: .now())
        if draft.step != before.step, !draft.state.hasEnded {
            parts.events.tell(
                "operation.step", .info,
                "operation \(id) (\(draft.kind.rawValue) \(draft.target)): \(draft.lines.last?.text ?? ""); now '\(draft.step.rawValue)'",
                ["operation": id, "step": draft.step.rawValue])
        }
        if quarantine {
            parts.events.tell(
                "doctor.quarantine", .error,
                "\(draft.target) goes to quarantine: two remedies failed; look at it, then 'troop quarantine release \(draft.target)'",
                ["target": draft.target, "operation": id])
        }
    }

    private func ended(_ id: String) {
        guard let run = lead?.runs.removeValue(forKey: id) else { return }
        let operation = run.core.operation
        lead?.past.append(Past(operation: operation, at: .now()))
        parts.tally.ended(operation)
        if operation.kind == .launch || operation.kind == .terminate { lead?.gift.beginAnew() }
        if !operation.launched.isEmpty || operation.kind == .terminate { lead?.askedAt = nil }  // count anew
        lead?.doctor.beginAnew(with: operation.target)
        let took = max(0, (operation.ended ?? operation.started) - operation.started)
        let outcome = operation.fault.isEmpty ? operation.lines.last?.text ?? "" : operation.fault
        parts.events.tell(
            "operation.\(operation.state.rawValue)", operation.state == .failed ? .error : .notice,
            "operation \(id) (\(operation.kind.rawValue) \(operation.target)) \(operation.state.rawValue) after \(span(took)): \(outcome)",
            ["operation": id, "target": operation.target, "took_ms": "\(took)"])
    }

    // MARK: - The world

    private func facts(
        for operation: Operation
    ) async throws(StoreFault) -> (facts: Facts, isPaused: Bool) {
        var facts = Facts()
        let isPaused: Bool
        (facts.order, isPaused) = try await journal.order(of: operation)
        let now = Instant.now()
        let book = await parts.board.book
        // What was just written must be seen, or our own draining looks like a person's undoing of it.
        await parts.roster.reread()
        let entries = await parts.roster.entries
        let health = parts.router.health
        facts.host = RemediationDesk.host(operation.target, in: book, at: now)
        let flights = flights(for: operation)
        func server(_ entry: ServerEntry) -> Facts.Server {
            Facts.Server(
                state: FleetView.Server.State(entry.state), isHealthy: health[entry.address]?.verdict,
                inFlight: flights[entry.address.description])
        }
        if let entry = entries.first(where: { $0.address.description == operation.server }) {
            facts.server = server(entry)
        }
        if !operation.launched.isEmpty, let name = newcomer(operation, book) {
            facts.newcomer = RemediationDesk.host(name, in: book, at: now)
            let own = facts.newcomer?.server
            let entry =
                entries.first { $0.host == name } ?? entries.first { $0.address.description == own }
            if let entry {
                facts.newcomerServer = (entry.address.description, server(entry))
            }
        }
        facts.hasProvider = parts.means.provider != nil
        facts.canProvision = parts.means.provision != nil && parts.means.runner != nil
        facts.canProduce = parts.means.production != nil && parts.means.runner != nil
        facts.wallMs = WallClock.milliseconds()
        if operation.step == .preflight, operation.remedy == .replace {
            var context = GuardContext()
            context.settings = parts.settings
            context.fleet = knownFleet
            context.count(await view(at: now).servers)
            facts.launchObjection = Guard.objectionToReplacing(in: context)
        }
        if operation.step == .preflight, !operation.isDrained, facts.server?.state == .active {
            facts.objection = lastObjection(operation, await view(at: now))
        }
        // A person may treat a host that is held; the monkeys' own operations go no further.
        if Monkey(rawValue: operation.by) != nil, let hold = lead?.switches.holds[operation.target] {
            facts.hold = "\(operation.target) is held by a person\(hold.isEmpty ? "" : ": \(hold)")"
        }
        return (facts, isPaused)
    }

    /// What is only known when it is asked for: counting requests costs every worker's numbers. Nothing is known where other
    /// proxies serve, too: the whole time for draining is waited out then.
    private func flights(for operation: Operation) -> [String: Int64] {
        guard operation.step == .drain, !parts.othersServe() else { return [:] }
        return Dictionary(parts.router.traffic(epoch: 0).servers.map { ($0.address, $0.inFlight) }) {
            first, _ in first
        }
    }

    /// The launched host: by the name that it was given, or else by its address.
    private func newcomer(_ operation: Operation, _ book: HostBook) -> String? {
        if book.pages[operation.newcomer] != nil { return operation.newcomer }
        let here = book.pages.filter { $0.value.report?.address == operation.launchedAddress }
        return here.count == 1 ? here.first?.key : nil
    }

    private static func host(_ name: String, in book: HostBook, at now: Instant) -> Facts.Host? {
        guard let report = book.pages[name]?.report, let age = book.age(of: name, at: now) else { return nil }
        let liveness = HostBook.liveness(
            ageMilliseconds: age, intervalMilliseconds: report.intervalMilliseconds)
        return Facts.Host(
            isFresh: liveness == .up, bootID: report.bootID, address: report.address, server: report.server,
            ageMilliseconds: age)
    }

    /// Whether a server may still leave the list, now that it is about to.
    private func lastObjection(_ operation: Operation, _ view: FleetView) -> String? {
        var context = GuardContext()
        context.settings = parts.settings
        context.count(view.servers)
        context.boots = RemediationDesk.boots(view.hosts)
        context.panicPercent = parts.panicPercent
        context.leader = parts.host
        let wish = Wish.heal(host: operation.target, server: operation.server, reason: "")
        for rail in [Guard.leader, .twoServers, .minHealthy, .panic] {
            if let why = rail.objection(to: wish, in: context) { return why }
        }
        return nil
    }
}
