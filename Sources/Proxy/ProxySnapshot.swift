package import Linux

/// What the proxy has counted since it started, and how fast servers have answered lately.
package struct ProxySnapshot: Sendable, Equatable {
    /// One server of the table in force.
    package struct Server: Sendable, Equatable {
        package let server: RoutedServer
        /// What is thought of it at this moment; `failed` while it is ejected.
        package let rank: ServerRank
        /// The end of its ejection; nil when it is not ejected.
        package let ejectedUntil: Instant?
        /// What its host reported of its pressure, 0…1, less for the report's age; nil where none was told of.
        package let pressure: Double?
        /// It is not active, and has nothing in flight any more or has had its time to finish.
        package let isDrained: Bool
        /// Requests sent to it, repeated ones included.
        package let requests: UInt64
        /// Of these, requests that another server had failed before.
        package let retries: UInt64
        /// Attempts that brought no valid response: connect failures, resets, timeouts, malformed heads.
        package let errors: UInt64
        /// Responses with a status of 500 or more.
        package let responses5xx: UInt64
        /// Connections made to it.
        package let connects: UInt64
        package let inFlight: Int
        /// Milliseconds from the request's dispatch to the response's head, over the last 30 to 60 s; nil
        /// when there was none.
        package let p50: Double?
        package let p90: Double?
        package let p99: Double?
        /// The same times since the proxy started.
        package let durations: DurationCounts
    }

    /// The side of the clients, all workers together.
    package struct Listener: Sendable, Equatable {
        /// The address listened on; nil while closed.
        package var address: SocketAddress?
        /// What came by the plain listener.
        package var plain = ListenerCounts()
        /// What came by the listener for TLS.
        package var secure = ListenerCounts()
        /// How often responses of servers were refused, by reason (`MessageFault.label`); only what has happened.
        package var responseFaults: [String: UInt64] = [:]
        /// Attempts after the first.
        package var retries: UInt64 = 0
        /// Requests sent again to the same server because it had closed a kept connection.
        package var staleRetries: UInt64 = 0
        /// Requests not sent again because the budget for that was used up.
        package var retriesDenied: UInt64 = 0
        /// Requests that wait for a server with room.
        package var queued = 0
        /// Requests answered 503 because they had waited too long.
        package var queueTimeouts: UInt64 = 0
        /// Responses cut off after they had begun.
        package var cut: UInt64 = 0
        /// Log lines that a full ring had no room for.
        package var logDropped: UInt64 = 0
        /// Log lines that could not be written.
        package var logLost: UInt64 = 0
        /// Connections that left HTTP for another protocol, and those of them that are open now.
        package var upgrades: UInt64 = 0
        package var upgraded = 0
    }

    package let servers: [Server]
    package let listener: Listener
}

/// Both listeners together.
extension ProxySnapshot.Listener {
    /// Connections that are open.
    package var open: Int { plain.open + secure.open }
    /// Connections taken.
    package var accepted: UInt64 { plain.accepted + secure.accepted }
    /// Connections answered 503, or closed before their handshake, because of a limit.
    package var turnedAway: UInt64 { plain.turnedAway + secure.turnedAway }
    /// Connections answered 429, or closed before their handshake, because their client had too many.
    package var overClientLimit: UInt64 { plain.overClientLimit + secure.overClientLimit }
    /// Requests with a valid head.
    package var requests: UInt64 { plain.requests + secure.requests }
    /// Final responses with a status below 300.
    package var responses2xx: UInt64 { plain.responses2xx + secure.responses2xx }
    /// Final responses with a status from 300 on.
    package var responses3xx: UInt64 { plain.responses3xx + secure.responses3xx }
    /// Final responses with a status from 400 on.
    package var responses4xx: UInt64 { plain.responses4xx + secure.responses4xx }
    /// Final responses with a status from 500 on.
    package var responses5xx: UInt64 { plain.responses5xx + secure.responses5xx }
    /// Requests refused as malformed or too large.
    package var rejectedHeads: UInt64 { plain.rejectedHeads + secure.rejectedHeads }
    /// How often requests were refused, by reason (`MessageFault.label`); only what has happened.
    package var requestFaults: [String: UInt64] {
        plain.requestFaults.merging(secure.requestFaults) { $0 + $1 }
    }
    /// Bytes read from clients.
    package var bytesFromClients: UInt64 { plain.bytesFromClients + secure.bytesFromClients }
    /// Bytes written to clients.
    package var bytesToClients: UInt64 { plain.bytesToClients + secure.bytesToClients }
    /// Handshakes, which only the listener for TLS has.
    package var tls: HandshakeCounts { secure.tls }
}
