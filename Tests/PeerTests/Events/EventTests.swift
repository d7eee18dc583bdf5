import Fixtures
import Linux
import Logging
import Proxy
import Store
import Testing

@testable import Peer

@Suite struct EventQueryTests {
    @Test func aQueryIsRead() throws {
        let query = try EventQuery(["since": "1763900000000", "count": "7", "kind": "server"])
        #expect(query.count == 7 && query.start == "1763900000000")
        #expect(try EventQuery(["since": "1763900000000-3"]).start == "(1763900000000-3")
        #expect(try EventQuery([:]).start == "-")
        let event = Event(kind: "server.healthy", severity: .info, text: "", host: "a", atMs: 1)
        #expect(query.wants(event))
        #expect(try EventQuery(["kind": "server.healthy"]).wants(event))
        #expect(try !EventQuery(["kind": "serv"]).wants(event))
    }

    @Test(arguments: [
        ["count": "0"], ["count": "1001"], ["count": "x"], ["count": ""], ["since": ""], ["since": "-"],
        ["since": "1-"],
        ["since": "1-2-3"], ["since": "+"], ["since": "10m"], ["since": "9999999999999999999"], ["kind": ""],
        ["kind": "*"], ["kind": "Server"], ["kind": "a\n"], ["kind": "server."], ["kind": ".healthy"],
        ["kind": "server..healthy"], ["kind": "."], ["limit": "5"],
    ]) func nonsenseIsRefused(_ query: [String: String]) {
        #expect(throws: FormFault.self) { try EventQuery(query) }
    }
}

@Suite struct EventLogTests {
    @Test(.timeLimit(.minutes(1))) func whatRedisCannotTakeNowIsWrittenLaterAndWhatItRefusesIsNot()
        async throws
    {
        let redis = try RedisServer()
        let keys = Keys(cluster: "test")
        let store = try Store(
            StoreSettings(url: try StoreURL("redis://127.0.0.1:\(redis.port)/0")), name: "test"
        ) { _ in }
        let log = EventLog(
            store: store, keys: keys, host: "a", log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let reader = EventReader(store: store, keys: keys)
        try redis.command("CONFIG", "SET", "min-replicas-to-write", "1")
        log.tell("server.added", .notice, "one")
        await log.flush()
        log.tell("server.added", .notice, "two")
        await log.flush()
        try redis.command("CONFIG", "SET", "min-replicas-to-write", "0")
        await log.flush()
        #expect(try await reader.read(try EventQuery([:])).events.map(\.text) == ["two", "one"])
        // A key of another kind is a person's to mend; the events after that are written.
        try redis.command("SET", keys.events, "x")
        log.tell("server.added", .notice, "three")
        await log.flush()
        try redis.command("DEL", keys.events)
        log.tell("server.added", .notice, "four")
        await log.flush()
        #expect(try await reader.read(try EventQuery([:])).events.map(\.text) == ["four"])
        // Of too many the newest are kept.
        try redis.command("CONFIG", "SET", "min-replicas-to-write", "1")
        for number in 0..<200 { log.tell("server.added", .notice, "\(number)") }
        await log.flush()
        for number in 200..<300 { log.tell("server.added", .notice, "\(number)") }
        await log.flush()
        try redis.command("CONFIG", "SET", "min-replicas-to-write", "0")
        await log.flush()
        let many = try await reader.read(try EventQuery(["count": "1000"])).events.map(\.text)
        #expect(many == (44..<300).reversed().map { "\($0)" } + ["four"])
        await store.close()
    }
}

@Suite struct EventReaderTests {
    @Test func entriesAreReadNewestFirstAndForeignOnesPassedOver() async throws {
        let redis = try RedisServer()
        let keys = Keys(cluster: "test")
        let store = try Store(
            StoreSettings(url: try StoreURL("redis://127.0.0.1:\(redis.port)/0")), name: "test"
        ) { _ in }
        let log = EventLog(
            store: store, keys: keys, host: "a", log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        for number in 1...5 {
            log.tell(number == 3 ? "host.lost" : "server.added", .notice, "event \(number)")
        }
        await log.flush()
        try redis.command("XADD", keys.events, "*", "event", "no JSON")
        try redis.command("XADD", keys.events, "*", "other", "{}")
        try redis.command("XADD", keys.events, "*", "event", "{\"kind\":7}")
        try redis.command("XADD", keys.events, "*", "event", String(repeating: "x", count: 100_000))
        let reader = EventReader(store: store, keys: keys)

        let all = try await reader.read(try EventQuery([:]))
        #expect(all.events.map(\.text) == (1...5).reversed().map { "event \($0)" })
        #expect(all.malformed == 4)
        let two = try await reader.read(try EventQuery(["count": "2"]))
        #expect(two.events.map(\.text) == ["event 5", "event 4"], "foreign entries do not use up the count")
        let lost = try await reader.read(try EventQuery(["kind": "host"]))
        #expect(lost.events.map(\.text) == ["event 3"])
        let since = try await reader.read(try EventQuery(["since": all.events[1].id]))
        #expect(since.events.map(\.text) == ["event 5"])

        try redis.command("DEL", keys.events)
        #expect(try await reader.read(try EventQuery([:])).events.isEmpty)
        try redis.command("SET", keys.events, "x")
        await #expect(throws: StoreFault.self) { try await reader.read(try EventQuery([:])) }
        await store.close()
    }
}

@Suite struct HostChangesTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    private func book(_ names: [String], at now: Instant) -> HostBook {
        var book = HostBook()
        book.take(
            names.map { .init(name: $0, fields: ["seq": "1", "interval_ms": "1000"], ageByStore: 0) }, at: now
        )
        return book
    }

    @Test func silenceReturnAndNewcomersAreToldOnce() {
        var changes = HostChanges()
        let old = book(["a", "b"], at: start)
        #expect(changes.look(at: old, now: start).isEmpty, "the first look tells nothing")
        #expect(changes.look(at: old, now: start.advanced(milliseconds: 9000)).isEmpty)
        let late = start.advanced(milliseconds: 11_000)
        #expect(
            changes.look(at: old, now: late) == [
                .init(host: "a", kind: .lost(ageMilliseconds: 11_000)),
                .init(host: "b", kind: .lost(ageMilliseconds: 11_000)),
            ])
        #expect(changes.look(at: old, now: late).isEmpty)
        let fresh = book(["a", "c"], at: late)
        #expect(
            changes.look(at: fresh, now: late) == [
                .init(host: "a", kind: .back), .init(host: "b", kind: .forgotten),
                .init(host: "c", kind: .joined),
            ])
    }
}

@Suite struct ServerChangeTests {
    @Test func changesAreToldWithWhoAndWhy() throws {
        let address = try SocketAddress("10.0.0.9:3000")
        let old = ServerEntry(address: address, by: "agent")
        var new = old
        #expect(ServerChange.text(of: new, before: old) == nil)
        new.reason = "only another reason"
        #expect(ServerChange.text(of: new, before: old) == nil)
        new.state = .draining
        new.by = "cli:ada"
        new.reason = "kernel update"
        #expect(
            ServerChange.text(of: new, before: old)?.text
                == "server 10.0.0.9:3000 went from active to draining by cli:ada: kernel update")
        #expect(ServerChange.text(of: old, before: nil)?.kind == "server.added")
        new = old
        new.weight = 7
        #expect(ServerChange.text(of: new, before: old)?.kind == "server.weight")
    }

    @Test func onlyTheLeaderTells() throws {
        let heard = Record<Event>()
        let redis = try RedisServer()
        let store = try Store(
            StoreSettings(url: try StoreURL("redis://127.0.0.1:\(redis.port)/0")), name: "test"
        ) { _ in }
        let log = EventLog(
            store: store, keys: Keys(cluster: "test"), host: "a",
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onTell: { heard.add($0) })
        let leads = Record<Bool>()
        let watch = TroopWatch(events: log) { leads.all.last ?? false }
        let entries = try (1...30).map { ServerEntry(address: try SocketAddress("10.0.0.\($0):3000")) }
        watch.see(servers: [])
        watch.see(servers: Array(entries.prefix(1)))
        #expect(heard.all.isEmpty)
        leads.add(true)
        watch.see(servers: Array(entries.prefix(2)))
        #expect(heard.all.map(\.text) == ["server 10.0.0.2:3000 was put on the list"])
        watch.see(servers: entries)
        #expect(heard.all.count == 12, "a crowd is told as a number")
        let start = Instant.now()
        let first = RemovalWord(server: "10.0.0.1:3000", by: "cli:ada", reason: "kernel update")
        watch.hear(first.hint, at: start)
        watch.hear("servers", at: start)
        watch.see(servers: Array(entries.dropFirst()))
        #expect(
            heard.all.last?.text == "server 10.0.0.1:3000 was taken off the list by cli:ada: kernel update")
        #expect(
            heard.all.last?.details == [
                "server": "10.0.0.1:3000", "by": "cli:ada", "reason": "kernel update",
            ])
        watch.hear(
            RemovalWord(server: "10.0.0.2:3000", by: "agent", reason: "").hint,
            at: start.advanced(milliseconds: -60_000))
        watch.see(servers: Array(entries.dropFirst(2)))
        #expect(
            heard.all.last?.text == "server 10.0.0.2:3000 was taken off the list", "an old word is another's")
        watch.see(problems: ["x"])
        watch.see(problems: ["x"])
        #expect(heard.all.filter { $0.kind == "config.problem" }.count == 1)
    }
}
