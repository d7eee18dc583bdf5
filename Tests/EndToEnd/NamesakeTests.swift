import Fixtures
import Glibc
import Peer
import Testing

/// Two live hosts with one name: the second stays out and says where the first is.
@Suite(.serialized) struct NamesakeTests {
    @Test(.timeLimit(.minutes(2))) func theSecondHostOfANameStaysOutAndSaysWhereTheFirstIs() async throws {
        let troop = try Ensemble(["a", "b"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 2) }
        try #require(isUp, "\(troop.logs)")

        // Another machine by all it can say of itself: address, boot id, ports; only the name is taken.
        let folder = troop.folder
        try Ensemble.write("5f1c2f9e-0000-4000-8000-0000000000aa\n", to: "\(folder)/other.boot")
        let socket = "\(folder)/other.sock"
        try Ensemble.write(
            """
            cluster: test
            host: {name: a, address: 127.0.0.2, boot_id_file: \(folder)/other.boot}
            peer: {listen: "127.0.0.2:\(try RedisServer.freePort())"}
            state: \(folder)/other.state
            redis: {url: "redis://127.0.0.1:\(troop.redis.port)/0"}
            api: {listen: "127.0.0.2:\(try RedisServer.freePort())", socket: \(socket)}
            proxy: {listen: "127.0.0.2:\(try RedisServer.freePort())"}
            """, to: "\(folder)/other.yaml")
        let other = try Program(["agent", "--config", "\(folder)/other.yaml"], log: "\(folder)/other.log")
        defer { other.signal(SIGKILL) }
        let saysWhere = await eventually(within: 10_000) {
            (try? Program.run(["status", "--socket", socket]))?.output.contains("at 127.0.0.1") ?? false
        }
        #expect(saysWhere, "\(other.output)")

        // With everybody else dead it still does not lead, and the first host's report is the one that counts.
        _ = try troop.killAgent("b")
        #expect(troop.status(of: "a")?.hosts.first { $0.name == "a" }?.address == "127.0.0.1")
        _ = try troop.killAgent("a")
        let hasSeen = await eventually(within: 5_000) {
            (try? Program.run(["status", "--socket", socket]))?.code == 2
        }
        #expect(hasSeen)
        #expect(!other.output.contains(" leading"), "\(other.output)")
    }
}
