package import Linux
package import Proxy
package import Remediation
package import Store

/// Everything an agent is told at its start: the file, the environment over it, defaults for the rest.
package struct Configuration: Sendable, Equatable {
    /// The name all agents of one troop share; it is part of every Redis key.
    package var cluster: String
    /// Who this host is.
    package var host: Host
    /// Where agents will prove to each other that they live; not opened yet.
    package var peer: Peer
    /// The folder for what must survive a restart.
    package var state: String
    /// The store and how to reach it.
    package var redis: Redis
    /// Where status is asked for.
    package var api: API
    /// The application on this host; nil where the host serves none.
    package var server: Server?
    /// The HTTP proxy, on the leader or on every agent.
    package var proxy: Proxy
    /// The times of the lease.
    package var election: Election
    /// What is measured.
    package var metrics: Metrics
    /// What is logged.
    package var log: Log
    /// What follows a change of leader outside this agent.
    package var failover = Failover()
    /// The two policies and their guard rails.
    package var remediation = RemediationSettings()
    /// What launches and reboots machines; nil: nothing does.
    package var provider: ProviderChoice?
    /// What prepares machines.
    package var steps = Steps()
    /// Who is told of events.
    package var notify = Notify()
    /// What is allowed but looks wrong, a line each; to be logged once at the start.
    package var warnings: [String]
}

extension Configuration {
    /// Who this host is.
    package struct Host: Sendable, Equatable {
        /// The name in reports and in the lease: 1 to 63 of `A-Z a-z 0-9 . _ -`.
        package var name: String
        /// The numeric address other hosts reach this one at, canonical, without brackets.
        package var address: String
        /// The program that reboots this host; nil for the file that systemd watches.
        package var rebootCommand: [String]?
        /// A file with another text after each boot; nil for the kernel's boot id.
        package var bootIDFile: String?
    }

    /// Where agents will prove to each other that they live.
    package struct Peer: Sendable, Equatable {
        /// The listener of that proof.
        package var listen: SocketAddress
    }

    /// The store and how to reach it.
    package struct Redis: Sendable, Equatable {
        /// Who tells where the master is; nil: it is where the URL says.
        package var sentinel: Sentinel?
        /// `redis://`, `rediss://` or `unix://`; with `sentinel` its address does not count. It may hold a password and is never shown whole.
        package var url: StoreURL
        /// The ACL user; overrides the one in the URL.
        package var user: String?
        /// The password, from the environment or from `password_file`; overrides the one in the URL.
        package var password: Secret?
        /// How the server is recognised over TLS.
        package var tls: TLS
    }

    /// How the Redis server is recognised over TLS, and how this agent proves itself.
    package struct TLS: Sendable, Equatable {
        /// Certificates trusted to sign the server's; the system's when nil.
        package var caFile: String?
        /// This agent's certificate; always together with `keyFile`.
        package var certificateFile: String?
        /// The private key of `certificateFile`.
        package var keyFile: String?
        /// The name the server's certificate must carry; the URL's host when nil.
        package var serverName: String?
        /// False accepts every certificate.
        package var verify: Bool
    }

    /// Where status is asked for.
    package struct API: Sendable, Equatable {
        /// The read-only TCP listener.
        package var listen: SocketAddress
        /// The unix socket of the command line.
        package var socket: String
        /// What clients of the TCP listener must show; nil where it is open to everyone who reaches it.
        package var token: Secret?
        /// Names under which the TCP listener may be asked, besides addresses, `localhost` and the host's name.
        package var hosts: [String] = []
    }

    /// The application on this host.
    package struct Server: Sendable, Equatable {
        /// The application's own address; it is registered with `host.address` and this port.
        package var listen: SocketAddress
        /// The path that health checks ask for.
        package var health: String
        /// The share of requests, against other servers' weights.
        package var weight: Int
        /// The program that starts the application (again); nil where it starts by itself.
        package var start: [String]?
    }

    /// The HTTP proxy.
    package struct Proxy: Sendable, Equatable {
        /// Which agents run it.
        package enum Run: String, Sendable, Equatable, CaseIterable {
            case leader, every
        }

        /// What a request's or response's head may measure.
        package struct Limits: Sendable, Equatable {
            /// The whole head, in bytes.
            package var headBytes: Int64 = 0
            /// The number of fields.
            package var fields: Int = 0
            /// The request target, in bytes.
            package var uriBytes: Int64 = 0

            package init() {}

            /// Limits in bytes, fields and bytes.
            package init(headBytes: Int64, fields: Int, uriBytes: Int64) {
                self.headBytes = headBytes
                self.fields = fields
                self.uriBytes = uriBytes
            }
        }

        /// The address clients connect to.
        package var listen: SocketAddress
        /// The number of worker threads.
        package var workers: Int
        /// Which agents run the proxy.
        package var run: Run
        /// Connections of clients accepted at once, over all workers.
        package var maxConnections: Int
        /// How long open connections may go on at an agent that was upgraded.
        package var handoverDrainMilliseconds: Int64
        /// What a request or response may measure.
        package var limits: Limits
        /// The time between two health checks of a server.
        package var healthIntervalMilliseconds: Int64
        /// How long a health check may take.
        package var healthTimeoutMilliseconds: Int64
        /// Good checks in a row that return a server.
        package var rise: Int
        /// Failed checks in a row that take a server out.
        package var fall: Int
        /// How long a connect to a server may take.
        package var connectTimeoutMilliseconds: Int64
        /// How long a server may take to begin its answer.
        package var firstByteTimeoutMilliseconds: Int64
        /// How long an idle client connection is kept.
        package var idleTimeoutMilliseconds: Int64
        /// How long a client may take to send a whole request head.
        package var headTimeoutMilliseconds: Int64
        /// How long either side may pause within a body.
        package var bodyTimeoutMilliseconds: Int64
        /// The statuses that pass a health check.
        package var healthStatus = 200..<400
        /// A text that the answer to a health check must contain.
        package var healthBody: String?
        /// How requests are shared out among servers; what is said of a worker there is said of all here.
        package var balancing = BalancingSettings()
        /// What a single client or exchange may take.
        package var defence = DefenceSettings()
        /// Where requests are logged; nil logs none.
        package var accessLog: AccessLogSettings?
        /// What servers are told of clients, and which proxies are believed.
        package var forwarding: ForwardingSettings
        /// TLS with clients; nil: plain HTTP only.
        package var tls: ClientTLSSettings?
        /// TLS with servers; nil: plain HTTP.
        package var serverTLS: ServerTLSSettings?
        /// Protocols that clients may upgrade their connections to.
        package var upgrades = UpgradeSettings()
    }

    /// The times of the lease; `renew + 2 * commandTimeout + margin < ttl`, less clock drift, always holds.
    package struct Election: Sendable, Equatable {
        /// The safety margin of the rule above.
        package static let marginMilliseconds: Int64 = 50

        /// How long a lease lives without renewal.
        package var ttlMilliseconds: Int64
        /// How often the leader renews.
        package var renewMilliseconds: Int64
        /// How long one command of the elector may take.
        package var commandTimeoutMilliseconds: Int64
        /// How long nobody may lead after a store was found wiped or replaced.
        package var quarantineMilliseconds: Int64
        /// 0 to 100: of several candidates the one with more asks a little earlier.
        package var priority: Int
        /// This host never stands for election.
        package var neverLeads: Bool
        /// The priority of a host for which nobody chose another.
        package static let priorityDefault = 50
    }

    /// What is measured.
    package struct Metrics: Sendable, Equatable {
        /// Whose CPU and memory are reported.
        package enum Scope: Sendable, Equatable {
            case host
            /// The agent's own group when the path is nil.
            case cgroup(path: String?)
            case process(pidFile: String)
        }

        /// Whose CPU and memory are reported.
        package var scope: Scope
        /// The cores that count as 100 % in scopes `cgroup` and `process`; the group's or the machine's when nil.
        package var cpuAllowance: Double?
        /// How many of the greediest processes are told of.
        package var top = 0
        /// The memory for the history of all hosts, in bytes.
        package var historyBudget = Configuration.Metrics.historyBudgetDefault
        /// 64 MiB.
        package static let historyBudgetDefault = 64 << 20
    }

    /// What is logged.
    package struct Log: Sendable, Equatable {
        /// How much is logged, from most to least; the names are swift-log's.
        package enum Level: String, Sendable, Equatable, CaseIterable {
            case trace, debug, info, notice, warning, error, critical
        }

        /// The least severe message that is written.
        package var level: Level
    }
}
