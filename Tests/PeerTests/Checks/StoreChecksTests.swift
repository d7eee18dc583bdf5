import Fixtures
import Linux
import Testing

@testable import Peer
@testable import Store

@Suite struct StoreChecksTests {
    private let terms = StoreChecks.Terms(
        usesSentinel: false, ttlMilliseconds: 1000, quarantineMilliseconds: 2000,
        commandTimeoutMilliseconds: 200)

    private func facts(_ change: (inout [String: String], inout [String: String]) -> Void = { _, _ in })
        -> StoreFacts
    {
        var info = [
            "redis_version": "7.0.15", "role": "master", "cluster_enabled": "0", "maxmemory": "0",
            "used_memory": "1000000", "maxclients": "10000", "connected_clients": "12", "aof_enabled": "1",
            "aof_last_write_status": "ok", "rdb_last_bgsave_status": "ok", "connected_slaves": "2",
        ]
        var settings = [
            "maxmemory-policy": "noeviction", "maxclients": "10000", "appendonly": "yes",
            "appendfsync": "everysec",
            "no-appendfsync-on-rewrite": "yes", "save": "", "min-replicas-to-write": "0",
            "min-replicas-max-lag": "10", "stop-writes-on-bgsave-error": "yes",
        ]
        change(&info, &settings)
        return StoreFacts(
            info: .known(info), settings: .known(settings), missingRights: .known([]),
            clockAheadMilliseconds: 3,
            roundTripMilliseconds: 0)
    }

    private func bad(_ facts: StoreFacts, _ terms: StoreChecks.Terms? = nil) -> [Finding] {
        StoreChecks.findings(facts, terms ?? self.terms).filter { $0.verdict != .fine }
    }

    /// The one thing found, with its verdict; a finding that is not fine says what to change.
    private func only(_ facts: StoreFacts, _ terms: StoreChecks.Terms? = nil) -> String {
        let bad = bad(facts, terms)
        return bad.count == 1 ? "\(bad[0].verdict) \(bad[0].subject): \(bad[0].text)" : "\(bad)"
    }

    @Test func aGoodStoreHasNothingToChange() { #expect(bad(facts()) == []) }

    @Test(arguments: [
        ("info redis_version 5.0.7", "failed redis version: Redis 5.0.7 is too old"),
        ("info redis_version 6.0.16", "failed redis version: Redis 6.0.16 is too old"),
        ("info cluster_enabled 1", "failed redis mode: Redis Cluster is not supported"),
        ("info role slave", "failed redis role: this is a replica"),
        ("config maxmemory-policy allkeys-lru", "warning redis eviction: maxmemory-policy is allkeys-lru"),
        ("info connected_clients 9000", "warning redis clients: 9000 of 10000 connections are open"),
        ("info aof_last_write_status err", "failed redis persistence: the last write to the append-only"),
        ("config appendfsync always", "warning redis persistence: appendfsync is always"),
        ("config no-appendfsync-on-rewrite no", "warning redis persistence: no-appendfsync-on-rewrite is no"),
        ("config appendonly no", "warning redis persistence: nothing is kept on disk"),
    ]) func eachFaultIsToldWithWhatToChange(_ change: String, _ expected: String) {
        let words = change.split(separator: " ").map(String.init)
        let text = only(
            facts { info, settings in
                if words[0] == "info" { info[words[1]] = words[2] } else { settings[words[1]] = words[2] }
            })
        #expect(text.hasPrefix(expected), "\(text)")
        #expect(text.contains(";") || text.contains("use "), "\(text)")
    }

    @Test func evictionFailsOnceThereIsALimit() {
        let text = only(
            facts {
                $0["maxmemory"] = "100000000"
                $1["maxmemory-policy"] = "volatile-ttl"
            })
        #expect(text.hasPrefix("failed redis eviction"))
        #expect(text.contains("CONFIG SET maxmemory-policy noeviction"))
        let full = only(
            facts { info, _ in
                info["maxmemory"] = "100000000"
                info["used_memory"] = "95000000"
            })
        #expect(full.hasPrefix("warning redis memory"))
    }

    @Test func withSentinelACutMasterMustStopTakingRenewals() {
        var terms = terms
        terms.usesSentinel = true
        #expect(only(facts(), terms).contains("CONFIG SET min-replicas-to-write 1, min-replicas-max-lag 2"))
        let lagging = facts { _, settings in settings["min-replicas-to-write"] = "1" }
        #expect(only(lagging, terms).contains("set election.quarantine to at least 12000ms"))
        terms.quarantineMilliseconds = 4000
        let good = facts { _, settings in
            settings["min-replicas-to-write"] = "1"
            settings["min-replicas-max-lag"] = "2"
        }
        #expect(bad(good, terms) == [])
        let starved = facts { info, settings in
            settings["min-replicas-to-write"] = "1"
            info["min_slaves_good_slaves"] = "0"
        }
        #expect(only(starved, terms).hasPrefix("failed redis replicas: 0 of 1"))
    }

    @Test func whatMayNotBeReadIsSaidSo() {
        var facts = facts()
        facts.info = .refused("NOPERM")
        facts.settings = .refused("NOPERM")
        facts.missingRights = .refused("NOPERM")
        let findings = StoreChecks.findings(facts, terms)
        #expect(findings.filter { $0.verdict == .failed }.map(\.subject) == ["redis info"])
        #expect(findings.contains { $0.text.contains("were not looked at") })
        #expect(findings.contains { $0.text.contains("not tried, which takes +multi") })
    }

    @Test func aClockThatIsOffAndASlowStoreAreWarnings() {
        var facts = facts()
        facts.clockAheadMilliseconds = -3_600_000
        #expect(only(facts).hasPrefix("warning clock: this host's clock is 3600000 ms ahead of Redis's"))
        facts.clockAheadMilliseconds = nil
        facts.roundTripMilliseconds = 80
        #expect(only(facts).hasPrefix("warning redis latency: a command took 80 ms"))
    }

    private func gather(_ settings: StoreSettings) throws -> StoreFacts {
        let connection = try StoreConnection.open(settings, until: Instant.now().advanced(milliseconds: 5000))
        let facts = try StoreFacts.gather(
            connection, Keys(cluster: "demo"), until: Instant.now().advanced(milliseconds: 5000),
            wallMilliseconds: WallClock.milliseconds)
        #expect(connection.isUsable())
        return facts
    }

    @Test func aRealRedisTellsAllThatIsAsked() throws {
        let server = try RedisServer(configuration: ["maxmemory 50mb", "maxmemory-policy allkeys-lru"])
        let facts = try gather(StoreSettings(url: try StoreURL(server.url())))
        guard case .known(let settings) = facts.settings else {
            return #expect(Bool(false), "\(facts.settings)")
        }
        #expect(Set(settings.keys) == Set(StoreFacts.wantedSettings))
        #expect(facts.missingRights == .known([]))
        #expect(abs(facts.clockAheadMilliseconds ?? .max) < 1000)
        let failed = StoreChecks.findings(facts, terms).filter { $0.verdict == .failed }
        #expect(failed.map(\.subject) == ["redis eviction"])
        #expect(try server.command("DBSIZE") == ":0\r\n", "a check writes nothing")
    }

    /// The user of docs/redis-keys.md, and one who lacks something.
    @Test func theRightsOfTheDocumentationSufficeAndMissingOnesAreNamed() throws {
        let server = try RedisServer()
        let words = try LeastRights.line(cluster: "demo").split(separator: " ").dropFirst().map(String.init)
        func settings(_ rules: [String]) throws -> StoreSettings {
            let store = try StoreConnection.open(
                StoreSettings(url: try StoreURL(server.url())),
                until: Instant.now().advanced(milliseconds: 5000))
            let reply = try store.call(
                Command(["ACL", "SETUSER"] + rules), until: Instant.now().advanced(milliseconds: 5000))
            #expect(reply == .status("OK"))
            return StoreSettings(
                url: try StoreURL("redis://troop:\(LeastRights.password)@127.0.0.1:\(server.port)"))
        }
        let documented = try gather(try settings(words))
        #expect(documented.missingRights == .known([]))
        guard case .refused = documented.settings else {
            return #expect(Bool(false), "\(documented.settings)")
        }
        let poor = try gather(try settings(["troop", "-xadd", "-eval"]))
        #expect(poor.missingRights == .known(["xadd", "eval"]))
        let text = StoreChecks.findings(poor, terms).filter { $0.verdict == .failed }.map(\.text)
        #expect(text == ["this user may not use xadd, eval; add the ACL line of docs/redis-keys.md"])
        let silent = try gather(try settings(["troop", "-multi"]))
        guard case .refused = silent.missingRights else {
            return #expect(Bool(false), "\(silent.missingRights)")
        }
        #expect(try server.command("DBSIZE") == ":0\r\n")
    }

    /// What ansible writes is what the documentation says.
    @Test func theRoleGivesTheSameRights() throws {
        let template = RedisServer.text(
            of: Repository.path("ansible/roles/redis/templates/users.acl.j2"))
        let line = try #require(template.split(separator: "\n").first { $0.hasPrefix("user troop ") })
        let plain = line.replacing("#{{ redis_troop_password | hash('sha256') }}", with: "><password>")
            .replacing("{{ '{' }}{{ troop_cluster }}{{ '}' }}", with: "{<cluster>}")
        #expect(try plain == LeastRights.documented())
    }
}
