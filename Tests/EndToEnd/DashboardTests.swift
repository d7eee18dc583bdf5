import Fixtures
import FoundationEssentials
import Glibc
import Peer
import Remediation
import Testing

/// The dashboard in a real browser.
@Suite(.serialized, .enabled(if: Python.hasChromium, "\(Python.need)")) struct DashboardTests {
    @Test(.timeLimit(.minutes(3))) func aFailoverIsSeenLive() async throws {
        let troop = try Ensemble()
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 3) }
        try #require(isUp, "\(troop.logs)")
        let first = try #require(troop.status()?.leader?.host)
        // Served by an agent that lives on: its page must show the other's death.
        let watcher = try #require(troop.members.first { $0.name != first })
        let script = try Python.Script(
            "dashboard_live.py", ["http://127.0.0.1:\(watcher.apiPort)/", Python.pictures])
        #expect(script.line(after: "leader ") == first, "\(script.heard)")
        _ = try troop.killAgent(first)
        script.tell("killed")
        let second = script.line(after: "leader ")
        #expect(second == troop.status()?.leader?.host, "\(script.heard)")
        for _ in 0..<50 { _ = troop.get() }
        script.tell("look")
        #expect(script.end() == 0, "\(script.heard)")
    }

    @Test(.timeLimit(.minutes(3))) func aTokenOpensThePage() async throws {
        let token = "sesame-0123456789abcdef"
        let troop = try Ensemble(["a"], api: ", token_file: @.token")
        try Ensemble.write("\(token)\n", to: "\(troop.folder)/a.token")
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 1) }
        try #require(isUp, "\(troop.logs)")
        let script = try Python.Script(
            "dashboard_token.py",
            ["http://127.0.0.1:\(try troop.member("a").apiPort)/", token, Python.pictures])
        #expect(script.line(after: "open") == "", "\(script.heard)")
        let address = "127.0.0.1:\(try RedisServer.freePort())"
        #expect(try troop.command("a", "servers", "add", address, "--state", "out").code == 0)
        script.tell(address)
        #expect(script.end() == 0, "\(script.heard)")
        #expect(script.heard.contains("complaints []"), "\(script.heard)")
    }

    @Test(.timeLimit(.minutes(3))) func aMadeUpTroopIsShownWhateverItHolds() async throws {
        let script = try Python.Script("dashboard_fixture.py", [Python.pictures])
        #expect(script.end() == 0, "\(script.heard)")
        #expect(script.heard.contains("complaints []"), "\(script.heard)")
    }
}

/// The API's description, held to a running agent.
@Suite(.enabled(if: Python.isThere, "\(Python.need)")) struct ContractTests {
    @Test(.timeLimit(.minutes(2))) func theAgentKeepsItsDescription() async throws {
        let troop = try Ensemble(["a", "b"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 2) }
        try #require(isUp, "\(troop.logs)")
        let leader = try #require(troop.status()?.leader?.host)
        // Without a provider there is no remedy: one that has ended is put there, which no leader takes up again.
        var operation = Operation(
            id: "contract-1", kind: .reboot, target: leader, ladder: [.reboot], epoch: 1,
            started: 1_795_536_000_000, reason: "a try", by: "contract")
        operation.state = .done
        let lines = #"[{"at":1795536000000,"step":"drain","text":"drained, 0 in flight","epoch":1}]"#
        operation.lines = try JSONDecoder().decode([Operation.Line].self, from: Data(lines.utf8))
        let json = String(decoding: try JSONEncoder().encode(operation), as: UTF8.self)
        try troop.redis.command(
            "HSET", "troop:{test}:op:\(operation.id)", "json", json, "revision", "1")
        let script = try Python.Script(
            "api_contract.py",
            [try troop.member(leader).socket, Repository.path("docs/openapi.json"), operation.id])
        #expect(script.end() == 0, "\(script.heard)")
    }

    /// With a reader that nobody here wrote.
    @Test(.timeLimit(.minutes(2))) func prometheusReadsBothFormatsOfItsMetrics() async throws {
        let troop = try Ensemble(["a"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 1) }
        try #require(isUp, "\(troop.logs)")
        let script = try Python.Script(
            "metrics_contract.py", ["127.0.0.1:\(try troop.member("a").apiPort)"])
        #expect(script.end() == 0, "\(script.heard)")
    }
}

/// What people are shown of their configuration.
@Suite struct ShownConfigurationTests {
    @Test func theConfigurationIsShownWithoutItsSecrets() throws {
        let folder = "/tmp/troop-config-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        mkdir(folder, 0o700)
        let path = "\(folder)/troop.yaml"
        defer {
            unlink(path)
            rmdir(folder)
        }
        try Ensemble.write(
            "cluster: test\nhost: {name: a, address: 127.0.0.1}\nredis: {url: \"redis://ada:s3cret@127.0.0.1:6379/0\"}\n",
            to: path)
        let environment = ["TROOP_REDIS_PASSWORD=s3cret2", "TROOP_LOG_LEVEL=debug"]
        for format in ["table", "json"] {
            let shown = try Program.run(
                ["config", "show", "-c", path, "-o", format], environment: environment)
            #expect(shown.code == 0, "\(shown.output)")
            #expect(!shown.output.contains("s3cret"), "\(shown.output)")
            #expect(shown.output.contains("redis://ada:***@127.0.0.1:6379/0"))
            #expect(shown.output.contains("TROOP_LOG_LEVEL"))
        }
        #expect(try Program.run(["config", "validate", "-c", path]).code == 0)
        try Ensemble.write("cluster: test\nproxi: {}\n", to: path)
        let faulty = try Program.run(["config", "validate", "-c", path])
        #expect(
            faulty.code == 1
                && faulty.output.contains("troop.yaml:2:1: proxi: unknown key; did you mean proxy?"))
    }
}
