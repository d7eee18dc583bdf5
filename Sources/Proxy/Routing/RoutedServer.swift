package import Linux

/// What the server list says of a server.
package enum ServerState: String, Sendable, Equatable, CaseIterable {
    /// Takes requests.
    case active
    /// Finishes what it has, takes nothing new.
    case draining
    /// As draining, for longer.
    case out
}

/// A server that the proxy may route to.
package struct RoutedServer: Sendable, Equatable {
    package static let weightRange = 1...256

    package var address: SocketAddress
    /// The name of the host that the server is on.
    package var host: String
    package var state: ServerState
    /// Its share of the requests in proportion to the other weights; cut to 1…256.
    package var weight: Int
    package var healthy: Bool

    package init(
        address: SocketAddress, host: String, state: ServerState = .active, weight: Int = 100,
        healthy: Bool = true
    ) {
        self.address = address
        self.host = host
        self.state = state
        self.weight = min(
            max(weight, RoutedServer.weightRange.lowerBound), RoutedServer.weightRange.upperBound)
        self.healthy = healthy
    }
}
