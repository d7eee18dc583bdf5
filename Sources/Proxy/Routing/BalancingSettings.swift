/// By what rule a server is chosen for a request.
package enum Balance: String, Sendable, Equatable, BitwiseCopyable, CaseIterable {
    /// In turn, each as often as its weight says.
    case roundRobin = "round_robin"
    /// The one with the fewest requests in flight for its weight.
    case leastConnections = "least_connections"
    /// Of two drawn by weight, the one that promises to answer sooner: requests in flight × latency × pressure.
    case p2c
}

/// What keeps the requests of one client on one server.
package enum Stickiness: String, Sendable, Equatable, BitwiseCopyable, CaseIterable {
    case none
    /// A cookie that names the server.
    case cookie
    /// The client's address.
    case address
}

/// How requests are shared out among servers.
package struct BalancingSettings: Sendable, Equatable {
    package var balance = Balance.p2c
    package var stickiness = Stickiness.none
    /// The name of the cookie; a token of RFC 9110, section 5.6.2, of 1 to 32 bytes.
    package var cookie = "troop"
    /// How long a server that came up while others serve takes to reach its full share; 0 for at once.
    package var slowStartMilliseconds: Int64 = 30_000
    /// Requests in flight that one server is given, over all workers; 0 for no limit.
    package var inFlightMax = 0
    /// Requests that one worker lets wait for a server with room.
    package var queueMax = 1_024
    /// How long such a request waits.
    package var queueMilliseconds: Int64 = 10_000
    /// Below this percentage of usable servers all active ones serve.
    package var panicPercent = 50
    /// After this time a draining server counts as drained, whatever is still in flight.
    package var drainMilliseconds: Int64 = 60_000
    package var ejection = EjectionSettings()
    package var retries = RetrySettings()

    package init() {}
}

/// When a server that fails its clients is left out for a while.
package struct EjectionSettings: Sendable, Equatable {
    /// Failures in a row that lead to it; 0 for never.
    package var failures = 5
    /// The percentage of failed requests within ten seconds that leads to it; 0 for never.
    package var errorPercent = 50
    /// The fewest requests that such a percentage is taken of.
    package var requestsMin = 20
    /// Whether answers with a status of 500 or more are failures.
    package var counts5xx = false
    /// The first ejection's length; the n-th takes n times as long.
    package var milliseconds: Int64 = 30_000
    /// The longest ejection.
    package var millisecondsMax: Int64 = 300_000
    /// The percentage of the active servers that may be ejected at a time.
    package var sharePercent = 50

    package init() {}
}

/// How often a request may be sent again.
package struct RetrySettings: Sendable, Equatable {
    /// Servers that one request may be sent to.
    package static let attemptsRange = 1...3

    /// Servers that one request may be sent to, 1…3.
    package var attemptsMax = 3
    /// Repeated requests as a percentage of all of the last ten seconds, for each worker.
    package var budgetPercent = 20
    /// Repeated requests a second that are allowed besides, for each worker.
    package var budgetMinimum = 3

    package init() {}
}
