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
                "Whether this host's own application passes its agent's check: 1 or 0", value)
        ]
    }

    /// Unknown before the first check, and on hosts without an application.
    private var value: Double? {
        guard let checker, let address else { return nil }
        let state = checker.states()[address] ?? .unknown
        return switch state {
        case .unknown: nil
        case .healthy: 1
        case .unhealthy: 0
        }
    }
}
