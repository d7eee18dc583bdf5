/// What clients did that came by one listener, all workers together.
package struct ListenerCounts: Sendable, Equatable {
    /// Connections that are open.
    package var open = 0
    /// Connections taken.
    package var accepted: UInt64 = 0
    /// Connections answered 503, or closed before their handshake, because of a limit.
    package var turnedAway: UInt64 = 0
    /// Connections answered 429, or closed before their handshake, because their client had too many.
    package var overClientLimit: UInt64 = 0
    /// Requests with a valid head.
    package var requests: UInt64 = 0
    /// Final responses with a status below 300.
    package var responses2xx: UInt64 = 0
    /// Final responses with a status from 300 on.
    package var responses3xx: UInt64 = 0
    /// Final responses with a status from 400 on.
    package var responses4xx: UInt64 = 0
    /// Final responses with a status from 500 on.
    package var responses5xx: UInt64 = 0
    /// How often requests were refused, by reason (`MessageFault.label`); only what has happened.
    package var requestFaults: [String: UInt64] = [:]
    /// Bytes read from clients.
    package var bytesFromClients: UInt64 = 0
    /// Bytes written to clients.
    package var bytesToClients: UInt64 = 0
    /// All zero where no TLS is spoken.
    package var tls = HandshakeCounts()

    /// Nothing counted yet.
    package init() {}

    /// Requests refused as malformed or too large.
    package var rejectedHeads: UInt64 { requestFaults.values.reduce(0, +) }
}

extension ListenerCounts {
    /// Final responses by the words that metrics have for classes of status.
    var byClass: [(name: String, count: UInt64)] {
        [("2xx", responses2xx), ("3xx", responses3xx), ("4xx", responses4xx), ("5xx", responses5xx)]
    }

    /// Adds what one worker counted.
    mutating func add(_ meters: UnsafePointer<ListenerMeters>) {
        open += Int(truncatingIfNeeded: meters.pointee.open.current)
        accepted += meters.pointee.accepted.current
        turnedAway += meters.pointee.turnedAway.current
        overClientLimit += meters.pointee.overClientLimit.current
        requests += meters.pointee.requests.current
        responses2xx += meters.pointee.responses2xx.current
        responses3xx += meters.pointee.responses3xx.current
        responses4xx += meters.pointee.responses4xx.current
        responses5xx += meters.pointee.responses5xx.current
        meters.pointee.requestFaults.add(to: &requestFaults)
        bytesFromClients += meters.pointee.bytesFromClients.current
        bytesToClients += meters.pointee.bytesToClients.current
        tls.add(meters)
    }
}
