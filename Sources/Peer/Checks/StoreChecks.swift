/// Judges what a store says of itself: what keeps the troop's promises from holding, and what to change.
struct StoreChecks {
    /// What of the configuration the judgement depends on.
    struct Terms: Sendable, Equatable {
        var usesSentinel: Bool
        var ttlMilliseconds: Int64
        var quarantineMilliseconds: Int64
        var commandTimeoutMilliseconds: Int64
    }

    /// The oldest version that has what the agent asks for: ranges of streams without their ends, rights to channels.
    static let versionMin = [6, 2]
    /// Connections are short from this share of `maxclients` on, in percent.
    static let clientsPercentMax: Int64 = 80
    static let memoryPercentMax: Int64 = 90
    /// Two clocks may be apart so far, in milliseconds; more is of no harm to the election, but to whoever reads times.
    static let clockMillisecondsMax: Int64 = 2000

    private let facts: StoreFacts
    private let terms: Terms
    private let info: [String: String]
    private let settings: [String: String]
    private var findings: [Finding] = []

    /// The findings, in the order of what matters most.
    static func findings(_ facts: StoreFacts, _ terms: Terms) -> [Finding] {
        var checks = StoreChecks(facts, terms)
        checks.judge()
        return checks.findings
    }

    private init(_ facts: StoreFacts, _ terms: Terms) {
        self.facts = facts
        self.terms = terms
        if case .known(let info) = facts.info { self.info = info } else { info = [:] }
        if case .known(let settings) = facts.settings { self.settings = settings } else { settings = [:] }
    }

    private mutating func judge() {
        rights()
        server()
        memory()
        clients()
        persistence()
        replicas()
        times()
    }

    private mutating func add(_ subject: String, _ verdict: Finding.Verdict, _ text: String) {
        findings.append(Finding("redis \(subject)", verdict, text))
    }

    private func number(_ name: String) -> Int64? { info[name].flatMap { Int64($0) } }

    /// A setting by `CONFIG GET`, else by what `INFO` calls it.
    private func setting(_ name: String, orInfo field: String? = nil) -> String? {
        settings[name] ?? field.flatMap { info[$0] }
    }

    private mutating func rights() {
        switch facts.missingRights {
        case .known(let missing) where missing.isEmpty:
            add("rights", .fine, "this user may do what an agent needs")
        case .known(let missing):
            add(
                "rights", .failed,
                "this user may not use \(missing.joined(separator: ", ")); add the ACL line of docs/redis-keys.md"
            )
        case .refused(let why):
            add(
                "rights", .fine,
                "not tried, which takes +multi and +discard (\(why)); a refusal shows in 'troop status'")
        }
        if case .refused(let why) = facts.info {
            add(
                "info", .failed,
                "INFO is refused (\(why)), and every election needs it; add +info to this user's rights")
        }
        if case .refused(let why) = facts.settings {
            add(
                "settings", .fine,
                "CONFIG GET is refused (\(why)): settings that INFO does not show were not looked at; run 'troop check' once with a user that has +config|get"
            )
        }
    }

    private mutating func server() {
        if let version = info["redis_version"] {
            let numbers = version.split(separator: ".").prefix(2).compactMap { Int($0) }
            if numbers.count == 2, numbers.lexicographicallyPrecedes(StoreChecks.versionMin) {
                add(
                    "version", .failed,
                    "Redis \(version) is too old; upgrade it to 6.2 or later (7.0 is tested)")
            } else {
                add("version", .fine, "Redis \(version)")
            }
        }
        if info["cluster_enabled"] == "1" {
            add("mode", .failed, "Redis Cluster is not supported; use one server, or Sentinel")
        }
        if info["role"] == "slave" {
            add("role", .failed, "this is a replica; redis.url must name the master, or use redis.sentinel")
        }
    }

    private mutating func memory() {
        guard let policy = setting("maxmemory-policy", orInfo: "maxmemory_policy") else { return }
        let limit = number("maxmemory") ?? 0
        if policy != "noeviction" {
            let effect =
                limit > 0
                ? "Redis may throw the lease away" : "with a maxmemory Redis could throw the lease away"
            add(
                "eviction", limit > 0 ? .failed : .warning,
                "maxmemory-policy is \(policy): \(effect); CONFIG SET maxmemory-policy noeviction")
        } else {
            add("eviction", .fine, "maxmemory-policy is noeviction")
        }
        if limit > 0, let used = number("used_memory"), used > limit / 100 * StoreChecks.memoryPercentMax {
            add(
                "memory", .warning,
                "\(used / 1_048_576) of \(limit / 1_048_576) MiB are used; when they are full nobody can be elected: raise maxmemory"
            )
        }
    }

    private mutating func clients() {
        guard let most = setting("maxclients", orInfo: "maxclients").flatMap({ Int64($0) }),
            let now = number("connected_clients")
        else { return }
        let text = "\(now) of \(most) connections are open"
        if now > most / 100 * StoreChecks.clientsPercentMax {
            add(
                "clients", .warning,
                "\(text); an agent needs three, raise maxclients and the server's LimitNOFILE")
        } else {
            add("clients", .fine, text)
        }
    }

    private mutating func persistence() {
        if info["aof_last_write_status"] == "err" {
            add(
                "persistence", .failed,
                "the last write to the append-only file failed; free its disk, see Redis's log")
        }
        let stops = settings["stop-writes-on-bgsave-error"] != "no"
        if info["rdb_last_bgsave_status"] == "err", stops, settings["save"] != "" {
            add(
                "persistence", .failed,
                "the last snapshot failed, and Redis refuses writes until one succeeds; free its disk, see Redis's log"
            )
        }
        let appends = setting("appendonly").map { $0 == "yes" } ?? info["aof_enabled"].map { $0 == "1" }
        guard let appends else { return }
        guard appends else {
            let saves = settings["save"].map { !$0.isEmpty }
            let text =
                saves == false
                ? "nothing is kept on disk" : "only snapshots are kept on disk (appendonly is no)"
            add(
                "persistence", .warning,
                "\(text): a restart of Redis costs an election, and what was paused, held or asked for since; CONFIG SET appendonly yes"
            )
            return
        }
        let isSlow = settings["appendfsync"] == "always"
        if isSlow {
            add(
                "persistence", .warning,
                "appendfsync is always: each renewal of the lease waits for the disk; CONFIG SET appendfsync everysec"
            )
        } else if settings["no-appendfsync-on-rewrite"] == "no" {
            add(
                "persistence", .warning,
                "no-appendfsync-on-rewrite is no: a rewrite of the append-only file can hold renewals up until the lease is lost; CONFIG SET no-appendfsync-on-rewrite yes"
            )
        } else {
            add("persistence", .fine, "the append-only file is written")
        }
    }

    private mutating func replicas() {
        let wanted = settings["min-replicas-to-write"].flatMap { Int64($0) }
        let lagSeconds = settings["min-replicas-max-lag"].flatMap { Int64($0) }
        if let wanted, wanted > 0, let good = number("min_slaves_good_slaves"), good < wanted {
            add(
                "replicas", .failed,
                "\(good) of \(wanted) replicas that min-replicas-to-write asks for are in step: Redis refuses writes; mend the replicas"
            )
            return
        }
        guard terms.usesSentinel else { return }
        if let count = number("connected_slaves"), count == 0 {
            add("replicas", .warning, "the master has no replica: Sentinel has nobody to promote; add two")
        }
        guard let wanted else { return }
        guard wanted > 0, let lagSeconds, lagSeconds > 0 else {
            add(
                "replicas", .warning,
                "min-replicas-to-write is \(wanted): a master that is cut off from its replicas goes on taking renewals, so that two hosts may lead for as long as it is; CONFIG SET min-replicas-to-write 1, min-replicas-max-lag 2"
            )
            return
        }
        // A cut master takes renewals for the lag and up to a second of its cron, and a lease lives one ttl longer.
        let needed = min(lagSeconds, 1 << 31) * 1000 + 1000 + terms.ttlMilliseconds
        if terms.quarantineMilliseconds < needed {
            add(
                "replicas", .warning,
                "election.quarantine is \(terms.quarantineMilliseconds) ms, and a master that is cut off may take renewals for \(needed) ms (min-replicas-max-lag \(lagSeconds) s + 1 s + election.ttl); set election.quarantine to at least \(needed)ms"
            )
        } else {
            add(
                "replicas", .fine, "a master that is cut off stops taking renewals within \(lagSeconds + 1) s"
            )
        }
    }

    private mutating func times() {
        let trip = facts.roundTripMilliseconds
        if trip * 4 > terms.commandTimeoutMilliseconds {
            add(
                "latency", .warning,
                "a command took \(trip) ms, election.command_timeout is \(terms.commandTimeoutMilliseconds) ms; move Redis nearer, or raise ttl and command_timeout"
            )
        } else {
            add("latency", .fine, "a command took \(trip) ms")
        }
        guard let ahead = facts.clockAheadMilliseconds else { return }
        if abs(ahead) > StoreChecks.clockMillisecondsMax {
            let side = ahead > 0 ? "behind" : "ahead of"
            findings.append(
                Finding(
                    "clock", .warning,
                    "this host's clock is \(abs(ahead)) ms \(side) Redis's; the election does not mind, but times in history, events and logs disagree: run chrony on both"
                ))
        } else {
            findings.append(
                Finding("clock", .fine, "this host's clock and Redis's agree within \(abs(ahead)) ms"))
        }
    }
}
