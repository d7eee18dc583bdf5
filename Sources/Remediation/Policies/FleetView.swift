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

    package var hosts: [Host]
    package var servers: [Server]
    /// The host that leads.
    package var leader: String
    /// Peers that do not reach a host's server either, by host.
    package var words: [String: Set<String>] = [:]

    /// A view from its parts.
    package init(hosts: [Host], servers: [Server], leader: String) {
        self.hosts = hosts
        self.servers = servers
        self.leader = leader
    }

    /// The entry of the list that each host serves by: the one at the address that its agent tells, else an active one of
    /// its name, else any. An entry that names nobody, or a host that there is not (any more), may be a host's all the same.
    package func serversByHost() -> [String: Server] {
        var found: [String: Server] = [:]
        for server in servers where !server.host.isEmpty {
            if server.state == .active || found[server.host] == nil { found[server.host] = server }
        }
        let names = Set(hosts.map(\.name))
        let byAddress = Dictionary(servers.map { ($0.address, $0) }) { first, _ in first }
        for host in hosts {
            guard let address = host.server, let server = byAddress[address] else { continue }
            if server.host == host.name || !names.contains(server.host) { found[host.name] = server }
        }
        return found
    }
}
