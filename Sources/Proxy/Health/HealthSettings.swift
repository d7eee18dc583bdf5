package import Linux

/// How servers are asked whether they are well.
package struct HealthSettings: Sendable, Equatable {
    /// The path asked for, in origin-form.
    package var path = "/"
    /// The `Host` field; nil for the server's own address.
    package var host: String?
    /// From one check of a server to the next, ±10 %.
    package var intervalMilliseconds: Int64 = 2_000
    /// For one check, from connect to the response's head.
    package var timeoutMilliseconds: Int64 = 1_000
    /// Good checks in a row that make a server healthy again.
    package var rise = 2
    /// Failed checks in a row that make a server unhealthy.
    package var fall = 3
    /// The statuses that are good.
    package var status = 200..<400
    /// A text that the first 64 KiB of the body must contain; nil for none.
    package var bodyMatch: String?
    /// TLS with servers; nil: plain HTTP.
    package var tls: ServerTLSSettings?

    package init() {}
}

/// What is known of a server's health.
package enum HealthState: Sendable, Equatable {
    /// Not yet checked.
    case unknown
    case healthy
    case unhealthy(HealthFailure)

    package var isHealthy: Bool { self == .healthy }

    package var isUnhealthy: Bool { if case .unhealthy = self { true } else { false } }
}

/// A server became healthy or unhealthy, or failed in another way than before.
package struct HealthChange: Sendable, Equatable {
    package let address: SocketAddress
    package let healthy: Bool
    /// What this means for the routing.
    package let rank: ServerRank
    /// False when the server was unhealthy before and only its rank is another.
    package let isNews: Bool
    /// What the last check found: "status 200", "connection refused", "no answer in 1000 ms".
    package let reason: String
}
