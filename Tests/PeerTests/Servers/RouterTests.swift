import Linux
import Proxy
import Synchronization
import Testing

@testable import Peer

@Suite(.timeLimit(.minutes(1))) struct RouterTests {
    private func eventually(_ condition: () -> Bool) async -> Bool {
        let deadline = Instant.now().advanced(milliseconds: 10_000)
        while !condition() {
            if Instant.now() > deadline { return false }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return true
    }

    @Test func checksRunOnlyWhileTheyAreWanted() async throws {
        let proxy = try Proxy(
            ProxySettings(listen: try SocketAddress("127.0.0.1:0", allowingPortZero: true), workers: 1))
        defer { proxy.stop() }
        var health = HealthSettings()
        health.intervalMilliseconds = 20
        let news = Mutex<[HealthChange]>([])
        let router = try Router(proxy: proxy, health: health) { change in news.withLock { $0.append(change) }
        }
        defer { router.stop() }
        // Nobody listens at port 1; what is out is not checked.
        router.route([
            ServerEntry(address: try SocketAddress("127.0.0.1:1")),
            ServerEntry(address: try SocketAddress("127.0.0.2:1")),
            ServerEntry(address: try SocketAddress("127.0.0.3:1"), state: .out),
        ])
        func ranks() -> [ServerRank] { proxy.snapshot().servers.map(\.rank) }
        #expect(ranks() == [.unchecked, .unchecked, .unchecked])
        router.startChecks()
        #expect(await eventually { ranks() == [.dead, .dead, .unchecked] })
        #expect(router.traffic(epoch: 1).servers.map(\.healthy) == [false, false, true])
        #expect(news.withLock { $0.map(\.reason) } == ["connection refused", "connection refused"])
        // A new list keeps what is known.
        router.route([
            ServerEntry(address: try SocketAddress("127.0.0.2:1"), weight: 7),
            ServerEntry(address: try SocketAddress("127.0.0.4:1"), state: .out),
        ])
        #expect(ranks() == [.dead, .unchecked])
        router.stopChecks()
        #expect(ranks() == [.unchecked, .unchecked])
    }
}
