import Election
import Fixtures
import Linux
import Store

/// The store's side: who reaches which server, what it answers, and how a Sentinel's troop of two lives on.
extension World {
    /// Runs a script on a node, and sends out what it publishes.
    mutating func perform(_ script: Script, keys: [String], _ arguments: [String], on node: Int) -> Reply {
        nodes[node].tick(now)
        let reply = scripts.run(script, keys: keys, arguments: arguments, on: &nodes[node].redis)
        let news = nodes[node].redis.published
        nodes[node].redis.published.removeAll(keepingCapacity: true)
        for (channel, message) in news where channel == World.keys.lease {
            for index in agents.indices where agents[index].isUp && agents[index].node == node {
                if !isCalm, random.chance(30) { continue }
                add(.heard(agent: index, message), in: delay())
                if random.chance(3) { add(.heard(agent: index, message), in: delay()) }
            }
        }
        return reply
    }

    /// Whether an agent's bytes get to a server at all.
    func reaches(_ index: Int, _ node: Int) -> Bool {
        guard isSplit else { return true }
        return agents[index].isOnOldSide == (node != master || nodes[node].aloneSince != nil)
    }

    /// Why a server does not run a script; nil when it does.
    func refusal(of node: Int, writes: Bool) -> StoreFailure? {
        if !nodes[node].isUp || nodes[node].role == .replica {
            return StoreFailure(.unreachable, "refused, or not the master")
        }
        guard writes else { return nil }
        if let ailment = nodes[node].ailment, ailment.until > now {
            return StoreFailure(.rejected(ReplyError(code: ailment.code, message: "")))
        }
        if let alone = nodes[node].aloneSince, now - alone > World.replicaLagMilliseconds * World.millisecond
        {
            return StoreFailure(.rejected(ReplyError(code: "NOREPLICAS", message: "")))
        }
        return nil
    }

    /// Where Sentinel, as far as the agent can ask it, says that the master is.
    func discover(_ index: Int) -> Int {
        guard hasSentinel else { return 0 }
        if isSplit, agents[index].isOnOldSide,
            let old = nodes.indices.first(where: { nodes[$0].aloneSince != nil })
        {
            return old
        }
        return master
    }

    mutating func takeStore(_ event: StoreEvent) {
        switch event {
        case .replicate:
            replicate()
            add(.store(.replicate), in: random.within(5...80))
        case .persist:
            for index in nodes.indices where nodes[index].isUp {
                nodes[index].disk = nodes[index].redis
                // A copy of what went back in time is as old as that.
                if !ledger.list.isBehind { nodes[index].diskAt = now }
            }
            // Mostly often; at times snapshots are all that is kept.
            add(
                .store(.persist),
                in: random.chance(25) ? random.within(5000...40_000) : random.within(200...1000))
        case .promote(let node): promote(node)
        case .demote(let node): demote(node)
        }
    }

    private mutating func replicate() {
        guard hasSentinel, nodes[master].isUp, nodes[master].aloneSince == nil,
            nodes[master].pausedUntil <= now
        else { return }
        let source = nodes[master].redis
        for index in nodes.indices where index != master && nodes[index].isUp && nodes[index].role == .replica
        {
            nodes[index].redis.load(source)
        }
    }

    /// The replica becomes master, with what it has got; another run id tells that something may be missing.
    private mutating func promote(_ node: Int) {
        guard nodes[node].role == .replica, nodes[node].isUp else { return }
        let old = master
        guard nodes[old].aloneSince != nil || !nodes[old].isUp else { return }
        tally.failovers += 1
        loseData()
        nodes[node].role = .master
        nodes[node].aloneSince = nil
        master = node
        add(.store(.demote(old)), in: random.within(500...8000))
    }

    /// The old master learns that it is one no more.
    private mutating func demote(_ node: Int) {
        guard node != master else { return }
        if isSplit { return add(.store(.demote(node)), in: 500) }
        nodes[node].role = .replica
        nodes[node].aloneSince = nil
        nodes[node].isUp = true
        nodes[node].redis.load(nodes[master].redis)
    }

    mutating func loseData() {
        tally.storeLosses += 1
        ledger.hasForgotten = true
        ledger.lostAt = now
        ledger.opened.removeAll()
        // Intents that are lost are decided again, under the same ids.
        if random.chance(50) { ledger.intents.removeAll() }
    }

    /// The server's process starts again: another run id, and what its disk holds (nil: nothing).
    mutating func restart(_ node: Int, with data: RedisModel?) {
        loseData()
        nodes[node].redis.wipe()
        if let data { nodes[node].redis.load(data) }
        nodes[node].redis.runID = nextRunID()
        nodes[node].isUp = true
    }
}
