import Election
import Fixtures
import Linux
import Store
import Testing

@Suite struct AcquireScriptTests {
    /// One host that asks a Redis of its own.
    private struct Asker {
        let server: RedisServer
        let keys = Keys(cluster: "test")
        let until = Instant.now().advanced(milliseconds: 10_000)
        private let connection: StoreConnection
        private let settings: ElectionSettings

        init() throws {
            server = try RedisServer()
            connection = try StoreConnection.open(
                StoreSettings(url: try StoreURL(server.url())), until: until)
            settings = try ElectionSettings(host: "a", nonce: "n")
        }

        func ask(_ ask: LeaseAsk) throws -> LeaseAnswer {
            let (script, arguments) = ElectionScripts.message(for: ask, of: settings)
            let reply = try connection.run(
                script, keys: ElectionScripts.keys(keys), arguments: arguments, until: until)
            return LeaseAnswer(reply, to: ask)
        }

        func acquire(seen: Int64) throws -> LeaseAnswer {
            try ask(.acquire(seen: seen, reason: "start", dead: nil, leaderless: nil))
        }
    }

    /// An agent was elected and never heard of it. Where the store has lost its memory meanwhile, the token that still
    /// stands there may be old, and another may lead: it is not given back before the quarantine has ended.
    @Test func anUnheardLeaseIsNotGivenBackByAStoreThatLostItsMemory() throws {
        let asker = try Asker()
        let (server, keys) = (asker.server, asker.keys)
        func acquire() throws -> LeaseAnswer { try asker.acquire(seen: 0) }
        _ = try acquire()  // a new store: its quarantine begins
        try server.command("DEL", keys.quarantine)
        guard case .acquired(let lease, _, _, _) = try acquire() else {
            Issue.record("nobody was elected")
            return
        }
        try server.command("PERSIST", keys.lease)
        guard case .held(lease, _) = try acquire() else {
            Issue.record("the answer to the first ask was lost: the second gives the lease")
            return
        }
        try server.command("SET", keys.store, "0123456789abcdef 1000")
        guard case .quarantined = try acquire() else {
            Issue.record("given back by a store that lost its memory")
            return
        }
        #expect(try server.command("GET", keys.lease).contains(lease.token))
        try server.command("DEL", keys.quarantine)
        guard case .held(lease, _) = try acquire() else {
            Issue.record("not given back after the quarantine")
            return
        }
    }

    /// A leader whose machine stood still comes back to a store that lost its memory: one candidate that knows of a later
    /// leader is enough for the old lease not to be given back.
    @Test func aCandidateBringsItsEpochBackToAStoreThatLostItsMemory() throws {
        let asker = try Asker()
        let (server, keys) = (asker.server, asker.keys)
        for seen in [100, 0, 99] {
            guard case .quarantined = try asker.acquire(seen: Int64(seen)) else {
                Issue.record("elected by a new store")
                return
            }
            #expect(try server.command("GET", keys.epoch) == "$3\r\n100\r\n")
        }
        let old = try #require(Lease(host: "b", nonce: "m", epoch: 99))
        #expect(try asker.ask(.renew(old, before: asker.until)) == .lost(to: nil))
        let newest = try #require(Lease(host: "b", nonce: "m", epoch: 100))
        #expect(try asker.ask(.renew(newest, before: asker.until)) == .reinstated)
    }
}
