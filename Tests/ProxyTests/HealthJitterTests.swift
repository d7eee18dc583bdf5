import Linux
import Synchronization
import Testing

@testable import Proxy

/// Checks do not keep step: many agents that look at one server must not all look at once.
@Suite(.timeLimit(.minutes(2))) struct HealthJitterTests {
    private static let servers = 20
    private static let intervalMilliseconds: Int64 = 500
    /// Checks of each server that are looked at.
    private static let checks = 4

    /// A busy machine spreads the checks further, which does no harm here.
    @Test func theTimesBetweenChecksDifferByMoreThanATenth() async throws {
        let times = Mutex<[Int: [Int64]]>([:])
        let backends = try (0..<HealthJitterTests.servers).map { number in
            try Backend { _, wire, _ in
                guard wire.readMessage() != nil else { return }
                times.withLock { $0[number, default: []].append(Instant.now().nanoseconds) }
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        var settings = HealthSettings()
        settings.intervalMilliseconds = HealthJitterTests.intervalMilliseconds
        settings.timeoutMilliseconds = 10_000
        let checker = try HealthChecker(settings) { _ in }
        defer { checker.stop() }
        checker.watch(backends.map(\.address))
        let areLooked = await Rig.eventually {
            times.withLock { times in
                times.count == HealthJitterTests.servers
                    && times.values.allSatisfy { $0.count >= HealthJitterTests.checks }
            }
        }
        try #require(areLooked)
        let gaps = times.withLock { times in
            times.values.flatMap { list in zip(list, list.dropFirst()).map { $1 - $0 } }
        }
        let shortest = try #require(gaps.min())
        let longest = try #require(gaps.max())
        // A tenth each way: sixty gaps of uniform chance span nearly all of the two tenths.
        let spread = (longest - shortest) / 1_000_000
        #expect(spread > HealthJitterTests.intervalMilliseconds * 12 / 100, "\(spread) ms")
    }
}
