import Fixtures
import Linux
import Peer
import Testing

/// The master of a troop's Redis is lost under Sentinel: fault 11 of the election's table.
@Suite(.serialized) struct SentinelFaultTests {
    private func begin() async throws -> (FaultTroop, Stores) {
        let stores = try await Stores()
        let world = try await FaultTroop(
            redis: stores.servers[0], lines: stores.lines,
            settings: "election: {quarantine: \(Stores.quarantine)}")
        for server in stores.servers.dropFirst() { try world.record(server) }
        return (world, stores)
    }

    /// The server that was promoted, once the troop has a leader by it.
    private func promoted(_ world: FaultTroop, _ stores: Stores, but old: Int) async throws -> Int {
        let others = stores.servers.indices.filter { $0 != old }
        var found: Int?
        _ = await eventually(within: 60_000) {
            found = stores.master(among: others)
            return found != nil && world.troop.status()?.store.reachable == true
        }
        return try #require(found, "\(stores.sentinels.map(\.log))")
    }

    /// What becomes of the master.
    enum Loss: CaseIterable {
        /// It goes on later, as the master that it was.
        case pauses
        case dies
        /// Its host goes, with the leader on it.
        case diesWithTheLeader
    }

    @Test(.timeLimit(FaultTroop.timeLimit), arguments: Loss.allCases)
    func aLostMasterIsReplacedAndNothingHappensTwice(loss: Loss) async throws {
        let (world, stores) = try await begin()
        var master = 0
        for _ in FaultTroop.rounds {
            let old = try await world.recover()
            let load = try LoadClient(port: world.troop.proxyPort, perSecond: 100)
            let lost = Instant.now()
            switch loss {
            case .pauses: stores.servers[master].pause()
            case .dies: stores.servers[master].stop()
            case .diesWithTheLeader:
                stores.servers[master].stop()
                _ = try world.troop.killAgent(old)
            }
            if loss != .diesWithTheLeader {
                let isLimbo = await eventually { world.troop.status(of: old)?.agent.election == "limbo" }
                #expect(isLimbo, "\(world.troop.logs)")
            }
            let new = try await world.next(after: lost)
            print("  master lost, \(loss): \(new.from.milliseconds(since: lost)) ms")
            let next = try await promoted(world, stores, but: master)
            switch loss {
            case .pauses: stores.servers[master].resume()
            case .dies: try stores.servers[master].start()
            case .diesWithTheLeader:
                try stores.servers[master].start()
                try world.troop.startAgent(old)
            }
            #expect(try await world.recover() == new.host)
            try await stores.settle(master: next)
            master = next
            #expect(world.troop.reigns().filter { $0.from > new.from }.isEmpty)
            let tally = load.stop()
            // Without a leader nobody's proxy listens.
            if loss == .diesWithTheLeader { continue }
            #expect(tally.failures.isEmpty, "\(tally.reasons)\n\(world.troop.logs)")
            #expect(tally.answered > 100)
        }
        world.judge()
    }
}
