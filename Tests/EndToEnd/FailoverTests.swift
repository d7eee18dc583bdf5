import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// The main promise, on real processes under load: the leader dies, leaves, or loses its store, and clients of
/// the proxy see no more than a moment in which they must connect again.
@Suite(.serialized) struct FailoverTests {
    private static let perSecond = 500

    /// A troop of three that is up, under load.
    private func begin() async throws -> (Ensemble, LoadClient) {
        let troop = try Ensemble()
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 3) }
        try #require(isUp, "\(troop.logs)")
        return (troop, try LoadClient(port: troop.proxyPort, perSecond: FailoverTests.perSecond))
    }

    /// Ends the load and holds it, and the agents' records, against the promise.
    private func end(
        _ troop: Ensemble, _ load: LoadClient, atLeast requests: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let tally = load.stop()
        print(
            "  \(tally.answered) answered, \(tally.cut) cut by a killed process, \(tally.reconnects) reconnects,",
            "longest \(tally.longestMilliseconds) ms, \(tally.failures.count) failures")
        #expect(
            tally.failures.isEmpty, "\(tally.reasons)\n\(troop.logs)", sourceLocation: sourceLocation)
        #expect(tally.answered >= requests, sourceLocation: sourceLocation)
        let reigns = troop.reigns().sorted { $0.from < $1.from }
        for (earlier, later) in zip(reigns, reigns.dropFirst()) {
            #expect(
                earlier.until.map { $0 <= later.from } ?? false, "two leaders at once: \(earlier), \(later)",
                sourceLocation: sourceLocation)
            #expect(
                earlier.epoch < later.epoch, "epochs do not rise: \(reigns)", sourceLocation: sourceLocation)
        }
    }

    private func leader(_ troop: Ensemble) async throws -> String {
        var leader: String?
        _ = await eventually {
            leader = troop.status()?.leader?.host; return leader != nil
        }
        return try #require(leader, "\(troop.logs)")
    }

    /// The first reign that began after an instant.
    private func next(_ troop: Ensemble, after instant: Instant) async throws -> Reign {
        var found: Reign?
        _ = await eventually {
            found = troop.reigns().filter { $0.from > instant }.min { $0.from < $1.from }
            return found != nil
        }
        return try #require(found, "\(troop.logs)")
    }

    /// Lets a second of load pass before the next blow.
    private func calm(_ load: LoadClient) async {
        let before = load.tally.answered
        _ = await eventually { load.tally.answered >= before + FailoverTests.perSecond }
    }

    @Test(.timeLimit(.minutes(3))) func aKilledLeaderIsReplacedWithinTheLease() async throws {
        let (troop, load) = try await begin()
        for _ in 0..<3 {
            let old = try await leader(troop)
            let killed = try troop.killAgent(old)
            let new = try await next(troop, after: killed)
            let gap = new.from.milliseconds(since: killed)
            print("  killed \(old), \(new.host) leads after \(gap) ms")
            #expect(gap <= 1200)
            try troop.startAgent(old)
            let isWhole = await eventually(within: 20_000) { troop.isWhole(leader: new.host) }
            #expect(isWhole, "\(troop.logs)")
            await calm(load)
        }
        end(troop, load, atLeast: 1000)
    }

    /// A frozen leader keeps its sockets: only its lease's end tells. When it goes on, it finds another leading.
    @Test(.timeLimit(.minutes(3))) func aFrozenLeaderIsReplacedWithinTheLease() async throws {
        let troop = try Ensemble()
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 3) }
        try #require(isUp, "\(troop.logs)")
        let old = try await leader(troop)
        let frozen = Instant.now()
        try troop.agent(old).signal(SIGSTOP)
        let new = try await next(troop, after: frozen)
        let gap = new.from.milliseconds(since: frozen)
        print("  froze \(old), \(new.host) leads after \(gap) ms")
        #expect(new.host != old)
        #expect(gap <= 1200)
        try troop.agent(old).signal(SIGCONT)
        let isWhole = await eventually(within: 20_000) { troop.isWhole(leader: new.host) }
        #expect(isWhole, "\(troop.logs)")
        #expect(troop.reigns().filter { $0.from > frozen }.map(\.host) == [new.host])
    }

    @Test(.timeLimit(.minutes(3))) func aTerminatedLeaderHandsOverAtOnce() async throws {
        let (troop, load) = try await begin()
        for _ in 0..<3 {
            let old = try await leader(troop)
            let before = Instant.now()
            let code = try troop.terminateAgent(old)
            #expect(code == 0, "\(troop.logs)")
            let new = try await next(troop, after: before)
            let released = try #require(
                troop.reigns().filter { $0.host == old }.compactMap(\.until).max(), "\(troop.logs)")
            let gap = new.from.milliseconds(since: released)
            print("  \(old) released, \(new.host) leads after \(gap) ms")
            #expect(gap <= 100)
            try troop.startAgent(old)
            let isWhole = await eventually(within: 20_000) { troop.isWhole(leader: new.host) }
            #expect(isWhole, "\(troop.logs)")
            await calm(load)
        }
        end(troop, load, atLeast: 1000)
    }

    /// A leader that stops finishes what it has begun, with a successor and without.
    @Test(.timeLimit(.minutes(2)), arguments: [["a", "b"], ["a"]])
    func aTerminatedLeaderFinishesSlowRequests(names: [String]) async throws {
        let troop = try Ensemble(names)
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: names.count) }
        try #require(isUp, "\(troop.logs)")
        let old = try await leader(troop)
        let slow = Task.detached { troop.get("/slow?ms=2500") }
        let isUnderWay = await eventually {
            troop.status(of: old)?.servers.contains { ($0.inFlight ?? 0) > 0 } ?? false
        }
        try #require(isUnderWay, "\(troop.logs)")
        #expect(try troop.terminateAgent(old) == 0)
        let answer = await slow.value
        #expect(answer?.status == 200 && answer?.body.contains("took 2500 ms") ?? false, "\(troop.logs)")
    }

    @Test(.timeLimit(.minutes(3))) func aRestartedEmptyRedisLosesNothing() async throws {
        let (troop, load) = try await begin()
        for _ in 0..<3 {
            troop.redis.stop()
            try troop.redis.start()
            let isBack = try await eventually(within: 20_000) {
                try troop.redis.command("HLEN", "troop:{test}:servers") == ":3\r\n"
                    && troop.redis.command("EXISTS", "troop:{test}:lease", "troop:{test}:traffic") == ":2\r\n"
                    && troop.redis.command("ZCARD", "troop:{test}:hosts") == ":3\r\n"
            }
            #expect(isBack, "\(troop.logs)")
            await calm(load)
        }
        end(troop, load, atLeast: 1000)
    }

    @Test(.timeLimit(.minutes(5))) func aMinuteWithoutRedisIsServedThrough() async throws {
        let (troop, load) = try await begin()
        let leader = try await leader(troop)
        troop.redis.stop()
        let stopped = Instant.now()
        let isLimbo = await eventually { troop.status(of: leader)?.agent.election == "limbo" }
        #expect(isLimbo, "\(troop.logs)")
        let status = try troop.command(leader, "status")
        #expect(status.code == 3)
        #expect(status.output.contains("leader UNKNOWN"))
        #expect(status.output.contains("Redis does not answer"))
        let list = try troop.command(leader, "servers")
        #expect(list.code == 3)
        #expect(list.output.contains("127.0.0.1:"), "the last good list is shown: \(list.output)")
        #expect(try troop.command(leader, "servers", "add", "127.0.0.1:9").code == 3)
        #expect(try troop.command(leader, "history").code == 3)
        let minute = await eventually(within: 70_000) { Instant.now().milliseconds(since: stopped) >= 60_000 }
        #expect(minute)
        #expect(troop.get()?.status == 200)
        try troop.redis.start()
        let isBack = await eventually(within: 20_000) {
            guard let status = troop.status() else { return false }
            return status.store.reachable && status.leader != nil && troop.isUp(servers: 3)
        }
        #expect(isBack, "\(troop.logs)")
        end(troop, load, atLeast: 20_000)
    }
}
