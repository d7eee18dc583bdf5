/// The troop as the policies see it at one moment.
package struct FleetView: Sendable {
    /// One host.
    package struct Host: Sendable {
        package var name: String
        /// The report's sequence number: one that does not move tells nothing new.
        package var seq: String
        /// Whether reports come in time.
        package var isFresh: Bool
        /// Busy share of the CPUs without the agent's own part, 0…1; nil when unknown.
        package var busy: Double?
        package var bootID: String
        /// Where its application listens, `address:port`, as its agent says; nil where it runs none.
        package var server: String?

        /// A host from its parts.
        package init(
            name: String, seq: String, isFresh: Bool, busy: Double?, bootID: String = "",
            server: String? = nil
        ) {
            self.name = name
            self.seq = seq
            self.isFresh = isFresh
            self.busy = busy
            self.bootID = bootID
            self.server = server
        }
    }

    /// One server of the list.
    package struct Server: Sendable {
        package enum State: String, Sendable, Codable { case active, draining, out }

        package var address: String
        /// The host it runs on; empty when nobody said.
        package var host: String
        package var state: State
        /// Whether the leader's health checks pass; nil while nobody knows.
        package var isHealthy: Bool?
        /// Who wrote the entry.
        package var by: String

        /// A server from its parts.
        package init(
            address: String, host: String, state: State = .active, isHealthy: Bool? = true,
            by: String = "agent"
        ) {
            self.address = address
            self.host = host
            self.state = state
            self.isHealthy = isHealthy
            self.by = by
        }
    }

    package let hosts: [Host]
    package let servers: [Server]
    /// The host that leads.
    package let leader: String
    /// Peers that do not reach a host's server either, by host.
    package var words: [String: Set<String>] = [:]
    /// Where in `servers` the entry stands that each of `hosts` serves by; nil for one that serves by none.
    private let places: [Int?]

    /// A view from its parts.
    package init(hosts: [Host], servers: [Server], leader: String) {
        self.hosts = hosts
        self.servers = servers
        self.leader = leader
        places = FleetView.places(of: hosts, in: servers)
    }

    /// The entry that a host serves by, the host being one of `hosts` by its place there; nil for none.
    package func server(at place: Int) -> Server? { places[place].map { servers[$0] } }

    /// The entry that a host serves by, reporting or not; nil for none.
    package func server(of host: String) -> Server? {
        if let place = hosts.firstIndex(where: { $0.name == host }) { return server(at: place) }
        return servers.last { $0.host == host && $0.state == .active } ?? servers.first { $0.host == host }
    }

    /// The entry of the list that each host serves by: the one at the address that its agent tells, else an active one of
    /// its name, else any. An entry that names nobody, or a host that there is not (any more), may be a host's all the same.
    private static func places(of hosts: [Host], in servers: [Server]) -> [Int?] {
        let numbers = Dictionary(hosts.indices.map { (hosts[$0].name, $0) }) { first, _ in first }
        var found = [Int?](repeating: nil, count: hosts.count)
        for index in servers.indices where !servers[index].host.isEmpty {
            guard let number = numbers[servers[index].host] else { continue }
            if found[number] == nil || servers[index].state == .active { found[number] = index }
        }
        // Seldom asked for: most hosts serve where the list says so under their names.
        var addresses: [String: Int]?
        for number in hosts.indices {
            guard let address = hosts[number].server else { continue }
            if let index = found[number], servers[index].address == address { continue }
            let known =
                addresses
                ?? Dictionary(servers.indices.map { (servers[$0].address, $0) }) { first, _ in first }
            addresses = known
            guard let index = known[address] else { continue }
            let owner = servers[index].host
            if owner == hosts[number].name || numbers[owner] == nil { found[number] = index }
        }
        return found
    }
}
