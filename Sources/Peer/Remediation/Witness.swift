import Election
import Glibc
import Linux
package import Proxy
package import Store

/// Hosts that the leader takes for gone, and the peers that are asked whether they reach them.
struct Suspects: Codable, Sendable, Equatable {
    struct Suspect: Codable, Sendable, Equatable {
        var host: String
        /// `address:port` of its server.
        var server: String
    }

    var ask: [String]
    var suspects: [Suspect]

    /// Peers that are asked, and hosts that they are asked about, at a time.
    static let askedMax = 5
    static let suspectsMax = 20
    /// How long the question stands, in milliseconds.
    static let lifeMilliseconds: Int64 = 10_000
    /// A word that is older says nothing any more, in milliseconds.
    static let wordMilliseconds: Int64 = 15_000
}

/// One agent's word on whether it reaches the servers of hosts that the leader takes for gone: the leader's own network may be
/// what is broken.
package actor Witness {
    private let store: Store
    private let keys: Keys
    private let host: String
    private let health: HealthSettings
    private var isBusy = false

    /// What is told on `news` when the leader asks.
    package static let hint = "suspects"

    /// A witness on one host; `health` is how servers are checked.
    package init(store: Store, keys: Keys, host: String, health: HealthSettings) {
        var health = health
        (health.rise, health.fall) = (1, 1)
        (self.store, self.keys, self.host, self.health) = (store, keys, host, health)
    }

    /// Answers the leader's question, when this host is asked.
    package func look() async {
        guard !isBusy, let text = try? await store.call(Command("GET", keys.suspects)).text,
            let question = try? JSONForm.document(Suspects.self, from: Array(text.utf8)),
            question.ask.contains(host)
        else { return }
        isBusy = true
        defer { isBusy = false }
        var servers: [String: SocketAddress] = [:]
        for suspect in question.suspects.prefix(Suspects.suspectsMax) where suspect.host != host {
            servers[suspect.host] = try? SocketAddress(suspect.server)
        }
        guard !servers.isEmpty else { return }
        let seen = await ControlLine.blocking(named: "troop-witness") { [health, servers] in
            Witness.look(at: Array(servers.values), health)
        }
        for (name, server) in servers {
            let word: String
            switch seen[server] {
            case .unhealthy: word = "1"
            case .healthy: word = "0"
            case .unknown, nil: continue
            }
            _ = try? await store.run(
                Witness.say, keys: [keys.witnesses],
                arguments: ["\(name)|\(host)", word, "\(Suspects.wordMilliseconds * 2)"])
        }
    }

    /// One check of each server, on this thread.
    private static func look(
        at servers: [SocketAddress], _ health: HealthSettings
    ) -> [SocketAddress: HealthState] {
        guard let checker = try? HealthChecker(health, onChange: { _ in }) else { return [:] }
        defer { checker.stop() }
        checker.watch(servers)
        let deadline = Instant.now().advanced(milliseconds: Int64(health.timeoutMilliseconds) + 500)
        while Instant.now() < deadline,
            checker.states().values.count(where: { $0 != .unknown }) < servers.count
        {
            usleep(10_000)
        }
        return checker.states()
    }

    /// KEYS: 1 suspects:words; ARGV: 1 `suspect|peer` 2 1 for a server that is not reached, else 0 3 life in ms.
    static let say = Script(
        name: "witness-say",
        body: """
            if ARGV[2] == '1' then
              local time = redis.call('TIME')
              redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))
              redis.call('PEXPIRE', KEYS[1], ARGV[3])
            else
              redis.call('HDEL', KEYS[1], ARGV[1])
            end
            return 1
            """)

    /// KEYS: 1 lease 2 suspects 3 news; ARGV: 1 token 2 JSON 3 life in ms.
    static let ask = Script(
        name: "witness-ask",
        body: Fence.prologue + """

            redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
            redis.call('PUBLISH', KEYS[3], 'suspects')
            return 1
            """)
}
