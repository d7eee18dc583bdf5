import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// Redis's master dies under a troop that finds it through Sentinel.
@Suite(.serialized) struct SentinelFailoverTests {
    @Test(.timeLimit(.minutes(3))) func aDeadMasterCostsAnElectionAndNoRequest() async throws {
        let master = try RedisServer()
        let replica = try RedisServer(configuration: ["replicaof 127.0.0.1 \(master.port)"])
        let isInStep = try await eventually(within: 20_000) {
            try replica.command("INFO", "replication").contains("master_link_status:up")
        }
        try #require(isInStep)
        let sentinels = try (0..<2).map { _ in
            try SentinelServer(at: master.port, configuration: ["sentinel resolve-hostnames no"])
        }
        let list = sentinels.map { "\"127.0.0.1:\($0.port)\"" }.joined(separator: ", ")
        let troop = try Ensemble(store: (master, "{sentinel: {endpoints: [\(list)], master: mymaster}}"))
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 3) }
        try #require(isUp, "\(troop.logs)")
        let before = try #require(troop.status()?.leader)
        let check = try troop.command("a", "check")
        #expect(check.code == 0, "\(check.output)")
        #expect(
            check.output.contains("2 of 2 say that 'mymaster' is 127.0.0.1:\(master.port)"), "\(check.output)"
        )

        let load = try LoadClient(port: troop.proxyPort, perSecond: 300)
        let killed = Instant.now()
        master.stop()
        let isBack = await eventually(within: 60_000) {
            guard let status = troop.status(), status.store.reachable, let leader = status.leader else {
                return false
            }
            return leader.epoch > before.epoch && troop.isWhole(leader: leader.host)
        }
        let took = Instant.now().milliseconds(since: killed)
        let tally = load.stop()
        #expect(isBack, "\(troop.logs)\n\(sentinels.map(\.log))")
        #expect(tally.failures.isEmpty, "\(tally.reasons)\n\(troop.logs)")
        #expect(tally.answered > 300)
        print("  the master died; the troop was whole again after \(took) ms; \(tally.answered) answered")
        let reigns = troop.reigns().sorted { $0.from < $1.from }
        for (earlier, later) in zip(reigns, reigns.dropFirst()) {
            #expect(earlier.until.map { $0 <= later.from } ?? false, "two leaders at once: \(reigns)")
            #expect(earlier.epoch < later.epoch, "epochs do not rise: \(reigns)")
        }
        let events = try replica.command("XRANGE", "troop:{test}:events", "-", "+")
        #expect(events.contains("store.lost") && events.contains("store.back"), "\(events)")
    }
}
