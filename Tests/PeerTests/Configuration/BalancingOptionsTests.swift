import Proxy
import Testing

@testable import Peer

@Suite struct BalancingOptionsTests {
    private let minimal = "cluster: demo\nredis: {url: 'redis://127.0.0.1:6379/0'}\n"

    @Test func everyOptionReachesTheProxy() throws {
        let read = try configuration(
            minimal
                + """
                proxy:
                  workers: 3
                  balance: least_connections
                  stickiness: cookie
                  sticky_cookie: lb
                  slow_start: 0s
                  max_in_flight: 7
                  queue_max: 100
                  queue_timeout: 2s
                  drain_timeout: 3s
                  attempts: 2
                  retry_budget: 10
                  retry_minimum: 0
                  health_status: 204
                  health_body: all is well
                  panic_below: 30
                  eject_failures: 9
                  eject_errors: 80
                  eject_5xx: true
                  eject_time: 1s
                  eject_time_max: 9s
                  eject_share: 10
                """)
        var expected = BalancingSettings()
        expected.balance = .leastConnections
        expected.stickiness = .cookie
        expected.cookie = "lb"
        expected.slowStartMilliseconds = 0
        expected.inFlightMax = 7
        expected.queueMax = 34  // of each of three workers
        expected.queueMilliseconds = 2_000
        expected.drainMilliseconds = 3_000
        expected.panicPercent = 30
        expected.retries.attemptsMax = 2
        expected.retries.budgetPercent = 10
        expected.retries.budgetMinimum = 0
        expected.ejection.failures = 9
        expected.ejection.errorPercent = 80
        expected.ejection.counts5xx = true
        expected.ejection.milliseconds = 1_000
        expected.ejection.millisecondsMax = 9_000
        expected.ejection.sharePercent = 10
        #expect(read.proxySettings.balancing == expected)
        #expect(read.healthSettings.status == 204..<205)
        #expect(read.healthSettings.bodyMatch == "all is well")
    }

    @Test(arguments: ["200", "200-399", "599-599"]) func statusesAreReadAsOneOrARun(_ text: String) throws {
        let read = try configuration(minimal + "proxy: {health_status: '\(text)'}")
        let ends = text.split(separator: "-").compactMap { Int($0) }
        #expect(read.proxy.healthStatus == ends[0]..<ends[ends.count - 1] + 1)
    }

    @Test(arguments: [
        "health_status: 199", "health_status: 300-200", "health_status: 200-600", "health_status: 200-",
        "health_status: '-200'", "health_status: 200-201-202", "sticky_cookie: 'a b'", "sticky_cookie: 'a=b'",
        "sticky_cookie: \(String(repeating: "a", count: 33))", "balance: random", "stickiness: true",
        "attempts: 4", "attempts: 0", "slow_start: 30", "panic_below: 101",
    ]) func whatMakesNoSenseIsRefused(_ line: String) {
        #expect(throws: ConfigurationFault.self) { try configuration(minimal + "proxy: {\(line)}") }
    }
}
