import Fixtures
import Linux
import Peer
import Store
import Testing

/// The report's script in a real Redis.
@Suite struct ReportScriptTests {
    private let keys = Keys(cluster: "t")

    private func report(
        _ store: Store, address: String = "10.0.0.1", boot: String = "b1", life: String = "60000"
    ) async throws -> Reply {
        try await store.run(
            HostReport.script, keys: [keys.host("a"), keys.hosts],
            arguments: ["a", "300000", address, boot, life, "address", address, "boot_id", boot])
    }

    private func store(_ server: RedisServer) throws -> Store {
        try Store(StoreSettings(url: StoreURL(server.url())), name: "test") { _ in }
    }

    @Test func theSequenceRises() async throws {
        let server = try RedisServer()
        let store = try store(server)
        let first = try #require(try await report(store).integer)
        let second = try #require(try await report(store).integer)
        #expect(second > first)
    }

    @Test func aSecondLiveHostOfOneNameIsRefusedAndToldWhereTheFirstIs() async throws {
        let server = try RedisServer()
        let store = try store(server)
        _ = try await report(store)
        await #expect(throws: StoreFault.self) {
            try await report(store, address: "10.0.0.2", boot: "b2")
        }
        do {
            _ = try await report(store, address: "10.0.0.2", boot: "b2")
        } catch StoreFault.rejected(let error) {
            #expect(error.code == HostReport.nameTaken)
            #expect(error.message.contains("10.0.0.1"))
        }
        #expect(try server.command("HGET", keys.host("a"), "address").contains("10.0.0.1"))
    }

    @Test(arguments: [("10.0.0.1", "b2"), ("10.0.0.2", "b1")])
    func aRebootAndAMoveAreTheSameHost(_ address: String, _ boot: String) async throws {
        let server = try RedisServer()
        let store = try store(server)
        _ = try await report(store)
        #expect(try await report(store, address: address, boot: boot).integer != nil)
    }

    @Test func aHostThatFellSilentGivesItsNameUp() async throws {
        let server = try RedisServer()
        let store = try store(server)
        _ = try await report(store)
        #expect(try await report(store, address: "10.0.0.2", boot: "b2", life: "0").integer != nil)
    }
}
