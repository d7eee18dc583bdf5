import Fixtures
import Glibc
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

    @Test(.timeLimit(.minutes(3))) func aMadeUpTroopIsShownWhateverItHolds() async throws {
        let script = try Python.Script("dashboard_fixture.py", [Python.pictures])
        #expect(script.end() == 0, "\(script.heard)")
        #expect(script.heard.contains("complaints []"), "\(script.heard)")
    }
}

/// The API's description, held to a running agent.
@Suite(.enabled(if: Python.isThere, "\(Python.need)")) struct ContractTests {
    @Test(.timeLimit(.minutes(2))) func theAgentKeepsItsDescription() async throws {
        let troop = try Ensemble(["a"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 1) }
        try #require(isUp, "\(troop.logs)")
        let script = try Python.Script(
            "api_contract.py", [troop.members[0].socket, Python.root + "/docs/openapi.json"])
        #expect(script.end() == 0, "\(script.heard)")
    }
}
