import Fixtures
import Linux
import Peer
import Store
import Testing

/// Made-up hosts at a real Redis, as the user of docs/redis-keys.md.
@Suite struct HostCrowdTests {
    @Test(.timeLimit(.minutes(1))) func everyHostReportsAndLeavesNothing() async throws {
        let server = try RedisServer()
        let settings = StoreSettings(url: try StoreURL(try server.addDocumentedUser(cluster: "t")))
        let crowd = HostCrowd(
            HostCrowd.Settings(
                store: settings, cluster: "t", count: 20, intervalMilliseconds: 100, threads: 3,
                serverPort: 3000))
        try crowd.start()
        var reports = 0
        let deadline = Instant.now().advanced(milliseconds: 20_000)
        while reports < 200, Instant.now() < deadline {
            let count = crowd.takeCount()
            reports += count.reports
            #expect(count.faults == 0, "\(count.fault ?? "")")
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(reports >= 200)
        let store = try Store(settings, name: "test") { _ in }
        let keys = Keys(cluster: "t")
        let board = StatusBoard(store: store, keys: keys, leaseMilliseconds: 1000)
        #expect(await board.size() == 20)
        await board.refresh()
        let book = await board.book
        #expect(await board.notices.isEmpty)
        #expect(book.pages.count == 20)
        #expect(book.pages.values.allSatisfy { ($0.report?.cpu ?? 0) > 0 && $0.report?.stands == false })
        let areListed = try await eventually { try server.command("HLEN", keys.servers) == ":20\r\n" }
        #expect(areListed)
        crowd.stop()
        #expect(try server.command("DBSIZE") == ":0\r\n")
    }
}
