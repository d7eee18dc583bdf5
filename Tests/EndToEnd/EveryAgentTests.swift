import Fixtures
import Glibc
import Linux
import Peer
import Testing
import Transfer

/// With `proxy.run: every` each agent serves, whoever leads, and an election touches no client of the others.
@Suite(.serialized) struct EveryAgentTests {
    private static let perSecond = 200

    private func begin() async throws -> Ensemble {
        let troop = try Ensemble(everywhere: true)
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) {
            guard let leader = troop.status()?.leader?.host else { return false }
            return troop.isWhole(leader: leader) && troop.members.allSatisfy { serves(troop, $0) }
        }
        try #require(isUp, "\(troop.logs)")
        return troop
    }

    private func serves(_ troop: Ensemble, _ member: Ensemble.Member) -> Bool {
        troop.get(port: member.proxyPort)?.status == 200 && ready(member) == 200
    }

    private func ready(_ member: Ensemble.Member) -> Int? {
        try? Transfer(url: "http://127.0.0.1:\(member.apiPort)/ready").perform().status
    }

    private func loads(_ troop: Ensemble, but name: String? = nil) throws -> [LoadClient] {
        try troop.members.filter { $0.name != name }.map {
            try LoadClient(port: $0.proxyPort, perSecond: EveryAgentTests.perSecond, threads: 5)
        }
    }

    private func calm(_ loads: [LoadClient]) async {
        for load in loads {
            let before = load.tally.answered
            _ = await eventually { load.tally.answered >= before + EveryAgentTests.perSecond }
        }
    }

    private func areLossless(_ loads: [LoadClient], _ troop: Ensemble) {
        for load in loads {
            let tally = load.stop()
            print("  \(tally.answered) answered, longest \(tally.longestMilliseconds) ms")
            #expect(tally.failures.isEmpty, "\(tally.reasons)\n\(troop.logs)")
            #expect(tally.cut == 0 && tally.reconnects == 0, "\(tally)\n\(troop.logs)")
            #expect(tally.answered >= EveryAgentTests.perSecond)
        }
    }

    @Test(.timeLimit(.minutes(2))) func aKilledLeaderCostsTheOthersClientsNothing() async throws {
        let troop = try await begin()
        let leader = try #require(troop.status()?.leader?.host)
        let loads = try loads(troop, but: leader)
        await calm(loads)
        _ = try troop.killAgent(leader)
        let next = await eventually(within: 20_000) {
            troop.status().flatMap(\.leader).map { $0.host != leader } ?? false
        }
        #expect(next, "\(troop.logs)")
        await calm(loads)
        areLossless(loads, troop)
    }

    @Test(.timeLimit(.minutes(2))) func everyAgentServesOnWithoutRedis() async throws {
        let troop = try await begin()
        let loads = try loads(troop)
        await calm(loads)
        troop.redis.stop()
        let isGone = await eventually(within: 20_000) {
            troop.members.allSatisfy { troop.status(of: $0.name)?.store.reachable == false }
        }
        #expect(isGone, "\(troop.logs)")
        await calm(loads)
        for member in troop.members { #expect(ready(member) == 200, "\(member.name)\n\(troop.logs)") }
        // Even one that starts now has the list on its disk.
        let last = try #require(troop.members.last)
        areLossless(loads, troop)
        #expect(try troop.terminateAgent(last.name) == 0)
        try troop.startAgent(last.name)
        let isBack = await eventually { serves(troop, last) }
        #expect(isBack, "\(troop.logs)")
    }

    @Test(.timeLimit(.minutes(2))) func aStoppedStandbyDrainsFirst() async throws {
        let troop = try await begin()
        let leader = try #require(troop.status()?.leader?.host)
        let standby = try #require(troop.members.first { $0.name != leader })
        let load = try LoadClient(port: standby.proxyPort, perSecond: EveryAgentTests.perSecond, threads: 5)
        await calm([load])
        #expect(try troop.terminateAgent(standby.name) == 0)
        try troop.startAgent(standby.name)
        await calm([load])
        let tally = load.stop()
        #expect(tally.failures.isEmpty && tally.cut == 0, "\(tally)\n\(troop.logs)")
    }
}
