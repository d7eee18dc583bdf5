import Election
import Fixtures
import Linux
import Store
import Testing

/// Electors and a store that is wrong, silent or not there.
@Suite(.serialized) struct ElectorStoreTests {
    private static let keys = Candidates.keys
    private let keys = Candidates.keys

    @Test(arguments: [keys.lease, keys.epoch, keys.store, keys.handover])
    func aKeyOfAWrongTypeIsNamed(_ key: String) async throws {
        let server = try RedisServer()
        try server.command("RPUSH", key, "x")
        let troop = try Candidates(["a"], on: server)
        defer { troop.stop() }
        let candidate = troop.all[0]
        let text = "WRONGTYPE \(key) holds a list, expected a string"
        #expect(await eventually { candidate.reasons.contains { $0.contains(text) } })
        #expect(!candidate.elector.isLeader(at: .now()))
        try server.command("DEL", key)
        _ = try await troop.leader()
    }

    @Test func aHistoryOfAWrongTypeStopsNoElection() async throws {
        let server = try RedisServer()
        try server.command("SET", keys.history, "x")
        let troop = try Candidates(["a"], on: server)
        defer { troop.stop() }
        let leader = try await troop.leader()
        #expect(leader.reasons.last?.contains("(history not written: ") == true)
        #expect(try server.command("GET", keys.history) == "$1\r\nx\r\n")
    }

    @Test func aMissingPasswordIsTold() async throws {
        let server = try RedisServer(password: "secret")
        let troop = try Candidates(["a"], on: server)
        defer { troop.stop() }
        let candidate = troop.all[0]
        #expect(await eventually { candidate.reasons.contains { $0.contains("NOAUTH") } })
        try server.command("CONFIG", "SET", "requirepass", "")
        _ = try await troop.leader()
    }

    @Test func stoppingWithAFrozenStoreDoesNotHang() async throws {
        let server = try RedisServer()
        let troop = try Candidates(["a"], on: server)
        let leader = try await troop.leader()
        server.pause()
        defer { server.resume() }
        let began = Instant.now()
        leader.elector.stop()
        // Two command timeouts of 200 ms, and room for a loaded machine.
        #expect(Instant.now().milliseconds(since: began) < 2000)
        #expect(!leader.elector.isLeader(at: .now()))
        troop.stop()
    }

    @Test func aStoreThatIsNotThereIsToldAndUsedWhenItComes() async throws {
        let server = try RedisServer()
        server.stop()
        let troop = try Candidates(["a"], on: server)
        defer { troop.stop() }
        let candidate = troop.all[0]
        #expect(await eventually { candidate.reasons.contains { $0.contains("Connection refused") } })
        try server.start()
        _ = try await troop.leader()
        #expect(candidate.reasons.filter { $0.contains("refused") }.count == 1)
    }
}
