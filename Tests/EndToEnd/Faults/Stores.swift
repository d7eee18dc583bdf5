import Fixtures
import Linux
import Testing

/// A master, two replicas and three Sentinels with the settings of docs/failover.md, on loopback or on hosts of a network.
final class Stores: Sendable {
    let servers: [RedisServer]
    let sentinels: [SentinelServer]
    private let addresses: [String]

    /// What the settings make of the quarantine: the replicas' lag, a second, and a lease.
    static let quarantine = "4s"
    private static let settleMilliseconds: Int64 = 60_000

    /// Starts all of it, the first server as the master.
    init(on network: NetworkOfHosts? = nil) async throws {
        let hosts = network?.names ?? ["a", "b", "c"]
        let addresses = hosts.indices.map { network == nil ? "127.0.0.1" : "10.9.0.\($0 + 2)" }
        self.addresses = addresses
        var lines = ["min-replicas-to-write 1", "min-replicas-max-lag 2", "repl-diskless-sync-delay 0"]
        if network != nil { lines += ["bind 0.0.0.0", "protected-mode no"] }
        var servers: [RedisServer] = []
        for host in hosts {
            let more = servers.first.map { ["replicaof \(addresses[0]) \($0.port)"] } ?? []
            let namespace = network?.namespace(host)
            servers.append(try RedisServer(configuration: lines + more, namespace: namespace))
        }
        self.servers = servers
        let (port, address) = (servers[0].port, addresses[0])
        sentinels = try hosts.map { host in
            try SentinelServer(
                at: port, on: address, quorum: 2, downAfterMilliseconds: 1000,
                configuration: ["sentinel resolve-hostnames no"], namespace: network?.namespace(host))
        }
        try await settle(master: 0)
    }

    /// The section `redis` of an agent's configuration.
    var lines: String {
        let list = zip(addresses, sentinels).map { "\"\($0):\($1.port)\"" }.joined(separator: ", ")
        return "{sentinel: {endpoints: [\(list)], master: mymaster}}"
    }

    /// The index of the one server among these that says that it is the master; nil for none, or for two.
    func master(among indices: [Int]) -> Int? {
        let masters = indices.filter { index in
            (try? servers[index].command("INFO", "replication"))?.contains("role:master") ?? false
        }
        return masters.count == 1 ? masters.first : nil
    }

    /// Waits until the others follow a master, and every Sentinel knows of all.
    func settle(master: Int) async throws {
        let isSettled = await eventually(within: Stores.settleMilliseconds) {
            guard self.master(among: Array(servers.indices)) == master,
                let text = try? servers[master].command("INFO", "replication")
            else { return false }
            return text.split(separator: "state=online").count == servers.count
                && sentinels.allSatisfy { $0.knowsAll(servers.count) }
        }
        try #require(isSettled, "\(sentinels.map(\.log))")
    }
}

extension SentinelServer {
    /// Whether it has found as many Sentinels and servers, and none of them is down in its eyes.
    fileprivate func knowsAll(_ count: Int) -> Bool {
        guard let text = try? command("INFO", "sentinel") else { return false }
        return text.contains("status=ok") && text.contains("slaves=\(count - 1),sentinels=\(count)")
    }
}
