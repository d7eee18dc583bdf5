import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// The server list as people change it: with the command line, by hand in Redis, by stopping applications.
@Suite(.serialized) struct ServerListTests {
    private let key = "troop:{test}:servers"

    private func begin(_ names: [String] = ["a", "b"]) async throws -> Ensemble {
        let troop = try Ensemble(names)
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: names.count) }
        try #require(isUp, "\(troop.logs)")
        return troop
    }

    /// The list as the leader has it: the one that requests are routed over.
    private func addresses(_ troop: Ensemble) -> [String] {
        guard let leader = troop.status()?.leader?.host else { return [] }
        return troop.status(of: leader)?.servers.map(\.address) ?? []
    }

    @Test(.timeLimit(.minutes(2))) func editsByHandTakeEffectAndGarbageDoesNot() async throws {
        let troop = try await begin()
        let first = "127.0.0.1:\(try troop.member("a").appPort)"
        let second = "127.0.0.1:\(try troop.member("b").appPort)"

        try troop.redis.command("HDEL", key, first)
        let isGone = await eventually { addresses(troop) == [second] }
        #expect(isGone)
        // The agent sees that a person removed it, and stays out.
        let stays = await eventually(within: 5000) {
            troop.status(of: "a")?.notices.contains { $0.contains("removed by a person") } ?? false
        }
        #expect(stays)
        #expect(addresses(troop) == [second])
        for _ in 0..<10 { #expect(troop.get()?.body == "hello from app-b\n") }

        try troop.redis.command("HSET", key, first, "")
        let isBack = await eventually { addresses(troop).sorted() == [first, second].sorted() }
        #expect(isBack)

        try troop.redis.command("HSET", key, first, "{oops")
        try troop.redis.command("HSET", key, "not an address", "")
        let isTold = await eventually { (troop.status(of: "b")?.notices.count ?? 0) >= 2 }
        #expect(isTold)
        #expect(addresses(troop).sorted() == [first, second].sorted(), "the last good values stay in force")
        let status = try troop.command("b", "status")
        #expect(status.code == 1)
        #expect(status.output.contains("its last good value stays in force"))
        #expect(status.output.contains("; 'troop servers remove \"not an address\"' takes it off"))
        let listed = try troop.command("b", "servers")
        #expect(listed.code == 1 && listed.output.contains("'not an address'"), "\(listed.output)")
        #expect(try troop.command("b", "servers", "remove", "not an address").code == 0)
        #expect(try troop.redis.command("HEXISTS", key, "not an address").hasPrefix(":0"))
        let absent = try troop.command("b", "servers", "remove", "web-5:3000")
        #expect(absent.code == 1 && absent.output.contains("no entry"), "\(absent.output)")

        try troop.redis.command("DEL", key)
        try troop.redis.command("SET", key, "a string")
        let isWrongType = await eventually {
            troop.status()?.notices.contains { $0.contains("is no hash") } ?? false
        }
        #expect(isWrongType)
        #expect(
            addresses(troop).sorted() == [first, second].sorted(), "no key of a wrong type empties the list")
        #expect(troop.get()?.status == 200)
    }

    @Test(.timeLimit(.minutes(2))) func theCommandLineChangesTheList() async throws {
        let troop = try await begin()
        let added = try troop.command(
            "a", "servers", "add", "127.0.0.1:9", "--weight", "7", "--reason", "a test")
        #expect(added.code == 0, "\(added.output)")
        let isThere = await eventually { addresses(troop).contains("127.0.0.1:9") }
        #expect(isThere)
        let listed = try troop.command("b", "servers", "-o", "json")
        #expect(listed.output.contains("\"reason\" : \"a test\""))
        for _ in 0..<20 { #expect(troop.get()?.status == 200, "a dead server must not be felt") }
        #expect(try troop.command("a", "servers", "remove", "127.0.0.1:9").code == 0)
        #expect(try troop.command("a", "servers", "remove", "127.0.0.1:9").code == 1)
        let bad = try troop.command("a", "servers", "add", "web:80")
        #expect(bad.code == 64)
        #expect(bad.output.contains("not a numeric"))
    }

    @Test(.timeLimit(.minutes(2))) func aWipedStoreGetsItsListBackWithItsStates() async throws {
        let troop = try await begin()
        #expect(try troop.command("a", "servers", "add", "127.0.0.1:9", "--state", "out").code == 0)
        let isSeen = await eventually { addresses(troop).count == 3 }
        #expect(isSeen)
        try troop.redis.command("FLUSHALL")
        let isBack = await eventually(within: 15_000) {
            (try? troop.redis.command("HGET", key, "127.0.0.1:9"))?.contains("out") == true
                && (try? troop.redis.command("HLEN", key))?.hasPrefix(":3") == true
        }
        #expect(isBack, "\(troop.logs)")
        #expect(troop.status()?.servers.first { $0.address == "127.0.0.1:9" }?.state == "out")
        #expect(troop.get()?.status == 200)
    }

    /// Redis comes back with an older copy of its data: what was added, changed and removed since stays so.
    @Test(.timeLimit(.minutes(2))) func aStoreThatGoesBackInTimeLosesNothing() async throws {
        let troop = try await begin()
        let apps = [
            "127.0.0.1:\(try troop.member("a").appPort)", "127.0.0.1:\(try troop.member("b").appPort)",
        ]
        #expect(try troop.command("a", "servers", "add", "127.0.0.1:9", "--state", "out").code == 0)
        #expect(try troop.command("a", "servers", "add", "127.0.0.1:10", "--state", "out").code == 0)
        try troop.redis.command("HDEL", key, apps[1])
        let isSeen = await eventually {
            addresses(troop).sorted() == [apps[0], "127.0.0.1:10", "127.0.0.1:9"].sorted()
        }
        #expect(isSeen)
        try troop.redis.command("SAVE")
        #expect(try troop.command("b", "servers", "add", apps[1]).code == 0)
        #expect(try troop.command("a", "servers", "remove", "127.0.0.1:9").code == 0)
        #expect(try troop.command("a", "servers", "add", "127.0.0.1:11", "--state", "out").code == 0)
        #expect(try troop.command("a", "servers", "add", "127.0.0.1:10", "--state", "draining").code == 0)
        let wanted = (apps + ["127.0.0.1:10", "127.0.0.1:11"]).sorted()
        let isSettled = await eventually { addresses(troop).sorted() == wanted }
        #expect(isSettled)

        troop.redis.stop()
        try troop.redis.start()
        let isRestored = await eventually(within: 15_000) {
            guard let answer = try? troop.redis.command("HKEYS", key) else { return false }
            let fields = answer.split(whereSeparator: \.isNewline).filter { $0.contains(":") }
            return fields.map(String.init).sorted() == wanted
        }
        #expect(isRestored, "\(troop.logs)")
        let isTrue = await eventually {
            addresses(troop).sorted() == wanted
                && troop.status()?.servers.first { $0.address == "127.0.0.1:10" }?.state == "draining"
        }
        #expect(isTrue)
        #expect(troop.status(of: "b")?.notices.contains { $0.contains("removed by a person") } == false)
        #expect(troop.get()?.status == 200)
    }

    @Test(.timeLimit(.minutes(2))) func anApplicationComesAndGoes() async throws {
        let troop = try await begin()
        let first = "127.0.0.1:\(try troop.member("a").appPort)"
        troop.stopApp("a")
        let isGone = await eventually(within: 15_000) { !addresses(troop).contains(first) }
        #expect(isGone, "\(troop.logs)")
        #expect(troop.get()?.status == 200)
        let isNamed = await eventually(within: 15_000) {
            ["a", "b"].allSatisfy { name in
                troop.status(of: name)?.notices.contains {
                    $0.hasPrefix("application on a is down (\(first))")
                }
                    ?? false
            }
        }
        #expect(isNamed, "\(troop.logs)")
        #expect(try troop.command("b", "status").code == 1)
        let isTold = await eventually(within: 15_000) {
            let events = try? troop.command("b", "events").output
            return events?.contains("off the list by agent: the application does not answer") ?? false
        }
        #expect(isTold, "\(troop.logs)")
        try troop.startApp("a")
        let isBack = await eventually(within: 15_000) { troop.isUp(servers: 2) }
        #expect(isBack, "\(troop.logs)")
        #expect(troop.status(of: "b")?.notices.contains { $0.contains("is down") } == false)
    }

    @Test(.timeLimit(.minutes(2))) func aListChangeUnderLoadLosesNothing() async throws {
        let troop = try await begin(["a", "b", "c"])
        let load = try LoadClient(port: troop.proxyPort, perSecond: 500)
        let first = "127.0.0.1:\(try troop.member("a").appPort)"
        for _ in 0..<10 {
            try troop.redis.command("HDEL", key, first)
            let isGone = await eventually { !addresses(troop).contains(first) }
            #expect(isGone)
            try troop.redis.command("HSET", key, first, "")
            let isBack = await eventually { addresses(troop).contains(first) }
            #expect(isBack)
        }
        let tally = load.stop()
        #expect(tally.failures.isEmpty, "\(tally.reasons)")
        #expect(tally.cut == 0)
        #expect(tally.reconnects == 0)
        #expect(tally.answered > 500)
    }
}
