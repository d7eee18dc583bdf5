import Election
import Linux
import Store

/// The invariants of docs/architecture.md, by their numbers.
extension World {
    /// I1: one leader at most believes in its lease. Excused, counted and documented are a machine whose clock stood
    /// still, and a store whose clock was stepped ahead: it ends leases and quarantines early, and fences what the
    /// holders do.
    mutating func checkLeaders() {
        var first: Int?
        for index in agents.indices where agents[index].isUp && agents[index].frozenUntil <= now {
            guard agents[index].core.standing.lease(at: local(index)) != nil else { continue }
            guard let other = first else {
                first = index
                continue
            }
            if isExcused(index) || isExcused(other) {
                tally.excused += 1
                continue
            }
            violate(1, "\(agents[other].core.standing) and \(agents[index].core.standing)")
        }
        if first != nil, isCalm, ledger.firstLeaderAt == nil { ledger.firstLeaderAt = now }
    }

    private func isExcused(_ index: Int) -> Bool {
        guard case .leader(_, let until) = agents[index].core.standing else { return false }
        let settings = agents[index].settings
        // The message that it believes because of was sent before the machine stood still.
        let isOld = until < agents[index].stoppedAt.advanced(milliseconds: settings.ttlMilliseconds)
        return isOld || now < agents[index].reprievedUntil
            || now - ledger.steppedAheadAt < settings.quarantineMilliseconds * World.millisecond
    }

    /// What the store answered to an election's ask.
    mutating func note(_ answer: LeaseAnswer, to ask: LeaseAsk, _ index: Int, _ node: Int) {
        switch answer {
        case .acquired(let lease, _, _, _):
            tally.elections += 1
            guard case .acquire(let seen, _, let dead, _) = ask else { return }
            if dead != nil { tally.steals += 1 }
            ledger.given[lease.token] = now
            checkEpoch(lease, seen: seen, node)
        case .renewed, .reinstated:
            if answer == .reinstated { tally.reinstated += 1 }
            guard case .renew(let lease, _) = ask else { return }
            noteReprieve(lease, index)
            ledger.given[lease.token] = now
        case .released(true): tally.handovers += 1
        case .released, .held, .foreign, .quarantined, .reserved, .absent, .lost, .lostToForeign,
            .unintelligible:
            break
        }
    }

    /// A machine whose clock stood still at some time since the store last gave it its lease may get it back after
    /// its true end; the lease may be one that it had asked for before.
    private mutating func noteReprieve(_ lease: Lease, _ index: Int) {
        guard let given = ledger.given[lease.token] else { return }
        let life = agents[index].settings.ttlMilliseconds * World.millisecond
        if now - given > life, agents[index].clock.stoodStillUntil >= given {
            agents[index].reprievedUntil = now + life
        }
    }

    /// I5: a token goes by its own time, by its own agent, or because its agent is proven not to lead any more.
    mutating func checkTouch(_ before: String?, _ ask: LeaseAsk, _ index: Int, _ run: Int, _ node: Int) {
        guard let before, (try? nodes[node].redis.get(World.keys.lease)) != before else { return }
        // What begins as its own tokens do is its own to let go, whoever wrote it.
        if before.hasPrefix("\(agents[index].host):n\(run):") { return }
        guard let lease = Lease(token: before),
            let owner = agents.firstIndex(where: { $0.host == lease.host })
        else { return violate(5, "\(agents[index].host) replaced '\(before)', which is no agent's") }
        guard case .acquire(_, _, before, _) = ask else {
            return violate(5, "\(agents[index].host) took '\(before)' away with \(ask)")
        }
        if agents[owner].isUp, agents[owner].core.standing.lease(at: local(owner)) == lease {
            violate(5, "\(agents[index].host) took '\(before)', whose agent leads")
        }
    }

    /// I2: epochs rise. Nobody can know better where the store has lost its memory, its clock was put back, and the
    /// elected agent was cut off all the while; a master that the troop has left does not count.
    private mutating func checkEpoch(_ lease: Lease, seen: Int64, _ node: Int) {
        guard node == master else { return }
        let (highest, clock) = (ledger.highestEpoch, nodes[node].redis.clock)
        guard lease.epoch <= highest else {
            ledger.highestEpoch = lease.epoch
            ledger.hasForgotten = false
            return
        }
        if !ledger.hasForgotten || seen >= highest || clock >= highest {
            violate(2, "epoch \(lease.epoch) after \(highest); the store's clock \(clock), seen \(seen)")
        }
        tally.excusedEpochs += 1
        ledger.highestEpoch = lease.epoch
    }

    /// I4 for commands: taken once, unless the store went back in time meanwhile.
    mutating func noteTaken(_ id: String) {
        tally.commands += 1
        guard let known = ledger.commands[id] else { return }
        ledger.commands[id]?.taken += 1
        if known.taken > 0, ledger.lostAt < known.asked { violate(4, "command \(id) was taken twice") }
    }

    /// I6: whoever acts leads at that moment, by its own clock.
    mutating func checkMandate(_ index: Int, _ what: String) {
        if agents[index].core.standing.lease(at: local(index)) == nil {
            violate(6, "\(agents[index].host) did \(what) in limbo")
        }
    }

    /// A troop that was left in peace has exactly one leader; that took no longer than it may.
    mutating func judge() {
        tally.peaces += 1
        let leaders = agents.filter { $0.core.standing.lease(at: $0.clock.instant(now)) != nil }
        if leaders.count != 1 {
            return violate(0, "left in peace, \(leaders.count) lead: \(agents.map { "\($0.core.standing)" })")
        }
        // Nobody is left behind: all follow the one.
        let lease = leaders[0].core.standing.lease(at: leaders[0].clock.instant(now))
        for agent in agents where agent.isUp && agent.index != leaders[0].index {
            if agent.core.standing != .follower(leader: lease) {
                return violate(
                    0, "left in peace, \(agent.host) is \(agent.core.standing), not \(leaders[0].host)'s")
            }
        }
        guard let at = ledger.firstLeaderAt else { return violate(0, "left in peace, nobody led") }
        tally.longestLeaderless = max(
            tally.longestLeaderless, (at - ledger.healedAt) / World.millisecond)
    }
}
