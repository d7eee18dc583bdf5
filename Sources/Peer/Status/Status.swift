/// The troop as one agent sees it: the JSON of `GET /v1/status` and of `troop status -o json`.
///
/// Numbers that are unknown are null. `leader` is null when there is none, or when it cannot be known.
package struct Status: Codable, Equatable, Sendable {
    /// The store, as the answering agent reaches it.
    package struct Store: Codable, Equatable, Sendable {
        /// Whether Redis answered this agent just now.
        package var reachable: Bool
        /// What is wrong, in one line; null when it is reachable.
        @OrNull package var error: String?
        /// How old everything below is, in milliseconds; null when the store was never read.
        @OrNull package var ageMs: Int64?
    }

    /// The agent that answered.
    package struct Agent: Codable, Equatable, Sendable {
        package var host: String
        package var version: String
        /// `leader`, `follower`, `candidate` or `limbo`.
        package var election: String
        /// Whether its proxy takes connections.
        package var serving: Bool
        /// Where its proxy listens while it serves.
        package var proxy: String
        /// CPU time of the last tick (sample and report) in microseconds; null before the first.
        @OrNull package var tickUs: Int64?
    }

    /// The holder of the lease.
    package struct Leader: Codable, Equatable, Sendable {
        package var host: String
        package var epoch: Int64
        /// Milliseconds since the lease was last renewed.
        @OrNull package var leaseAgeMs: Int64?
    }

    /// One host and its latest report.
    package struct Host: Codable, Equatable, Sendable {
        package var name: String
        package var address: String
        /// `leader` or `standby`, by the lease and not by what the host believes; `unknown` while no leader is.
        package var role: String
        /// `up`, `late` (reports are missing) or `lost` (silent for long).
        package var state: String
        /// Busy share of the CPUs, 0…1.
        @OrNull package var cpu: Double?
        @OrNull package var steal: Double?
        @OrNull package var iowait: Double?
        @OrNull package var cores: Int?
        /// Share of the memory in use, 0…1.
        @OrNull package var memory: Double?
        @OrNull package var memoryTotalBytes: UInt64?
        @OrNull package var memoryAvailableBytes: UInt64?
        @OrNull package var load1: Double?
        @OrNull package var load5: Double?
        @OrNull package var load15: Double?
        @OrNull package var pressureCpuSome: Double?
        @OrNull package var pressureMemorySome: Double?
        @OrNull package var pressureIoSome: Double?
        /// Bytes a second.
        @OrNull package var networkReceived: Double?
        @OrNull package var networkSent: Double?
        @OrNull package var diskRead: Double?
        @OrNull package var diskWritten: Double?
        /// The busy share of the busiest disk and the used share of the fullest file system, 0…1.
        @OrNull package var diskBusy: Double?
        @OrNull package var filesystemUsed: Double?
        @OrNull package var reportAgeMs: Int64?
        @OrNull package var agentVersion: String?
    }

    /// One server of the list with what the proxy knows of it.
    package struct Server: Codable, Equatable, Sendable {
        /// Milliseconds from the request's arrival to the answer's last byte, over the last minute.
        package struct Latency: Codable, Equatable, Sendable {
            @OrNull package var p50: Double?
            @OrNull package var p90: Double?
            @OrNull package var p99: Double?
        }

        package var address: String
        package var host: String
        /// `active`, `draining` or `out`.
        package var state: String
        package var weight: Int
        /// Whether the leader's health checks pass; null when nobody checks.
        @OrNull package var healthy: Bool?
        @OrNull package var requests: Int64?
        @OrNull package var errors: Int64?
        @OrNull package var inFlight: Int64?
        package var latencyMs: Latency
        package var reason: String
        package var by: String
    }

    package var cluster: String
    package var store: Store
    package var agent: Agent
    @OrNull package var leader: Leader?
    package var hosts: [Host]
    package var servers: [Server]
    /// Operations under way; null while no leader tells.
    @OrNull package var operations: [OperationLine]?
    /// What somebody should mend: malformed entries, a port in use, …; one line each.
    package var notices: [String]
}

extension Status {
    /// The status as JSON, for troops of thousands of hosts; nil only for numbers that no JSON can hold.
    package var json: [UInt8]? {
        var rest = self
        rest.hosts = []
        guard let rows = HostRows.bytes(hosts), let frame = QuickEncoder.bytes(rest),
            let place = frame.firstRange(of: Status.noHosts)
        else { return nil }
        return frame[..<place.lowerBound] + Status.hostsLabel + rows + frame[place.upperBound...]
    }

    /// Within a text a quotation mark stands behind a backslash: this can only be the member itself.
    private static let noHosts = Array("\"hosts\":[]".utf8)
    private static let hostsLabel = Array("\"hosts\":".utf8)

    /// Reads what `json` wrote; throws what cannot be read.
    package init(json: [UInt8]) throws {
        let isWanted = { (member: JSONMembers.Slice) in member.name.elementsEqual("hosts".utf8) }
        guard let rows = JSONMembers.slices(of: json[...].trimmingLineEnd).first(where: isWanted)?.value
        else {
            throw HostRows.Fault(what: "no hosts")
        }
        let frame = json[..<rows.startIndex] + "[]".utf8 + json[rows.endIndex...]
        self = try QuickDecoder.document(Status.self, from: Array(frame))
        hosts = try HostRows.hosts(rows)
    }

    /// How the troop fares, for exit codes and colours.
    package enum Verdict: Equatable, Sendable {
        case fine
        case degraded(String)
        case noLeader
        case storeUnreachable
    }

    /// The verdict on this status.
    package var verdict: Verdict {
        guard store.reachable else { return .storeUnreachable }
        guard let leader else { return .noLeader }
        if !hosts.contains(where: { $0.name == leader.host }) {
            return .degraded("the leader \(leader.host) has never reported")
        }
        let silent = hosts.filter { $0.state != "up" }.map(\.name)
        if !silent.isEmpty { return .degraded("no fresh report from \(silent.joined(separator: ", "))") }
        let sick = servers.filter { $0.state == "active" && $0.healthy == false }.map(\.address)
        if !sick.isEmpty { return .degraded("unhealthy: \(sick.joined(separator: ", "))") }
        if !servers.contains(where: { $0.state == "active" }) { return .degraded("no active server") }
        return notices.first.map { .degraded($0) } ?? .fine
    }
}

extension ArraySlice<UInt8> {
    /// Without the newlines at its end.
    fileprivate var trimmingLineEnd: ArraySlice<UInt8> {
        var end = endIndex
        while end > startIndex, self[end - 1] == UInt8(ascii: "\n") { end -= 1 }
        return self[..<end]
    }
}
