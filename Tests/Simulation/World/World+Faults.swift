import Election
import Fixtures
import Linux
import Store

/// What goes wrong, and how it is put right again.
extension World {
    /// A troop left in peace must have a leader after the quarantine, a TTL, and this.
    private static let slackMilliseconds: Int64 = 1500
    static let hour: Int64 = 3_600_000

    mutating func takeCourse(_ event: CourseEvent) {
        switch event {
        case .fault:
            if isCalm { return }
            fault()
            add(.course(.fault), in: random.chance(30) ? random.within(0...100) : random.within(20...2500))
        case .war:
            isCalm = false
            add(.course(.fault), in: random.within(0...500))
            add(.course(.peace), in: random.within(5000...40_000))
        case .thaw(let index): agents[index].clock.thaw(at: now)
        case .peace: heal()
        case .judge:
            judge()
            // Now and then the troop is left alone long enough for the server list to be one again, too.
            let rest = random.chance(50) ? World.listMilliseconds : 0
            if rest > 0 { add(.list(.judge), in: rest) }
            add(.course(.war), in: rest + 2 + random.within(0...1500))
        }
    }

    /// Everything works again; nobody is told.
    private mutating func heal() {
        isCalm = true
        restoreKeys()
        _ = try? nodes[master].redis.removeFields(World.keys.config, ["pause"])
        isSplit = false
        for index in nodes.indices {
            nodes[index].pausedUntil = 0
            nodes[index].slowUntil = 0
            nodes[index].ailment = nil
            if index == master || !hasSentinel { nodes[index].isUp = true }
            if index == master { nodes[index].aloneSince = nil }
        }
        for index in nodes.indices where index != master { add(.store(.demote(index)), in: 0) }
        for index in agents.indices {
            agents[index].deafUntil = 0
            agents[index].muteUntil = 0
            if agents[index].frozenUntil > now { thaw(index) }
            // Whoever resigned, or is paused, is started again, as people would.
            if !agents[index].isUp || random.chance(30) || !agents[index].core.watches {
                if agents[index].isUp { crash(index, isPowerCut: false) }
                begin(index, in: random.within(0...50))
            }
        }
        ledger.healedAt = now
        ledger.firstLeaderAt = nil
        let quarantine = agents[0].settings.quarantineMilliseconds
        let bound = quarantine + agents[0].settings.ttlMilliseconds + World.slackMilliseconds
        add(.course(.judge), in: bound)
    }

    private mutating func thaw(_ index: Int) {
        // Its events wait for this moment; they come a little earlier now.
        agents[index].clock.thaw(at: now)
        agents[index].frozenUntil = 0
        agents[index].generation += 1
        events.add(.wake(agent: index, generation: agents[index].generation), at: now)
    }

    private mutating func fault() {
        let index = random.index(agents.count)
        switch random.within(0...25) {
        case 0: step(ifUp: index, .resign(reason: "SIGTERM"))
        case 1, 2: if agents[index].isUp { crash(index, isPowerCut: false) }
        case 3: if agents[index].isUp { crash(index, isPowerCut: true) }
        case 4, 5: freeze(index)
        case 6: stopMachine(index)
        case 7: agents[index].muteUntil = now + random.within(50...5000) * World.millisecond
        case 8: agents[index].deafUntil = now + random.within(50...5000) * World.millisecond
        case 9: cutAll()
        case 10: breakCalls(index)
        case 11, 12:
            if !hasSentinel {
                noteOldData(nodes[0].disk, from: nodes[0].diskAt)
                restart(0, with: nodes[0].disk)
            }
        case 13: if !hasSentinel { restart(0, with: random.chance(50) ? nil : nodes[0].redis) }
        case 14: wipe()
        case 15: ail()
        case 16: stepClock()
        case 17: pauseStore()
        case 18: nodes[master].slowUntil = now + random.within(100...4000) * World.millisecond
        case 19, 20: failOver()
        case 21:
            let other = random.index(agents.count)
            step(ifUp: index, .handOver(to: random.chance(50) ? "h\(other)" : nil, reason: "asked"))
        case 23: deface()
        case 24: pauseTroop()
        case 22: step(ifUp: index, .pause(random.chance(40)))
        default: agents[index].diskEpoch = max(agents[index].diskEpoch, agents[index].core.highestEpoch)
        }
    }

    private mutating func step(ifUp index: Int, _ event: LeaseCore.Event) {
        guard agents[index].isUp, agents[index].frozenUntil <= now else { return }
        step(index, event)
    }

    /// SIGSTOP, or a machine so busy that the process does not run.
    private mutating func freeze(_ index: Int) {
        guard agents[index].isUp, agents[index].frozenUntil <= now else { return }
        agents[index].frozenUntil = now + random.within(50...4000) * World.millisecond
    }

    /// The hypervisor stops the machine with its clock.
    private mutating func stopMachine(_ index: Int) {
        guard agents[index].isUp, agents[index].frozenUntil <= now else { return }
        agents[index].clock.freeze(at: now)
        agents[index].stoppedAt = local(index)
        agents[index].frozenUntil = now + random.within(50...4000) * World.millisecond
        events.add(.course(.thaw(agent: index)), at: agents[index].frozenUntil)
    }

    private mutating func cutAll() {
        let until = now + random.within(500...8000) * World.millisecond
        for index in agents.indices { agents[index].muteUntil = until }
    }

    /// Something between the machines resets connections.
    private mutating func breakCalls(_ index: Int) {
        let visitors = agents[index].visitors
        agents[index].visitors = []
        for visitor in visitors {
            add(.door(.said(agent: visitor.agent, call: visitor.call, .broken)), in: delay())
        }
    }

    /// Somebody writes what no agent would into a key of the election's; a person puts that right in the end.
    private mutating func deface() {
        let key = random.pick([World.keys.lease, World.keys.epoch, World.keys.store]) ?? World.keys.lease
        let known = ledger.highestEpoch
        let value =
            random.pick([
                "", "x", "h1:n1", "h1:n1:0", "h1:n1:007", "h1:n1:\(known - 3)", "h9:n:9007199254740993", "-5",
            ])
            ?? ""
        if key != World.keys.lease { loseData() }
        nodes[master].tick(now)
        // Whoever overwrites a lease, and lets it go before its holder's time is up, has elected another himself.
        let life = random.within(1200...5000)
        nodes[master].redis.set(key, value, expiresIn: random.chance(50) ? nil : life)
    }

    /// It may have come back with an old copy of the store.
    private mutating func restoreKeys() {
        for index in nodes.indices {
            nodes[index].tick(now)
            let held = (try? nodes[index].redis.get(World.keys.lease)) ?? nil
            if let held, Lease(token: held) == nil || nodes[index].redis.pttl(World.keys.lease) == -1 {
                nodes[index].redis.expire(World.keys.lease, in: 1200)
            }
        }
    }

    /// A person pauses the troop, or has it go on.
    private mutating func pauseTroop() {
        nodes[master].tick(now)
        if random.chance(60) {
            _ = try? nodes[master].redis.setFields(World.keys.config, ["pause": "a person"])
        } else {
            _ = try? nodes[master].redis.removeFields(World.keys.config, ["pause"])
        }
    }

    private mutating func wipe() {
        loseData()
        nodes[master].redis.wipe()
    }

    private mutating func ail() {
        let code = random.pick(["READONLY", "OOM", "MISCONF", "NOPERM", "LOADING", "BUSY"]) ?? "BUSY"
        nodes[master].ailment = (code, now + random.within(100...5000) * World.millisecond)
    }

    private mutating func stepClock() {
        let node = random.index(nodes.count)
        let isAhead = random.chance(40)
        if node == master { ledger.opened.removeAll() }
        nodes[node].clockOffset += (isAhead ? 1 : -1) * random.within(1...World.hour) * World.millisecond
        if isAhead, node == master { ledger.steppedAheadAt = now }
    }

    private mutating func pauseStore() {
        let milliseconds = random.within(50...4000)
        nodes[master].pausedUntil = now + milliseconds * World.millisecond
    }

    /// The master is lost, or cut off with some of the agents; Sentinel promotes the replica after a while.
    private mutating func failOver() {
        guard hasSentinel, nodes[master].aloneSince == nil, !isSplit,
            let replica = nodes.indices.first(where: { nodes[$0].role == .replica && nodes[$0].isUp })
        else { return }
        if random.chance(40) {
            nodes[master].isUp = false
        } else {
            nodes[master].aloneSince = now
            isSplit = true
            for index in agents.indices { agents[index].isOnOldSide = random.chance(50) }
        }
        add(.store(.promote(replica)), in: random.within(1000...5000))
    }
}
