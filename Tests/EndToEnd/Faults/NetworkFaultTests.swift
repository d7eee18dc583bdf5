import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// Cuts and delays between agents and Redis: faults 7, 8 and 20 of the election's table.
@Suite(.serialized) struct NetworkFaultTests {
    private func wire(_ world: FaultTroop, _ name: String) throws -> Relay {
        try #require(world.troop.wires[name])
    }

    @Test(.timeLimit(FaultTroop.timeLimit), arguments: [false, true])
    func aLeaderThatIsCutOffIsReplaced(onlyAnswersAreLost: Bool) async throws {
        let world = try await FaultTroop(wired: true)
        for _ in FaultTroop.rounds {
            let old = try await world.recover()
            let wire = try wire(world, old)
            let cut = Instant.now()
            wire.set(toServer: onlyAnswersAreLost ? .passing : .cut, toClient: .cut)
            let new = try await world.next(after: cut)
            let gap = new.from.milliseconds(since: cut)
            print("  cut, answers only: \(onlyAnswersAreLost): \(gap) ms")
            // Renewals that arrive, unknown to their sender, lengthen the lease: by one command that was under way.
            #expect(gap <= FaultTroop.takeoverMilliseconds + (onlyAnswersAreLost ? 500 : 0))
            let isLimbo = await eventually { world.troop.status(of: old)?.agent.election == "limbo" }
            #expect(isLimbo, "\(world.troop.logs)")
            #expect(world.troop.get()?.status == 200)
            // What was held by the cut arrives now, and is refused.
            wire.mend()
            #expect(try await world.recover() == new.host)
        }
        world.judge()
    }

    @Test(.timeLimit(FaultTroop.timeLimit)) func aTroopWithoutRedisServesOn() async throws {
        let world = try await FaultTroop(wired: true)
        for _ in FaultTroop.rounds {
            let old = try await world.recover()
            let load = try LoadClient(port: world.troop.proxyPort, perSecond: 200)
            for wire in world.troop.wires.values { wire.cut() }
            let isLimbo = await eventually { world.troop.status(of: old)?.agent.election == "limbo" }
            #expect(isLimbo, "\(world.troop.logs)")
            let effects = world.recorder.effects.count
            let isQuiet = await world.watch(milliseconds: 2000) { world.recorder.effects.count == effects }
            #expect(isQuiet)
            for wire in world.troop.wires.values { wire.mend() }
            try await world.recover()
            let tally = load.stop()
            #expect(tally.failures.isEmpty, "\(tally.reasons)")
            #expect(tally.answered > 100)
        }
        world.judge()
    }

    @Test(.timeLimit(FaultTroop.timeLimit)) func jitterDoesNotUnseatALeader() async throws {
        let world = try await FaultTroop(wired: true)
        for _ in FaultTroop.rounds {
            try await world.recover()
            let before = Instant.now()
            for wire in world.troop.wires.values {
                wire.set(toServer: .jitter(milliseconds: 200), toClient: .passing)
            }
            _ = await world.watch(milliseconds: 5000) { true }
            for wire in world.troop.wires.values { wire.mend() }
            let changes = world.troop.reigns().filter { $0.from > before }
            #expect(changes.count <= 1, "\(changes)")
            try await world.recover()
        }
        world.judge()
    }
}
