import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// A standby checks the servers itself before anybody needs it to lead.
@Suite(.serialized) struct StandbyTests {
    /// True once an agent has logged this of a server.
    private func said(_ agent: Program, _ word: String, _ address: String) -> Bool {
        agent.output.split(separator: "\n").contains { $0.contains(word) && $0.contains(address) }
    }

    private func health(_ status: Status?, _ address: String) -> Bool? {
        status?.servers.first { $0.address == address }?.healthy
    }

    @Test(.timeLimit(.minutes(2))) func itKnowsItsServersBeforeItLeads() async throws {
        let troop = try Ensemble(["a", "b"], proxy: ["health_interval: 200ms", "health_timeout: 2s"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 2) }
        try #require(isUp, "\(troop.logs)")
        let leader = try #require(troop.status()?.leader?.host)
        let standby = leader == "a" ? "b" : "a"
        let agent = try troop.agent(standby)
        let own = "127.0.0.1:\(try troop.member(standby).appPort)"
        let others = "127.0.0.1:\(try troop.member(leader).appPort)"
        for address in [own, others] {
            let isChecked = await eventually { said(agent, "server is healthy", address) }
            #expect(isChecked, "\(address)\n\(troop.logs)")
        }

        // A server that no agent stands beside: what the standby says of it, it has found out by itself.
        let port = try RedisServer.freePort()
        let address = "127.0.0.1:\(port)"
        let extra = try Program(
            ["sample-app", "--port", "\(port)", "--name", "app-extra"], log: "\(troop.folder)/extra.log")
        #expect(try troop.command(leader, "servers", "add", address).code == 0)
        let isFound = await eventually { said(agent, "server is healthy", address) }
        #expect(isFound, "\(troop.logs)")
        extra.signal(SIGKILL)
        _ = extra.wait()
        let isMissed = await eventually { said(agent, "server is unhealthy", address) }
        #expect(isMissed, "\(troop.logs)")
        #expect(!troop.reigns().contains { $0.host == standby }, "\(troop.logs)")

        #expect(try troop.terminateAgent(leader) == 0, "\(troop.logs)")
        var first: Status?
        let leads = await eventually {
            first = troop.status(of: standby)
            return first?.leader?.host == standby
        }
        #expect(leads, "\(troop.logs)")
        #expect(health(first, own) == true && health(first, address) == false, "\(troop.logs)")
    }
}
