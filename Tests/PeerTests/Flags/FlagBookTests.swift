import Fixtures
import Flags
import Linux
import Logging
import Peer
import Store
import Testing

/// Flags between a real Redis and memory, as the user of docs/redis-keys.md.
@Suite struct FlagBookTests {
    private static let onOff =
        #"{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off"}"#
    private static let author = FlagLedger.Author(by: "ann", reason: "a try")

    /// A book and a ledger over one Redis, with a state folder that goes with it.
    private final class Desk: Sendable {
        let server: RedisServer
        let url: String
        let keys = Keys(cluster: "t")
        let book: FlagBook
        let ledger: FlagLedger

        init() throws {
            server = try RedisServer()
            url = try server.addDocumentedUser(cluster: "t")
            (book, ledger) = try Desk.open(server, url, keys)
        }

        /// Another agent of the same host: the same state folder, nothing in memory.
        func again() throws -> (book: FlagBook, ledger: FlagLedger) { try Desk.open(server, url, keys) }

        private static func open(
            _ server: RedisServer, _ url: String, _ keys: Keys
        ) throws -> (FlagBook, FlagLedger) {
            let store = try Store(StoreSettings(url: StoreURL(url)), name: "test") { _ in }
            let folder = try StateFolder(path: server.folder + "/state")
            let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            let book = FlagBook(store: store, keys: keys, folder: folder, log: log)
            return (book, FlagLedger(store: store, keys: keys, book: book))
        }

        func set(_ field: String, _ text: String?) async throws -> Int {
            try await change(field, text).changed
        }

        func change(_ field: String, _ text: String?) async throws -> FlagLedger.Outcome {
            let ledger = ledger
            return try await ledger.change(FlagBookTests.author) { set throws(FlagRefusal) in
                try ledger.steps(setting: field, to: text, in: set)
            }
        }

        func byHand(_ words: String...) throws { _ = try server.command(words) }
    }

    @Test(
        arguments: [
            (0, 100_000, 0), (2000, 3, 0), (300_000, 3, 5000), (300_000, 10_000, 93_750),
            (10_000, 10_000, 3125),
            (3000, 10_000, 0),
        ] as [(Int, Int, Int64)])
    func manyFlagsOfManyHostsAreReadLessOften(_ bytes: Int, _ hosts: Int, _ milliseconds: Int64) {
        #expect(FlagBook.readMilliseconds(bytes: bytes, hosts: hosts) == milliseconds)
    }

    @Test func whatIsSetIsThereWithItsHistoryAndAnUnchangedOneIsNoChange() async throws {
        let desk = try Desk()
        #expect(!desk.book.snapshot.isKnown)
        #expect(try await desk.set("ui", FlagBookTests.onOff) == 1)
        #expect(desk.book.snapshot.set.keys == ["ui"])
        #expect(desk.book.snapshot.standing == .fresh)
        #expect(try await desk.set("ui", FlagBookTests.onOff) == 0)
        #expect(try await desk.set("ui", nil) == 1)
        #expect(desk.book.snapshot.set.keys.isEmpty)
        let history = try await desk.ledger.history(of: "ui", count: 10)
        #expect(history.map(\.old) == [FlagBookTests.onOff, ""])
        #expect(history.map(\.new) == ["", FlagBookTests.onOff])
        #expect(history.allSatisfy { $0.by == "ann" && $0.reason == "a try" })
        // A rollback takes what was before the last change, or what an entry left.
        #expect(try await desk.ledger.past(of: "ui", entry: nil) == FlagBookTests.onOff)
        #expect(try await desk.ledger.past(of: "ui", entry: history[0].id).isEmpty)
        await #expect(throws: FlagRefusal.self) { try await desk.ledger.past(of: "ui", entry: "1-1") }
        await #expect(throws: FlagRefusal.self) { try await desk.ledger.past(of: "other", entry: nil) }
    }

    @Test(arguments: [
        ("ui", #"{"state":"ENABLED"}"#), ("ui", "{"), ("$ui", FlagBookTests.onOff), ("", FlagBookTests.onOff),
        ("$evaluators", "[1]"), ("$metadata", #"{"a":{}}"#),
        ("ui", #"{"state":"ENABLED","variants":{"on":true},"targeting":{"if":[true,"purple"]}}"#),
    ])
    func whatDoesNotValidateIsNotStored(_ field: String, _ text: String) async throws {
        let desk = try Desk()
        await #expect(throws: FlagRefusal.self) { try await desk.set(field, text) }
        #expect(try desk.server.command("DBSIZE") == ":0\r\n")
    }

    @Test func sharedRulesMustSuitTheFlagsThatUseThem() async throws {
        let desk = try Desk()
        let rules = #"{"staff":{"ends_with":[{"var":"email"},"@example.com"]}}"#
        let flag =
            #"{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"if":[{"$ref":"staff"},"on"]}}"#
        await #expect(throws: FlagRefusal.self) { try await desk.set("ui", flag) }
        #expect(try await desk.set("$evaluators", rules) == 1)
        #expect(try await desk.set("ui", flag) == 1)
        await #expect(throws: FlagRefusal.self) { try await desk.set("$evaluators", "{}") }
        #expect(desk.book.snapshot.set["ui"] != nil)
    }

    @Test func whoIsSlowerStartsAgainFromWhatIsThere() async throws {
        let desk = try Desk()
        #expect(try await desk.set("ui", FlagBookTests.onOff) == 1)
        let other = FlagBookTests.onOff.replacing("ENABLED", with: "DISABLED")
        var seen: [String?] = []
        let changed = try await desk.ledger.change(FlagBookTests.author) { set throws(FlagRefusal) in
            let text = set.texts[ExactText("ui")]
            seen.append(text)
            // Somebody else is faster, once.
            if seen.count == 1 { try? desk.byHand("HSET", desk.keys.flags, "ui", other) }
            return [
                FlagStep("ui", expected: text.map { FlagStep.Expected.text($0) } ?? .absent, outcome: .absent)
            ]
        }
        #expect(changed.changed == 1)
        #expect(seen == [FlagBookTests.onOff, other])
    }

    @Test func aTypoByHandLeavesTheLastGoodValueInForceAndIsTold() async throws {
        let desk = try Desk()
        #expect(try await desk.set("ui", FlagBookTests.onOff) == 1)
        try desk.byHand("HSET", desk.keys.flags, "ui", "{oops")
        #expect(await desk.book.look().isRead)
        #expect(desk.book.snapshot.set["ui"] != nil)
        #expect(await desk.book.notices.contains { $0.contains("'ui'") && $0.contains("last good value") })
        try desk.byHand("DEL", desk.keys.flags)
        try desk.byHand("SET", desk.keys.flags, "no hash")
        #expect(await !desk.book.look().isRead)
        #expect(desk.book.snapshot.standing == .stale && desk.book.snapshot.set["ui"] != nil)
        #expect(await desk.book.notices.contains { $0.contains("cannot be read: WRONGTYPE") })
    }

    @Test func withoutRedisTheLastFlagsStayAndARestartTakesThemFromDisk() async throws {
        let desk = try Desk()
        #expect(try await desk.set("ui", FlagBookTests.onOff) == 1)
        desk.server.stop()
        #expect(await !desk.book.look().isRead)
        #expect(desk.book.snapshot.standing == .stale && desk.book.snapshot.set["ui"] != nil)
        let file = desk.server.folder + "/state/flags.json"
        #expect(await eventually { RedisServer.text(of: file).contains("ui") })
        let restarted = try desk.again().book
        #expect(restarted.snapshot.standing == .cached && restarted.snapshot.set["ui"] != nil)
        // The store comes back without anything: it lost the flags, nobody deleted them.
        try desk.server.start()
        _ = try desk.server.addDocumentedUser(cluster: "t")
        let deadline = Instant.now().advanced(milliseconds: 10_000)
        var isTold = false
        while !isTold, Instant.now() < deadline {
            _ = await desk.book.look()
            isTold = await desk.book.notices.contains { $0.contains("lost them") }
        }
        #expect(isTold)
        #expect(desk.book.snapshot.set["ui"] != nil)
    }

    /// Takes flags, history and all from Redis, as a restart without its data does.
    private func lose(_ desk: Desk) throws {
        try desk.byHand("DEL", desk.keys.flags, desk.keys.flagsHistory)
    }

    @Test func aChangeAfterALossWritesEverythingBack() async throws {
        let desk = try Desk()
        let rules = #"{"staff":{"ends_with":[{"var":"email"},"@example.com"]}}"#
        #expect(try await desk.set("$evaluators", rules) == 1)
        #expect(try await desk.set("ui", FlagBookTests.onOff) == 1)
        #expect(try await desk.set("other", FlagBookTests.onOff) == 1)
        try lose(desk)
        #expect(await !desk.book.look().isRead)
        #expect(desk.book.snapshot.lost.count == 3 && desk.book.snapshot.standing == .stale)

        let off = FlagBookTests.onOff.replacing("ENABLED", with: "DISABLED")
        #expect(try await desk.change("ui", off) == FlagLedger.Outcome(changed: 1, restored: 3))
        let snapshot = desk.book.snapshot
        #expect(snapshot.standing == .fresh && snapshot.lost.isEmpty)
        #expect(snapshot.texts == ["$evaluators": rules, "other": FlagBookTests.onOff, "ui": off])
        #expect(try desk.server.command("HLEN", desk.keys.flags) == ":3\r\n")
        #expect(await desk.book.notices.isEmpty)
        let history = try await desk.ledger.history(of: "ui", count: 10)
        #expect(history.map(\.what) == ["", "restored"])
        // What was before the loss is known; before that, nothing is.
        #expect(try await desk.ledger.past(of: "ui", entry: nil) == FlagBookTests.onOff)
        await #expect(throws: FlagRefusal.self) { try await desk.ledger.past(of: "other", entry: nil) }
    }

    @Test func aLostFlagCanBeDeletedEvenTheOnlyOne() async throws {
        let desk = try Desk()
        #expect(try await desk.set("ui", FlagBookTests.onOff) == 1)
        try lose(desk)
        #expect(try await desk.change("ui", nil) == FlagLedger.Outcome(changed: 1, restored: 1))
        #expect(await desk.book.look().isRead)
        #expect(desk.book.snapshot.texts.isEmpty)
    }

    @Test func aFlagWrittenByHandAfterALossTakesNoOtherOutOfForce() async throws {
        let desk = try Desk()
        #expect(try await desk.set("ui", FlagBookTests.onOff) == 1)
        #expect(try await desk.set("other", FlagBookTests.onOff) == 1)
        try lose(desk)
        // Nobody looked between the loss and the edit.
        try desk.byHand("HSET", desk.keys.flags, "new", FlagBookTests.onOff)
        #expect(await !desk.book.look().isRead)
        #expect(desk.book.snapshot.set.keys == ["new", "other", "ui"])
        #expect(await desk.book.notices.contains { $0.contains("has lost 2 of them") })
        // What was written by hand and is taken out again was not lost.
        try desk.byHand("HSET", desk.keys.flags, "ui", FlagBookTests.onOff)
        _ = await desk.book.look()
        try desk.byHand("HDEL", desk.keys.flags, "new")
        _ = await desk.book.look()
        #expect(desk.book.snapshot.set.keys == ["other", "ui"])
        #expect(desk.book.snapshot.lost.keys.map(\.text) == ["other"])
        // All of it by hand is as good.
        try desk.byHand("HSET", desk.keys.flags, "other", FlagBookTests.onOff)
        #expect(await desk.book.look().isRead)
        try desk.byHand("HDEL", desk.keys.flags, "other")
        #expect(await desk.book.look().isRead)
        #expect(desk.book.snapshot.set.keys == ["ui"])
    }
}

extension FlagBook.Snapshot {
    /// The fields in force, as plain texts.
    fileprivate var texts: [String: String] {
        Dictionary(set.texts.map { ($0.key.text, $0.value) }) { first, _ in first }
    }
}
