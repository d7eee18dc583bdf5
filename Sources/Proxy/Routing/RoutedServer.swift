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

/// What health checks and connects have shown of a server, the best first.
package enum ServerRank: UInt8, Sendable, Equatable, Comparable, CaseIterable {
    /// Its checks pass.
    case passed
    /// Never checked; used while no server has passed.
    case unchecked
    /// It does not answer as it should; used when so many fail that the checks are more likely wrong.
    case failed
    /// Nobody is there; used when there is nothing else.
    case dead

    package static func < (left: ServerRank, right: ServerRank) -> Bool { left.rawValue < right.rawValue }

    /// True unless checks or connects speak against the server.
    package var isWell: Bool { self <= .unchecked }
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
    /// What is known of its health; nil leaves what the proxy was told before.
    package var rank: ServerRank?

    package init(
        address: SocketAddress, host: String, state: ServerState = .active, weight: Int = 100,
        rank: ServerRank? = nil
    ) {
        self.address = address
        self.host = host
        self.state = state
        self.weight = min(
            max(weight, RoutedServer.weightRange.lowerBound), RoutedServer.weightRange.upperBound)
        self.rank = rank
    }
}
