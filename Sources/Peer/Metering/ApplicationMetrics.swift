package import Linux
package import Metrics
package import Proxy

/// This host's own application, as a metric: one that crashed leaves the server list, and with it the proxy's metrics.
package struct ApplicationMetrics: MetricSource {
    private let checker: HealthChecker?
    private let address: SocketAddress?

    /// Metrics of the application that `checker` asks at `address`; nil on a host that runs none.
    package init(checker: HealthChecker?, address: SocketAddress?) {
        self.checker = checker
        self.address = address
    }

    package func metricFamilies() async -> [MetricFamily] {
        [
            MetricFamily(
                "troop_server_application_up", .gauge,
                "Whether this host's own application passes its agent's check: 1 or 0",
                isUp.map { $0 ? 1 : 0 })
        ]
    }

    /// Whether the application passes the check; nil before the first one, and on hosts without an application.
    var isUp: Bool? {
        guard let checker, let address else { return nil }
        return checker.states()[address]?.verdict
    }
}
