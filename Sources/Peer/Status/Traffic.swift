/// The leader's live numbers of each server, published as JSON under the key `traffic` each second, so that
/// every agent can show them.
package struct Traffic: Codable, Equatable, Sendable {
    /// One server's numbers since the leader's proxy started.
    package struct Server: Codable, Equatable, Sendable {
        package var address: String
        package var healthy: Bool
        package var requests: Int64
        package var errors: Int64
        package var inFlight: Int64
        package var p50: Double?
        package var p90: Double?
        package var p99: Double?
    }

    /// The epoch of the leader that wrote this.
    package var epoch: Int64
    /// Every server of the leader's routing table.
    package var servers: [Server]

    /// How long it is kept without being renewed, in milliseconds.
    package static let expiryMilliseconds: Int64 = 5000
}

extension Traffic {
    /// The numbers as JSON, for thousands of servers; nil only for numbers that no JSON can hold.
    package var json: [UInt8]? { QuickEncoder.bytes(self, capacity: 64 + 160 * servers.count) }

    /// Reads what `json` wrote; throws what cannot be read.
    package init(json: [UInt8]) throws { self = try QuickDecoder.document(Traffic.self, from: json) }
}
