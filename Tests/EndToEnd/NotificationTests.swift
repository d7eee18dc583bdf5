import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// What an agent asks of its provider, and whom it tells of events.
@Suite(.serialized) struct NotificationTests {
    private static let flag =
        #"{"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}"#

    private func removeMachines(of folder: String) {
        try? RedisServer.runToEnd(["rm", "-rf", folder], log: "/dev/null")
    }

    @Test(.timeLimit(.minutes(2))) func theProviderIsTriedThroughTheAgentAndWithoutIt() async throws {
        let folder = "/tmp/troop-machines-test-\(getpid())"
        defer { removeMachines(of: folder) }
        let with = try Ensemble(
            ["a"],
            election:
                "remediation: {provider: {kind: process, command: [sleep, \"1000\"], folder: \(folder)}}")
        try with.startAgents()
        #expect(await eventually(within: 20_000) { with.isUp(servers: 1) })
        let asked = try with.command("a", "provider", "test")
        #expect(asked.code == 0, "\(asked.output)\n\(with.logs)")
        #expect(asked.output.contains("FINE folder: \(folder), 0 of cluster 'test'"), "\(asked.output)")
        let alone = try with.command(
            "a", "provider", "test", "--config", with.member("a").config, "-o", "json")
        #expect(alone.code == 0)
        #expect(alone.output.contains("\"kind\" : \"process\""), "\(alone.output)")
        let without = try Ensemble(["a"])
        let none = try without.command("a", "provider", "test", "--config", without.member("a").config)
        #expect(none.code == 1)
        #expect(none.output.contains("set remediation.provider.kind"), "\(none.output)")
    }

    @Test(.timeLimit(.minutes(2))) func aHookHearsOfAChangedFlag() async throws {
        let path = "/tmp/troop-notify-\(getpid())"
        defer { _ = unlink(path) }
        let troop = try Ensemble(
            ["a"], election: "notify: {command: {run: [sh, -c, \"cat >>\(path)\"], kinds: [\"flag.*\"]}}")
        try troop.startAgents()
        #expect(await eventually(within: 20_000) { troop.isUp(servers: 1) })
        let set = try troop.command("a", "flags", "set", "new-ui", Self.flag)
        #expect(set.code == 0, "\(set.output)")
        let isTold = await eventually(within: 20_000) {
            RedisServer.text(of: path).contains("\"kind\":\"flag.changed\"")
        }
        #expect(isTold, "\(RedisServer.text(of: path))\n\(troop.logs)")
    }
}
