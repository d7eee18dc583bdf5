import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// What happens to Redis: faults 9, 10, 13, 15 and 16 of the election's table.
@Suite(.serialized) struct StoreFaultTests {
    private static let slackMilliseconds: Int64 = 1500

    private func servers(_ world: FaultTroop) -> String? {
        try? world.troop.redis.command("HLEN", "troop:{test}:servers")
    }

    /// With its log on disk the store comes back with the lease; without, the incumbent gets it back, or the quarantine ends.
    @Test(.timeLimit(FaultTroop.timeLimit), arguments: [true, false])
    func aRestartedStoreElectsInOrder(hasLog: Bool) async throws {
        let redis = try RedisServer(configuration: hasLog ? ["appendonly yes"] : [])
        let world = try await FaultTroop(redis: redis)
        for _ in FaultTroop.rounds {
            let old = try await world.recover()
            let epoch = world.troop.status()?.leader?.epoch ?? 0
            redis.stop()
            try redis.start()
            let isBack = await eventually { servers(world) == ":3\r\n" }
            #expect(isBack)
            // Agents that have not looked since still tell what was before.
            var after: Status.Leader?
            let isLed = await eventually {
                after = world.troop.status()?.leader
                return after.map { $0.epoch >= epoch } ?? false
            }
            let new = try await world.recover()
            let now = after?.epoch ?? 0
            print("  restart, with a log: \(hasLog): \(old) \(epoch), then \(new) \(now)")
            #expect(isLed && now >= epoch, "\(world.troop.logs)")
            #expect(now > epoch || after?.host == old)
        }
        world.judge()
    }

    @Test(.timeLimit(FaultTroop.timeLimit)) func anEmptiedStoreIsFilledAgain() async throws {
        let world = try await FaultTroop()
        for _ in FaultTroop.rounds {
            try await world.recover()
            let epoch = world.troop.status()?.leader?.epoch ?? 0
            try world.troop.redis.command("FLUSHALL")
            let isBack = try await eventually {
                try servers(world) == ":3\r\n"
                    && world.troop.redis.command("ZCARD", "troop:{test}:hosts") == ":3\r\n"
            }
            #expect(isBack, "\(world.troop.logs)")
            try await world.recover()
            #expect(world.troop.status()?.leader?.epoch ?? 0 >= epoch)
        }
        world.judge()
    }

    @Test(.timeLimit(FaultTroop.timeLimit), arguments: [1, -1])
    func aStoreWhoseClockIsSteppedHasALeaderSoon(hours: Int64) async throws {
        let clock = try MovableClock()
        let redis = try RedisServer(environment: clock.environment)
        let world = try await FaultTroop(redis: redis)
        for round in FaultTroop.rounds {
            let old = try await world.recover()
            let stepped = Instant.now()
            if hours > 0 { world.stepsAhead.append(stepped) }
            try clock.shift(milliseconds: hours * 3_600_000 * Int64(round + 1))
            // The worst moment: its lease has an hour to live, and its holder stops without a word.
            if hours < 0 {
                _ = try world.freeze(old)
                let new = try await world.next(after: stepped)
                let gap = new.from.milliseconds(since: stepped)
                print("  clock \(hours) h and a stopped leader: \(gap) ms")
                #expect(gap <= FaultTroop.quarantineMilliseconds + 1000 + StoreFaultTests.slackMilliseconds)
                try world.troop.agent(old).signal(SIGCONT)
            }
            try await world.recover()
        }
        world.judge()
    }

    @Test(.timeLimit(FaultTroop.timeLimit)) func aStoreThatHesitatesChangesNothing() async throws {
        let world = try await FaultTroop()
        for _ in FaultTroop.rounds {
            let old = try await world.recover()
            let before = Instant.now()
            world.troop.redis.pause()
            _ = await world.watch(milliseconds: 500) { true }
            world.troop.redis.resume()
            #expect(try await world.recover() == old)
            #expect(world.troop.reigns().filter { $0.from > before }.isEmpty)
        }
        world.judge()
    }

    @Test(.timeLimit(FaultTroop.timeLimit)) func aStoreThatStandsStillMeansLimboAndNoMore() async throws {
        let world = try await FaultTroop()
        for _ in FaultTroop.rounds {
            let old = try await world.recover()
            world.troop.redis.pause()
            let isLimbo = await eventually { world.troop.status(of: old)?.agent.election == "limbo" }
            #expect(isLimbo, "\(world.troop.logs)")
            #expect(world.troop.get()?.status == 200)
            _ = await world.watch(milliseconds: 2000) { true }
            world.troop.redis.resume()
            try await world.recover()
        }
        world.judge()
    }
}
