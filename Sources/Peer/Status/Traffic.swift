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

    /// No counter is larger: there is room to add up those of all servers.
    private static let countMax: Int64 = 1 << 48

    /// Reads what `json` wrote, with counters that can be reckoned with; throws what cannot be read.
    package init(json: [UInt8]) throws {
        self = try QuickDecoder.document(Traffic.self, from: json)
        func bounded(_ count: Int64) -> Int64 { min(max(count, 0), Traffic.countMax) }
        for index in servers.indices {
            servers[index].requests = bounded(servers[index].requests)
            servers[index].errors = bounded(servers[index].errors)
            servers[index].inFlight = bounded(servers[index].inFlight)
        }
    }
}
