/// The key schema: every key that Troop has in Redis. `docs/redis-keys.md` describes fields and writers.
///
/// All keys share one hash tag, the cluster's, so that one script may touch any of them on any kind of
/// server.
package struct Keys: Sendable, Equatable {
    /// The part of a key after the prefix; names that end in a colon are completed by a host or an
    /// identifier.
    package enum Name: String, CaseIterable, Sendable {
        case lease
        case epoch
        case store
        case quarantine
        case handover
        case history
        case host = "host:"
        case hosts
        case servers
        case serversGeneration = "servers:gen"
        case events
        case news
        case traffic
        case flags
        case flagsHistory = "flags:history"
        case config
        case operation = "op:"
        case operations = "ops"
        case operationsHistory = "ops:history"
        case operationsOpened = "ops:opened"
        case monkeys
        case commands
        case command = "command:"
        case orders = "orders:"
        case suspects
        case witnesses = "suspects:words"
    }

    /// What all keys begin with: `troop:{<cluster>}:`.
    package let prefix: String

    /// The keys of one cluster; the name has been validated ([A-Za-z0-9._-], 1 to 63 characters).
    package init(cluster: String) { prefix = "troop:{\(cluster)}:" }

    /// String with expiry: the leader's token `host:nonce:epoch`. Also the channel on which elections and
    /// releases are told.
    package var lease: String { key(.lease) }
    /// String: the highest epoch ever given out.
    package var epoch: String { key(.epoch) }
    /// String `RUN_ID TTL`: the Redis that last served an election, and the longest lease time to live in use;
    /// another run id means a restarted store.
    package var store: String { key(.store) }
    /// String with expiry: while it lives nobody new is elected, since the store may have lost a lease.
    package var quarantine: String { key(.quarantine) }
    /// String with expiry: the one host that may take a lease just released.
    package var handover: String { key(.handover) }
    /// Stream: each change of leader.
    package var history: String { key(.history) }
    /// Hash with expiry: the latest report of a host.
    package func host(_ name: String) -> String { key(.host) + name }
    /// Sorted set: host names by the time of their last report, in Redis's clock.
    package var hosts: String { key(.hosts) }
    /// Hash: the server list, `address:port` to JSON or to the empty text.
    package var servers: String { key(.servers) }
    /// String: marks a server list that has not been lost since it was written.
    package var serversGeneration: String { key(.serversGeneration) }
    /// Stream: what people want to read afterwards.
    package var events: String { key(.events) }
    /// Channel, no key: hints to look again at once.
    package var news: String { key(.news) }
    /// String with expiry: the proxy's live numbers, for every agent's status.
    package var traffic: String { key(.traffic) }
    /// Hash: feature flags, each as flagd JSON.
    package var flags: String { key(.flags) }
    /// Stream: each change of a flag.
    package var flagsHistory: String { key(.flagsHistory) }
    /// Hash: policy settings of the whole cluster, pauses, holds, quarantine.
    package var config: String { key(.config) }
    /// Hash: one operation; expires after it has ended.
    package func operation(_ id: String) -> String { key(.operation) + id }
    /// Stream with expiry: what the playbooks of one operation printed.
    package func operationLog(_ id: String) -> String { key(.operation) + id + ":log" }
    /// Sorted set: operations under way.
    package var operations: String { key(.operations) }
    /// Stream: operations that ended.
    package var operationsHistory: String { key(.operationsHistory) }
    /// Sorted set: when operations were opened, for the budgets.
    package var operationsOpened: String { key(.operationsOpened) }
    /// String with expiry: what the leader's policies see, think and would do.
    package var monkeys: String { key(.monkeys) }
    /// Stream: what people ask of the leader.
    package var commands: String { key(.commands) }
    /// Hash with expiry: one command's outcome.
    package func command(_ id: String) -> String { key(.command) + id }
    /// Stream: what the leader asks of one host's agent.
    package func orders(_ host: String) -> String { key(.orders) + host }
    /// String with expiry: hosts that the leader takes for gone, and the peers it asks about them.
    package var suspects: String { key(.suspects) }
    /// Hash with expiry: which peer does not reach which of them.
    package var witnesses: String { key(.witnesses) }

    private func key(_ name: Name) -> String { prefix + name.rawValue }
}
