import Election
import Fixtures
import Linux
import Peer
import Store

/// What a leader does to the world: fenced writes, orders to hosts, launches at a cloud that knows no epochs, commands.
extension World {
    /// The longest that a host obeys an order after it was given, in milliseconds.
    private static let orderMilliseconds: Int64 = 8000
    static let launchesAnHour = 3
    /// One launch a window.
    private static let windowMilliseconds: Int64 = 5000

    mutating func takeEffect(_ event: EffectEvent) {
        switch event {
        case .act(let index, let run):
            guard agents[index].isUp, agents[index].run == run, !postpone(.effect(event), index) else {
                return
            }
            act(index)
            add(.effect(.act(agent: index, run: run)), in: random.within(20...400))
        case .write(let write):
            if nodes[write.node].pausedUntil > now {
                return add(.effect(event), at: nodes[write.node].pausedUntil)
            }
            arrive(write)
        case .written(let index, let run, let write):
            guard agents[index].isUp, agents[index].run == run, !postpone(.effect(event), index) else {
                return
            }
            written(write)
        case .launch(let id, let window): launch(id, window)
        case .order(let host, let order):
            guard agents[host].isUp, !postpone(.effect(event), host) else { return }
            obey(host, order)
        }
    }

    /// The lease under which an agent acts just now: what `Elector.token(at:)` tells.
    func mandate(_ index: Int) -> Lease? {
        if broken == .ignoresDeadline, case .leader(let lease, _) = agents[index].core.standing {
            return lease
        }
        return agents[index].core.standing.lease(at: local(index))
    }

    private mutating func act(_ index: Int) {
        if random.chance(5) { askCommand(index) }
        report(index)
        guard let lease = mandate(index) else { return }
        checkMandate(index, "a write")
        let kind: Write.Kind
        switch random.within(0...9) {
        case 0...4: kind = .mark
        case 5, 6: kind = .order(host: random.index(agents.count))
        case 7, 8: kind = .intent(window: now / (World.windowMilliseconds * World.millisecond))
        default: kind = .command
        }
        let write = Write(
            agent: index, run: agents[index].run, lease: lease, node: agents[index].node, kind: kind)
        if agents[index].muteUntil > now { return }
        add(.effect(.write(write)), in: delay())
    }

    /// What a host says of itself: among it the highest epoch that it knows; a leader reads what all say.
    private mutating func report(_ index: Int) {
        let node = agents[index].node
        guard reaches(index, node), refusal(of: node, writes: true) == nil, nodes[node].pausedUntil <= now,
            agents[index].muteUntil <= now, agents[index].deafUntil <= now
        else { return }
        nodes[node].tick(now)
        let epoch = agents[index].core.highestEpoch
        if epoch > 0 { nodes[node].redis.set(World.keys.host(agents[index].host), "\(epoch)") }
        let known = agents.compactMap { agent in
            (try? nodes[node].redis.get(World.keys.host(agent.host))).flatMap { $0 }.flatMap { Int64($0) }
        }
        if let highest = known.max(), highest > epoch { step(index, .epochSeen(highest)) }
    }

    /// A write arrives at the store: the fence decides.
    private mutating func arrive(_ write: Write) {
        guard reaches(write.agent, write.node), refusal(of: write.node, writes: true) == nil else { return }
        let last = (try? nodes[write.node].redis.get(World.keys.traffic)).flatMap { Int64($0) } ?? 0
        let reply: Reply
        switch write.kind {
        case .command:
            reply = perform(
                CommandScripts.take, keys: [World.keys.lease, World.keys.commands, World.keys.config],
                [write.lease.token, World.keys.command(""), "\(write.lease.epoch)", "600000"], on: write.node)
        case .intent(let window): reply = open(window, write)
        case .mark, .order:
            reply = perform(
                MarkScript.script, keys: [World.keys.lease, World.keys.traffic],
                [write.lease.token, "\(write.lease.epoch)"], on: write.node)
        }
        if case .error = reply {
            tally.refusedMarks += 1
            return
        }
        tally.marks += 1
        if write.lease.epoch < last {
            violate(3, "Redis took a write of epoch \(write.lease.epoch) after \(last)")
        }
        take(reply, of: write)
        guard agents[write.agent].deafUntil <= now else { return }
        add(.effect(.written(agent: write.agent, run: write.run, write)), in: delay())
    }

    /// Opens a launch; what was launched and ended is off the list.
    private mutating func open(_ window: Int64, _ write: Write) -> Reply {
        let id = "launch-\(window)"
        nodes[write.node].tick(now)
        try? nodes[write.node].redis.removeMembers(World.keys.operations) { name, _ in name != id }
        return perform(
            OperationScripts.open,
            keys: [
                World.keys.lease, World.keys.operations, World.keys.operationsOpened, World.keys.config,
                World.keys.news, World.keys.command(""), World.keys.operation(id),
            ],
            [
                write.lease.token, "launch", "1", "\(World.launchesAnHour)", World.keys.operation(""), "1",
                "", "0",
                id, "{}", "gift-\(window)", "running", "launch",
            ], on: write.node)
    }

    /// I6 and I7: nothing is opened in a pause, nor beyond the hour's budget. True also for what was opened before.
    private mutating func admits(_ reply: Reply, on node: Int) -> Bool {
        guard let parts = reply.elements, let isOpened = parts.first?.integer else { return false }
        if isOpened == 1 {
            if (try? nodes[node].redis.field(World.keys.config, "pause")) ?? nil != nil {
                violate(6, "a launch was opened in a pause")
            }
            guard node == master else { return true }
            let clock = nodes[node].redis.clock
            ledger.opened = ledger.opened.filter { $0 > clock - World.hour } + [clock]
            if ledger.opened.count > World.launchesAnHour {
                violate(
                    7, "\(ledger.opened.count) launches in an hour, the budget is \(World.launchesAnHour)")
            }
            return true
        }
        let why = parts.last?.text ?? ""
        if why.contains("paused") { tally.pausedOpens += 1 }
        if why.contains("budget") { tally.budgetedOpens += 1 }
        return why.contains("under way on") || why.contains("of this id")
    }

    /// What the write itself did, in the store.
    private mutating func take(_ reply: Reply, of write: Write) {
        switch write.kind {
        case .mark: break
        case .order(let host):
            ledger.orders += 1
            guard let order = order(write.lease.epoch) else { return }
            // The host reads its orders when it comes to it, and may read one twice.
            add(.effect(.order(host: host, order)), in: delay() + (isCalm ? 0 : random.within(0...2000)))
            if random.chance(20) { add(.effect(.order(host: host, order)), in: random.within(0...6000)) }
        case .intent(let window):
            guard admits(reply, on: write.node) else { return }
            if ledger.intents[window] == nil {
                let id = broken == .freshLaunchIDs ? "launch:\(window):\(write.lease)" : "launch:\(window)"
                ledger.intents[window] = Intent(window: window, id: id)
            }
        case .command:
            guard let id = reply.elements?.first?.text, !id.isEmpty,
                reply.elements?.last?.text?.isEmpty == false
            else { return }
            noteTaken(id)
        }
    }

    /// The leader hears that its write was taken, and acts: a launch is sent only while the lease surely holds.
    private mutating func written(_ write: Write) {
        guard case .intent(let window) = write.kind, let intent = ledger.intents[window], !intent.isDone,
            let lease = mandate(write.agent), lease == write.lease
        else { return }
        checkMandate(write.agent, "a launch")
        // A lost answer makes the leader, or the next one, send again.
        for _ in 0..<(random.chance(20) ? 2 : 1) {
            add(.effect(.launch(id: intent.id, window: window)), in: delay())
        }
        if random.chance(70) { ledger.intents[window]?.isDone = true }
    }

    /// The cloud: it knows nothing of leaders, only which ClientTokens it has seen.
    private mutating func launch(_ id: String, _ window: Int64) {
        if ledger.instances[id] != nil {
            tally.repeatedLaunches += 1
            return
        }
        ledger.instances[id] = window
        tally.launches += 1
        if let other = ledger.launchedWindows.updateValue(id, forKey: window) {
            violate(4, "window \(window) was launched for twice: \(other) and \(id)")
        }
        if ledger.intents.count > 200 { forgetWindows(before: window - 20) }
    }

    private mutating func forgetWindows(before window: Int64) {
        ledger.intents = ledger.intents.filter { $0.key >= window }
        ledger.launchedWindows = ledger.launchedWindows.filter { $0.key >= window }
        ledger.instances = ledger.instances.filter { $0.value >= window }
    }

    /// An order as it stands in the stream; its time limit is in the world's true time, since a test of its own shows what
    /// clocks do.
    private func order(_ epoch: Int64) -> HostOrder? {
        HostOrder(fields: [
            "id": "o\(ledger.orders).1", "operation": "o\(ledger.orders)", "kind": "reboot",
            "epoch": "\(epoch)", "not_after": "\(now / World.millisecond + World.orderMilliseconds)",
        ])
    }

    /// `OrderTaker.take`: what it notes is on the disk before anything happens.
    private mutating func obey(_ host: Int, _ order: HostOrder) {
        if broken == .noHostFence { agents[host].orders.epoch = 0 }
        guard now / World.millisecond < order.notAfter, agents[host].orders.objection(to: order) == nil else {
            tally.ordersRefused += 1
            return
        }
        agents[host].orders.take(order)
        tally.ordersDone += 1
        if order.epoch < ledger.highestOrder[host] ?? 0 {
            violate(3, "host \(host) obeyed epoch \(order.epoch) after \(ledger.highestOrder[host] ?? 0)")
        }
        ledger.highestOrder[host] = max(order.epoch, ledger.highestOrder[host] ?? 0)
        if !ledger.ordersDone[host, default: []].insert(order.id).inserted {
            violate(4, "host \(host) did order \(order.id) twice")
        }
    }

    private mutating func askCommand(_ index: Int) {
        let node = agents[index].node
        guard reaches(index, node), refusal(of: node, writes: true) == nil, nodes[node].pausedUntil <= now
        else { return }
        let id = "c\(ledger.commands.count)"
        let patience = "5000"
        ledger.commands[id] = (now, 0)
        _ = perform(
            CommandScripts.ask, keys: [World.keys.commands, World.keys.news], [id, "{}", patience], on: node)
    }
}
