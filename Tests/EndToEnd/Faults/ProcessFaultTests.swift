import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// What happens to agents' processes and hosts: faults 1 to 6 and 14 of the election's table in docs/architecture.md.
@Suite(.serialized) struct ProcessFaultTests {
    @Test(.timeLimit(FaultTroop.timeLimit)) func aTerminatedLeaderHandsOver() async throws {
        let world = try await FaultTroop()
        for _ in FaultTroop.rounds {
            let old = try await world.recover()
            let before = Instant.now()
            #expect(try world.troop.terminateAgent(old) == 0)
            let new = try await world.next(after: before)
            let released = world.troop.reigns().filter { $0.host == old }.compactMap(\.until).max()
            let gap = new.from.milliseconds(since: try #require(released))
            print("  SIGTERM: \(gap) ms")
            #expect(gap <= FaultTroop.proofMilliseconds)
            try world.troop.startAgent(old)
        }
        try await world.recover()
        world.judge()
    }

    @Test(.timeLimit(FaultTroop.timeLimit)) func aKilledLeaderIsProvenDead() async throws {
        let world = try await FaultTroop()
        for _ in FaultTroop.rounds {
            let old = try await world.recover()
            try await world.isWatched(old)
            let killed = try world.troop.killAgent(old)
            let new = try await world.next(after: killed)
            let gap = new.from.milliseconds(since: killed)
            print("  kill -9: \(gap) ms")
            #expect(gap <= FaultTroop.proofMilliseconds)
            #expect(world.troop.logs.contains("\(old) died"))
            try world.troop.startAgent(old)
        }
        try await world.recover()
        world.judge()
    }

    /// Ten seconds would say no more than three: the lease is one.
    @Test(.timeLimit(FaultTroop.timeLimit)) func aStoppedLeaderIsReplacedAndDoesNothingAfterwards()
        async throws
    {
        let world = try await FaultTroop()
        for _ in FaultTroop.rounds {
            let old = try await world.recover()
            let frozen = try world.freeze(old)
            let new = try await world.next(after: frozen)
            let gap = new.from.milliseconds(since: frozen)
            print("  SIGSTOP: \(gap) ms")
            #expect(gap <= FaultTroop.takeoverMilliseconds)
            // The agent's own status follows its election by a moment.
            #expect(
                await eventually {
                    world.troop.status(of: new.host)?.leader?.host == new.host
                })
            let stays = await world.watch(milliseconds: 2000) {
                world.troop.status(of: new.host)?.leader?.host == new.host
            }
            #expect(stays)
            try world.troop.agent(old).signal(SIGCONT)
            #expect(try await world.recover() == new.host)
        }
        world.judge()
    }

    /// A host without power says nothing any more, not even that its connections end.
    @Test(.timeLimit(FaultTroop.timeLimit)) func aHostThatVanishesIsReplacedWithinTheLease() async throws {
        let world = try await FaultTroop()
        for _ in FaultTroop.rounds {
            let old = try await world.recover()
            let frozen = try world.freeze(old)
            let new = try await world.next(after: frozen)
            #expect(new.from.milliseconds(since: frozen) <= FaultTroop.takeoverMilliseconds)
            _ = try world.troop.killAgent(old)
            try world.troop.startAgent(old)
        }
        try await world.recover()
        world.judge()
    }

    @Test(.timeLimit(FaultTroop.timeLimit)) func aBusyHostKeepsItsLease() async throws {
        let world = try await FaultTroop()
        for _ in FaultTroop.rounds {
            let old = try await world.recover()
            let epoch = world.troop.status()?.leader?.epoch
            let hogs = try (0..<4).map { _ in
                try RedisServer.spawn(["sh", "-c", "while :; do :; done"], input: nil, log: "/dev/null")
            }
            let stays = await world.watch(milliseconds: 3000) {
                world.troop.reigns().allSatisfy { $0.epoch <= epoch ?? 0 }
            }
            for hog in hogs {
                var status: Int32 = 0
                kill(hog, SIGKILL)
                waitpid(hog, &status, 0)
            }
            #expect(stays)
            #expect(try await world.recover() == old)
        }
        world.judge()
    }

    @Test(.timeLimit(FaultTroop.timeLimit)) func anAgentsWallClockDoesNotMatter() async throws {
        let clock = try MovableClock()
        let world = try await FaultTroop(environment: { _ in clock.environment })
        for round in FaultTroop.rounds {
            let reign = try await world.reign()
            for hours in [1, -1] {
                try clock.shift(milliseconds: Int64(hours) * 3_600_000)
                let stays = await world.watch(milliseconds: 1500) {
                    world.troop.reigns().allSatisfy { $0.epoch <= reign.epoch }
                }
                #expect(stays, "round \(round): \(hours) h\n\(world.troop.logs)")
            }
            #expect(try await world.recover() == reign.host)
        }
        world.judge()
    }

    /// A machine that a hypervisor stopped, clock and all: it believes that hardly any time has passed. Fault 5; a minute
    /// would say no more than three seconds.
    @Test(.timeLimit(FaultTroop.timeLimit)) func aSuspendedMachineFindsThatOthersWentOn() async throws {
        let names = ["a", "b", "c"]
        let clocks = Dictionary(uniqueKeysWithValues: try names.map { ($0, try MovableClock()) })
        let world = try await FaultTroop(names, environment: { clocks[$0]?.environment ?? [] })
        for _ in FaultTroop.rounds {
            let old = try await world.recover()
            let clock = try #require(clocks[old])
            let frozen = try world.freeze(old)
            let new = try await world.next(after: frozen)
            _ = await world.watch(milliseconds: 2000) { true }
            try clock.shiftBoot(milliseconds: -Instant.now().milliseconds(since: frozen))
            try world.troop.agent(old).signal(SIGCONT)
            #expect(try await world.recover() == new.host)
            // Its records are behind from now on: another run has the right time again.
            _ = try world.troop.killAgent(old)
            try clock.shiftBoot(milliseconds: 0)
            try world.troop.startAgent(old, environment: clock.environment)
        }
        try await world.recover()
        world.judge()
    }
}
