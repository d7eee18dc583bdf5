import Fixtures
import Glibc
import Linux
import Logging
import Testing

@testable import Peer
@testable import Store

@Suite struct CheckDeskTests {
    /// A Sentinel's place where connections are counted, and never answered.
    private final class Counter {
        let listener: Int32
        let address: SocketAddress

        init() throws {
            address = try SocketAddress("127.0.0.1:\(try RedisServer.freePort())")
            listener = try Listening.tcp(address)
        }

        deinit { _ = close(listener) }

        var connections: Int {
            var count = 0
            while true {
                let one = accept(listener, nil, nil)
                guard one >= 0 else { return count }
                _ = close(one)
                count += 1
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func whoCannotReachRedisLooksAgainAfterAWhileOnly() async throws {
        let counter = try Counter()
        let dead = try RedisServer.freePort()
        let configuration = try configuration(
            """
            cluster: demo
            redis:
              url: "redis://127.0.0.1:\(dead)"
            """)
        let finder = MasterFinder(
            SentinelSettings(
                endpoints: [.init(host: "127.0.0.1", port: counter.address.port)], master: "mymaster"))
        let store = try Store(StoreSettings(url: try StoreURL("redis://127.0.0.1:\(dead)")), name: "test") {
            _ in
        }
        let desk = CheckDesk(
            configuration: configuration, store: store, keys: Keys(cluster: "demo"), finder: finder,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            known: { HostChecks.Known(isServing: false, followers: []) })
        for _ in 0..<3 { await desk.tick() }
        #expect(counter.connections == 1)
        // The store says that it is back.
        await desk.lookAgain()
        await desk.tick()
        #expect(counter.connections == 1)
        await store.close()
    }
}
