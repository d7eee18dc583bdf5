import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// What follows the leadership on one host: hooks, the token on disk, `troop resign`, `troop check`.
@Suite(.serialized) struct LeadershipEffectsTests {
    private func begin(_ names: [String], _ lines: String) async throws -> Ensemble {
        let troop = try Ensemble(names, election: lines)
        try troop.startAgents()
        // A new Redis waits out a quarantine of twice the lease first.
        let isUp = await eventually(within: 45_000) { troop.isUp(servers: names.count) }
        try #require(isUp, "\(troop.logs)")
        return troop
    }

    /// With a lease of ten seconds and nobody else to take it, only a resignation can free it at once.
    @Test(.timeLimit(.minutes(3))) func aDeadAgentsLeaseIsResignedAndALivingOnesIsNot() async throws {
        let troop = try await begin(["a"], "election: {ttl: 10s, renew: 1s}")
        let config = try troop.member("a").config
        let token = try troop.redis.command("GET", "troop:{test}:lease")
        #expect(token.contains("a:"))
        let refused = try Program.run(["resign", "--config", config])
        #expect(refused.code == 1)
        #expect(
            refused.output.contains("the agent runs (process \(try troop.agent("a").id))"),
            "\(refused.output)")
        #expect(try troop.redis.command("GET", "troop:{test}:lease") == token)

        _ = try troop.killAgent("a")
        #expect(try troop.redis.command("GET", "troop:{test}:lease") == token)
        let resigned = try Program.run(["resign", "--config", config])
        #expect(resigned.code == 0)
        #expect(resigned.output.hasPrefix("resigned: the lease a:"), "\(resigned.output)")
        #expect(try troop.redis.command("GET", "troop:{test}:lease") == "$-1\r\n")
        let history = try troop.redis.command("XREVRANGE", "troop:{test}:history", "+", "-", "COUNT", "1")
        #expect(history.contains("the agent of a died"), "\(history)")
        let again = try Program.run(["resign", "--config", config])
        #expect(again.code == 0)
        #expect(again.output.contains("held none"), "\(again.output)")
    }

    @Test(.timeLimit(.minutes(3))) func anAgentThatStopsLeavesNothingToResign() async throws {
        let troop = try await begin(["a"], "election: {ttl: 10s, renew: 1s}")
        #expect(try troop.terminateAgent("a") == 0)
        let resigned = try Program.run(["resign", "--config", try troop.member("a").config])
        #expect(resigned.code == 0)
        #expect(resigned.output.contains("held none"), "\(resigned.output)")
    }

    @Test(.timeLimit(.minutes(3))) func aResignationWithoutRedisSaysThatTheLeaseEndsByItself() async throws {
        let troop = try await begin(["a"], "election: {ttl: 10s, renew: 1s}")
        _ = try troop.killAgent("a")
        troop.redis.stop()
        let resigned = try Program.run(["resign", "--config", try troop.member("a").config])
        #expect(resigned.code == 3)
        #expect(resigned.output.contains("ends by itself"), "\(resigned.output)")
    }

    @Test(.timeLimit(.minutes(2))) func hooksRunAtEachChangeAndBeforeAnAgentEnds() async throws {
        var template = Array("/tmp/troop-hook-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { RedisServer.removeFolder(folder) }
        let script = "sleep 0.1; echo $TROOP_EVENT $TROOP_HOST $TROOP_LEADER $TROOP_PREVIOUS >> \(folder)/log"
        let troop = try await begin(
            ["a", "b"],
            """
            hooks:
              on_promote: [sh, -c, '\(script)']
              on_demote: [sh, -c, '\(script); exit 4']
            """)
        func lines() -> [String] { Program.text(of: "\(folder)/log").split(separator: "\n").map(String.init) }
        let old = try #require(troop.status()?.leader?.host)
        let new = old == "a" ? "b" : "a"
        #expect(await eventually { lines().count == 1 })
        #expect(
            lines() == ["on_promote \(old) \(old) "] || lines() == ["on_promote \(old) \(old)"], "\(lines())")
        #expect(try troop.command("a", "switchover", "--to", new).code == 0)
        #expect(await eventually { lines().count == 3 })
        #expect(lines().contains("on_promote \(new) \(new) \(old)"), "\(lines())")
        #expect(lines().contains { $0.hasPrefix("on_demote \(old) ") }, "\(lines())")
        // The last hook of an agent that is stopped ends before it does.
        #expect(try troop.terminateAgent(new) == 0)
        #expect(lines().contains { $0.hasPrefix("on_demote \(new) ") }, "\(lines())")
        let isTold = try await eventually {
            let events = try troop.redis.command("XRANGE", "troop:{test}:events", "-", "+")
            return events.contains("hooks.on_demote failed, exit code 4")
                && events.contains("election.promoted")
        }
        #expect(isTold, "\(troop.logs)")
    }

    /// Nobody feeds it any more then, and a hook may take longer than it waits. A plain file shows what it is told.
    @Test(.timeLimit(.minutes(2))) func theMachinesWatchdogIsClosedBeforeTheLastHookRuns() async throws {
        let device = "/tmp/troop-device-\(getpid()).\(UInt32.random(in: 0 ... .max))"
        try RedisServer.write("", to: device)
        defer { unlink(device) }
        let troop = try await begin(
            ["a"],
            """
            watchdog: {device: \(device), timeout: 2s}
            hooks: {on_demote: [sh, -c, 'sleep 2; tail -c 1 \(device) >&2; exit 4']}
            """)
        #expect(try troop.terminateAgent("a") == 0)
        let events = try troop.redis.command("XRANGE", "troop:{test}:events", "-", "+")
        #expect(events.contains("hooks.on_demote failed, exit code 4: V"), "\(events)")
    }

    /// Standard error is a full pipe that nobody reads, from the first line on.
    @Test(.timeLimit(.minutes(2))) func anAgentWhoseLogNobodyReadsLeadsAndResigns() async throws {
        let troop = try Ensemble(["a"], election: "election: {ttl: 2s, renew: 500ms}")
        let path = "\(troop.folder)/log.pipe"
        try #require(mkfifo(path, 0o600) == 0)
        let pipe = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        defer { close(pipe) }
        let filling = [UInt8](repeating: 0x0A, count: 4096)
        while write(pipe, filling, filling.count) > 0 {}
        let flags = fcntl(pipe, F_GETFL)
        try #require(fcntl(pipe, F_SETFL, flags & ~O_NONBLOCK) == 0)
        let agent = try Program(["agent", "--config", try troop.member("a").config], log: path)
        #expect(await eventually(within: 30_000) { troop.status()?.leader?.host == "a" })
        agent.signal(SIGTERM)
        #expect(agent.wait() == 0)
        #expect(try troop.redis.command("GET", "troop:{test}:lease") == "$-1\r\n")
    }

    @Test(.timeLimit(.minutes(3))) func aCheckSaysWhatToChange() async throws {
        let troop = try await begin(["a"], "")
        let fine = try troop.command("a", "check")
        #expect(fine.code == 0, "\(fine.output)")
        #expect(fine.output.contains("kept on disk"), "a warning alone: \(fine.output)")
        try troop.redis.command("CONFIG", "SET", "maxmemory", "100mb")
        try troop.redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        let bad = try troop.command("a", "check")
        #expect(bad.code == 1)
        #expect(bad.output.contains("CONFIG SET maxmemory-policy noeviction"), "\(bad.output)")
        let isNoticed = await eventually {
            troop.status()?.notices.contains { $0.contains("maxmemory-policy") } ?? false
        }
        #expect(isNoticed)
        let json = try troop.command("a", "check", "-o", "json")
        #expect(json.output.contains("\"verdict\" : \"failed\""))
        troop.redis.stop()
        #expect(try troop.command("a", "check").code == 3)
    }
}
