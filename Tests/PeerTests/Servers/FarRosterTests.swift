import Fixtures
import Linux
import Logging
import Peer
import Store
import Synchronization
import Testing

/// An agent of a large troop that neither routes nor leads next, at a real Redis.
@Suite struct FarRosterTests {
    private static let own = "10.0.0.1:3000"

    /// What a roster has said of removals, and whether its entry was still listed then.
    private final class Words: Sendable {
        let all = Mutex<[(word: RemovalWord, wasListed: Bool)]>([])
    }

    private struct Far {
        let server: RedisServer
        let keys = Keys(cluster: "t")
        let roster: Roster
        let words = Words()

        init() throws {
            let server = try RedisServer()
            self.server = server
            let url = try StoreURL(try server.addDocumentedUser(cluster: "t"))
            let pace = TroopPace()
            pace.set(TroopScale(hosts: 10_000), isFar: true)
            roster = Roster(
                store: try Store(StoreSettings(url: url), name: "test") { _ in },
                place: Roster.Place(
                    host: "a", keys: keys,
                    own: Roster.OwnServer(address: try SocketAddress(FarRosterTests.own), weight: 100)),
                pace: pace, folder: try StateFolder(path: server.folder + "/state"), fence: "",
                token: { nil }, onChange: { _ in },
                onWithdrawal: { [words, keys] word in
                    let listed = try? server.command(["HEXISTS", keys.servers, FarRosterTests.own])
                    words.all.withLock { $0.append((word, listed == ":1\r\n")) }
                },
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }

        func hand(_ words: String...) throws -> String { try server.command(words) }

        var isListed: Bool {
            get throws { try hand("HEXISTS", keys.servers, FarRosterTests.own) == ":1\r\n" }
        }
    }

    @Test func whyItsEntryIsRemovedIsSaidBeforeTheListCanShowIt() async throws {
        let far = try Far()
        await far.roster.applicationIsUp()
        #expect(try far.isListed)
        await far.roster.applicationIsGone()
        #expect(try !far.isListed)
        let words = far.words.all.withLock { $0 }
        let expected = RemovalWord(
            server: FarRosterTests.own, by: "agent", reason: "the application does not answer")
        #expect(words.map(\.word) == [expected] && words.allSatisfy(\.wasListed))
    }

    @Test func itRegistersAndKnowsOthersOnlyWhenAsked() async throws {
        let far = try Far()
        _ = try far.hand("SET", far.keys.serversGeneration, "token run")
        _ = try far.hand("HSET", far.keys.servers, "10.0.0.9:3000", "")
        await far.roster.applicationIsUp()
        #expect(try far.isListed)
        await far.roster.lookAtOwn()
        #expect(await far.roster.entries.isEmpty)
        await far.roster.refresh()
        #expect(await far.roster.entries.map(\.address.description) == [FarRosterTests.own, "10.0.0.9:3000"])
    }

    @Test func aWipedStoreGetsTheEntryBackAsAPersonHadLeftIt() async throws {
        let far = try Far()
        await far.roster.applicationIsUp()
        let runID = try far.hand("INFO", "server").split(separator: "\r\n").first { $0.hasPrefix("run_id:") }
        let run = try #require(runID?.dropFirst("run_id:".count))
        _ = try far.hand("SET", far.keys.serversGeneration, "token \(run)")
        await far.roster.lookAtOwn()
        _ = try far.hand("HSET", far.keys.servers, FarRosterTests.own, #"{"state":"out","by":"ann"}"#)
        await far.roster.lookAtOwn()
        _ = try far.hand("FLUSHALL")
        await far.roster.lookAtOwn()
        #expect(try far.isListed)
        let value = try far.hand("HGET", far.keys.servers, FarRosterTests.own)
        #expect(value.contains("\"out\"") && value.contains("ann"), "\(value)")
    }

    @Test func whatAPersonRemovedStaysOut() async throws {
        let far = try Far()
        await far.roster.applicationIsUp()
        let runID = try far.hand("INFO", "server").split(separator: "\r\n").first { $0.hasPrefix("run_id:") }
        let run = try #require(runID?.dropFirst("run_id:".count))
        _ = try far.hand("SET", far.keys.serversGeneration, "token \(run)")
        await far.roster.lookAtOwn()
        _ = try far.hand("HDEL", far.keys.servers, FarRosterTests.own)
        await far.roster.lookAtOwn()
        await far.roster.lookAtOwn()
        #expect(await far.roster.isRemoved)
        #expect(try !far.isListed)
        _ = try far.hand("HSET", far.keys.servers, FarRosterTests.own, "")
        await far.roster.lookAtOwn()
        #expect(await !far.roster.isRemoved)
    }

    @Test func hintsAreAnsweredOnceInALargeTroopAndEachInASmallOne() {
        let pace = TroopPace()
        #expect((0..<3).map { _ in pace.answer("flags") {} } == [true, true, true])
        pace.set(TroopScale(hosts: 1_000_000), isFar: true)
        #expect((0..<3).map { _ in pace.answer("flags") {} } == [true, false, false])
        #expect(pace.answer("orders") {})
    }
}
