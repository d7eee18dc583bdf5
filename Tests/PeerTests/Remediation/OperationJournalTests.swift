import Fixtures
import Linux
import Proxy
import Remediation
import Store
import Testing

@testable import Peer

/// The journal's scripts against a real redis-server.
@Suite struct OperationJournalTests {
    private let token = "a:n:7"

    private func journal() async throws -> (
        server: RedisServer, journal: OperationJournal, keys: Keys, store: Store
    ) {
        let server = try RedisServer()
        let keys = Keys(cluster: "test")
        let store = try Store(
            StoreSettings(url: try StoreURL(server.url())), name: "journal", onStateChange: { _ in })
        _ = try await store.call(Command("SET", keys.lease, token))
        return (server, OperationJournal(store: store, keys: keys), keys, store)
    }

    private func operation(_ id: String, target: String = "a") -> Operation {
        Operation(
            id: id, kind: .reboot, target: target, server: "10.0.0.1:3000", ladder: [.reboot], epoch: 7,
            started: 1,
            reason: "hot", by: "doctor")
    }

    @Test func anOperationOpensOnceForItsTarget() async throws {
        let (server, journal, keys, store) = try await journal()
        func open(_ operation: Operation, concurrent: Int = 9, budget: Int? = nil) async throws -> String? {
            try await journal.open(
                [operation], concurrent: concurrent, budget: budget, byPolicy: true, token: token)
        }
        #expect(try await open(operation("op1")) == nil)
        #expect(try await open(operation("op2"))?.contains("op1 is under way on a") == true)
        #expect(
            try await open(operation("op3", target: "b"), concurrent: 1)?.contains("1 operations") == true)
        #expect(try await open(operation("op3", target: "b"), budget: 1)?.contains("budget is 1") == true)
        #expect(try await open(operation("op3", target: "b"), budget: 2) == nil)
        _ = try await store.call(Command("HSET", keys.config, "monkeys", "{}"))
        #expect(try await open(operation("op4", target: "c"))?.contains("monkeys are paused") == true)
        _ = try await store.call(Command("HSET", keys.config, "pause", "{}"))
        #expect(
            try await journal.open(
                [operation("op5", target: "d")], concurrent: 9, budget: nil, byPolicy: false, token: token)
                == "the troop is paused")
        #expect(try await journal.open().map(\.id) == ["op1", "op3"])
        withExtendedLifetime(server) {}
    }

    @Test func aStaleLeaderWritesNothing() async throws {
        let (server, journal, keys, store) = try await journal()
        _ = try await journal.open(
            [operation("op1")], concurrent: 1, budget: nil, byPolicy: true, token: token)
        _ = try await store.call(Command("SET", keys.lease, "b:n:8"))
        await #expect(throws: StoreFault.self) {
            try await journal.save(
                operation("op1"), after: 0, .order(.reboot), quarantine: false, wallMs: 1, token: token)
        }
        #expect(try await store.call(Command("EXISTS", keys.orders("a"))) == .integer(0))
        withExtendedLifetime(server) {}
    }

    @Test func drainAndReturnLeaveTheEntryAsItWas() async throws {
        let (server, journal, keys, store) = try await journal()
        let entry = #"{"by":"agent","host":"a","state":"active","weight":50}"#
        _ = try await store.call(Command("HSET", keys.servers, "10.0.0.1:3000", entry))
        var operation = operation("op1")
        _ = try await journal.open([operation], concurrent: 1, budget: nil, byPolicy: true, token: token)
        func save(_ effect: Effect, after revision: Int64, ended: Bool = false) async throws -> String {
            operation.state = ended ? .done : .running
            let written = try await journal.save(
                operation, after: revision, effect, quarantine: false, wallMs: 1_700_000_000_000, token: token
            )
            switch written {
            case .ok: return "ok"
            case .refused(let why): return why
            case .stale: return "stale"
            }
        }
        #expect(try await save(.drain, after: 0) == "ok")
        let drained = try #require(try await store.call(Command("HGET", keys.servers, "10.0.0.1:3000")).text)
        let read = try ServerEntry(field: "10.0.0.1:3000", value: drained)
        #expect(read.state == .draining && read.weight == 50 && read.by == "op:op1" && read.host == "a")
        #expect(read.since == 1_700_000_000_000)
        #expect(try await save(.drain, after: 0) == "stale")
        #expect(try await save(.order(.reboot), after: 1) == "ok")
        #expect(try await save(.order(.reboot), after: 2) == "ok")
        #expect(
            try await store.call(Command("XRANGE", keys.orders("a"), "-", "+")).elements?.count == 1,
            "issued once")
        #expect(try await save(.restore, after: 3, ended: true) == "ok")
        #expect(try await store.call(Command("HGET", keys.servers, "10.0.0.1:3000")).text == entry)
        #expect(try await journal.open().isEmpty)
        #expect(try await journal.ended(count: 5).map(\.operation.id) == ["op1"])
        withExtendedLifetime(server) {}
    }

    @Test func aPersonsWordOnAServerStands() async throws {
        let (server, journal, keys, store) = try await journal()
        _ = try await journal.open(
            [operation("op1")], concurrent: 1, budget: nil, byPolicy: true, token: token)
        func save(_ effect: Effect) async throws -> Bool {
            let written = try await journal.save(
                operation("op1"), after: 0, effect, quarantine: false, wallMs: 1, token: token)
            if case .refused = written { return false }
            return true
        }
        #expect(try await save(.drain) == false, "it is not on the list")
        _ = try await store.call(Command("HSET", keys.servers, "10.0.0.1:3000", #"{"state":"out"}"#))
        #expect(try await save(.drain) == false)
        #expect(try await save(.restore) == false)
        _ = try await store.call(Command("HSET", keys.servers, "10.0.0.1:3000", "garbage"))
        #expect(try await save(.drain) == false)
        // An empty value means defaults: active.
        _ = try await store.call(Command("HSET", keys.servers, "10.0.0.1:3000", ""))
        #expect(try await save(.drain))
        withExtendedLifetime(server) {}
    }

    @Test func anOrderIsClaimedOnceInTimeAndNotAfterItWasTakenBack() async throws {
        let (server, journal, keys, store) = try await journal()
        let found = operation("op1")
        _ = try await journal.open([found], concurrent: 1, budget: nil, byPolicy: true, token: token)
        let id = OperationJournal.orderID(found, .reboot)
        func claim(_ notAfter: String = "9000000000000") async throws -> Int64? {
            try await store.run(
                OperationScripts.claim, keys: [keys.operation("op1"), keys.config], arguments: [id, notAfter]
            ).integer
        }
        #expect(try await claim() == 0, "nothing was ordered")
        _ = try await journal.save(
            found, after: 0, .order(.reboot), quarantine: false, wallMs: 1, token: token)
        #expect(try await claim("1") == 0, "too late")
        _ = try await store.call(Command("HSET", keys.config, "pause", "a person"))
        #expect(try await claim() == 0, "paused")
        _ = try await store.call(Command("HDEL", keys.config, "pause"))
        #expect(try await claim() == 1)
        #expect(try await claim() == 0, "twice")
        _ = try await journal.save(
            found, after: 1, .withdraw(.reboot), quarantine: false, wallMs: 1, token: token)
        var asked = found
        asked.step = .reboot
        var (order, isPaused) = try await journal.order(of: asked)
        #expect(order == .claimed, "a claimed order cannot be taken back")
        #expect(!isPaused)
        _ = try await store.call(Command("HSET", keys.config, "pause", "a person"))
        (order, isPaused) = try await journal.order(of: asked)
        #expect(order == .claimed && isPaused)
        asked.step = .drain
        (order, isPaused) = try await journal.order(of: asked)
        #expect(order == .none && isPaused)
        withExtendedLifetime(server) {}
    }

    @Test func aCommandIsSettledWithItsEffectOrNotAtAll() async throws {
        let (server, journal, keys, store) = try await journal()
        func outcome(_ id: String) async throws -> [String?] {
            try await store.call(Command("HMGET", keys.command(id), "state", "text")).elements?.map(\.text)
                ?? []
        }
        func open(_ ids: [String], for command: String) async throws -> String? {
            try await journal.open(
                ids.map { operation($0, target: "host-\($0)") }, concurrent: 1, budget: 2, byPolicy: false,
                settling: .init(command: command, text: "begun"), token: token)
        }
        #expect(try await open(["op1", "op2"], for: "first") == nil)
        #expect(try await outcome("first") == ["done", "begun"])
        #expect(try await journal.open().map(\.id) == ["op1", "op2"])
        #expect(try await open(["op3"], for: "second") != nil)
        #expect(try await outcome("second") == [nil, nil], "refused: the leader says why")

        var changed = operation("op1", target: "host-op1")
        changed.isCancelled = true
        func save(after revision: Int64) async throws -> Bool {
            let written = try await journal.save(
                changed, after: revision, .none, quarantine: false, wallMs: 1,
                settling: .init(command: "third", text: "cancelled"), token: token)
            if case .ok = written { return true }
            return false
        }
        #expect(try await save(after: 7) == false)
        #expect(try await outcome("third") == [nil, nil], "nothing was written, nothing is answered")
        #expect(try await save(after: 0))
        #expect(try await outcome("third") == ["done", "cancelled"])
        _ = try await store.call(Command("SET", keys.lease, "b:n:8"))
        await #expect(throws: StoreFault.self) { try await open(["op4"], for: "fourth") }
        #expect(try await outcome("fourth") == [nil, nil])
        withExtendedLifetime(server) {}
    }

    @Test func whatCannotBeReadIsToldAndBlocksNothingOnceItIsSetAside() async throws {
        let (server, journal, keys, store) = try await journal()
        let good = operation("op1")
        _ = try await journal.open([good], concurrent: 9, budget: nil, byPolicy: true, token: token)
        _ = try await journal.open(
            [operation("op2", target: "b")], concurrent: 9, budget: nil, byPolicy: true, token: token)
        _ = try await store.call(Command("HSET", keys.operation("op2"), "json", "<html>"))
        // A key of another kind, and a name without any key.
        _ = try await store.call(Command("SET", keys.operation("op3"), "text"))
        _ = try await store.call(Command("ZADD", keys.operations, "1", "op3", "2", "op4"))
        let found = try await journal.underWay()
        #expect(found.operations == [good])
        #expect(Set(found.unreadable.map(\.id)) == ["op2", "op3", "op4"])
        #expect(
            try await journal.open(
                [operation("op5", target: "c")], concurrent: 2, budget: nil, byPolicy: true, token: token)
                == "2 operations are under way", "it counts while a person may still look at it")
        let garbage = try #require(found.unreadable.first { $0.id == "op2" })
        #expect(garbage.target == "b" && garbage.treats && garbage.openedMs > 1_600_000_000_000)
        _ = try await store.call(Command("HSET", keys.operation("op2"), "json", "<other>"))
        #expect(try await journal.setAside(garbage, token: token) == false, "it is not what was looked at")
        for each in try await journal.underWay().unreadable {
            #expect(
                try await journal.setAside(
                    each, settling: .init(command: "cmd", text: "gone"), token: token))
        }
        #expect(try await journal.underWay().unreadable.isEmpty)
        let field = RemediationSwitches.quarantinePrefix + "b"
        #expect(
            try await store.call(Command("HGET", keys.config, field)).text
                == "operation op2 on it could not be read")
        #expect(try await store.call(Command("HGET", keys.command("cmd"), "text")).text == "gone")
        #expect(
            try await journal.open(
                [operation("op5", target: "c")], concurrent: 2, budget: nil, byPolicy: true, token: token)
                == nil)
        withExtendedLifetime(server) {}
    }

    @Test func theOperationIsReadAsItWasWritten() async throws {
        let (server, journal, _, _) = try await journal()
        var written = operation("op1")
        written.bootID = "b"
        written.way = .agent
        written.note("a line", atMs: 5)
        _ = try await journal.open([written], concurrent: 1, budget: nil, byPolicy: true, token: token)
        #expect(try await journal.operation("op1") == written)
        #expect(try await journal.operation("../op1") == nil)
        #expect(OperationJournal.operation("{}") == nil)
        #expect(OperationJournal.operation("<html>") == nil)
        withExtendedLifetime(server) {}
    }
}
