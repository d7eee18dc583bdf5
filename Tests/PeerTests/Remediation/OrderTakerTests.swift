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
                events: events, runner: { _, _ in nil })
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
}
