import Fixtures
import Glibc
import Logging
import Peer
import Store
import Testing

@Suite struct OrderTakerTests {
    @Test(.timeLimit(.minutes(1))) func whoHasASuccessorLeavesOrdersToIt() async throws {
        let redis = try RedisServer()
        let keys = Keys(cluster: "test")
        let store = try Store(StoreSettings(url: try StoreURL(redis.url())), name: "test") { _ in }
        let told = Record<String>()
        let events = EventLog(
            store: store, keys: keys, host: "a", log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { told.add($0.kind) }
        let folder = try StateFolder(path: redis.folder + "/state")
        func taker() -> OrderTaker {
            OrderTaker(
                store: store, keys: keys, host: "a", folder: folder,
                means: OrderTaker.Means(reboot: nil, start: nil, application: nil, drainMilliseconds: 0),
                events: events, bootID: { nil }, isNamesake: { false }, runner: { _, _ in nil })
        }
        try redis.command("XADD", keys.orders("a"), "*", "order", "no order")
        let (old, new) = (taker(), taker())
        await old.close()
        await old.look()
        #expect(told.all == [])
        await new.look()
        #expect(told.all == ["order.refused"])
        await store.close()
    }

    /// A clone of a host, and a host that has booted since it was asked, reboot for nobody; what Redis could not say is asked again.
    @Test(.timeLimit(.minutes(1))) func rebootsAreForTheBootThatTheyWereMeantFor() async throws {
        let redis = try RedisServer()
        let keys = Keys(cluster: "test")
        let store = try Store(StoreSettings(url: try StoreURL(redis.url())), name: "test") { _ in }
        let events = EventLog(
            store: store, keys: keys, host: "a", log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let folder = try StateFolder(path: redis.folder + "/state")
        let reboots = Record<String>()
        func taker(boot: String = "boot-1", isNamesake: Bool = false) -> OrderTaker {
            OrderTaker(
                store: store, keys: keys, host: "a", folder: folder,
                means: OrderTaker.Means(
                    reboot: ["/bin/reboot"], start: nil, application: nil, drainMilliseconds: 0),
                events: events, bootID: { boot }, isNamesake: { isNamesake },
                runner: { words, _ in
                    reboots.add(words[0])
                    return nil
                })
        }
        func order(_ id: String, boot: String) throws {
            try redis.command(
                "HSET", keys.operation(id), "order:\(id).0.reboot", "waiting", "state", "running")
            try redis.command(
                "XADD", keys.orders("a"), "*", "id", "\(id).0.reboot", "operation", id, "kind", "reboot",
                "epoch", "5",
                "not_after", "9000000000000", "boot", boot)
        }
        func state(_ id: String) throws -> String {
            try redis.command("HGET", keys.operation(id), "order:\(id).0.reboot")
        }
        try order("op1", boot: "boot-1")
        await taker(isNamesake: true).look()
        #expect(reboots.all.isEmpty)
        #expect(try state("op1").contains("waiting"), "its true owner is to take it")
        await taker(boot: "boot-2").look()
        #expect(reboots.all.isEmpty)
        #expect(try state("op1").contains("done"), "it has booted since")
        try order("op2", boot: "boot-2")
        let last = taker(boot: "boot-2")
        try redis.command("RENAME", keys.operation("op2"), "hidden")
        try redis.command("SET", keys.operation("op2"), "no hash")
        await last.look()
        #expect(reboots.all.isEmpty)
        try redis.command("RENAME", "hidden", keys.operation("op2"))
        await last.look()
        #expect(reboots.all == ["/bin/reboot"])
        await last.look()
        #expect(reboots.all.count == 1)
        // An answer that another reading was quicker than is no second order.
        try order("op3", boot: "boot-2")
        let asking = try #require(await last.asking())
        let answer = try await store.call(asking.question.command)
        await last.look()
        #expect(reboots.all.count == 2)
        await last.take(answer, to: asking)
        #expect(reboots.all.count == 2)
        #expect(try !redis.command("XLEN", keys.events).contains("order.refused"))
        #expect(try state("op2").contains("done"))
        await store.close()
    }
}
