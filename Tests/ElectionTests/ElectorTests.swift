import Election
import Fixtures
import Glibc
import Linux
import Store
import Testing

@Suite(.serialized) struct ElectorTests {
    private let keys = Candidates.keys

    private func history(_ server: RedisServer) throws -> [HistoryEntry] {
        let store = StoreSettings(url: try StoreURL(server.url()))
        let until = Instant.now().advanced(milliseconds: 5000)
        let connection = try StoreConnection.open(store, until: until)
        return HistoryEntry.list(try connection.call(Command("XRANGE", keys.history, "-", "+"), until: until))
    }

    @Test func threeElectOneAndALeaderThatVanishesIsReplacedWithinItsLease() async throws {
        let server = try RedisServer()
        let troop = try Candidates(["a", "b", "c"], on: server)
        defer { troop.stop() }
        let first = try await troop.leader()
        let firstLease = try #require(first.lease)
        #expect(
            await eventually {
                troop.all.filter { $0.elector.standing == .follower(leader: firstLease) }.count == 2
            })
        first.elector.stop(releasing: false)
        let vanished = Instant.now()
        let second = try await troop.leader(not: first.name)
        #expect(Instant.now().milliseconds(since: vanished) <= 1200)
        #expect(second.reasons.last == "elected: the lease of \(first.name) expired")
        let secondLease = try #require(second.lease)
        #expect(secondLease.epoch > firstLease.epoch)
        let entries = try history(server)
        #expect(entries.map(\.leader) == [first.name, second.name])
        #expect(entries.map(\.epoch) == [firstLease.epoch, secondLease.epoch])
        #expect(entries.last?.leaderlessMilliseconds != nil)
    }

    @Test func aResignationIsFollowedAtOnceByAnElectionThatSaysWhy() async throws {
        let server = try RedisServer()
        // With a lease of ten seconds only the hint can be the cause.
        let troop = try Candidates(["a", "b"], on: server, ttl: 10_000, quarantine: 10_200, hints: true)
        defer { troop.stop() }
        let first = try await troop.leader()
        let lease = try #require(first.lease)
        #expect(
            await eventually {
                troop.all.contains {
                    $0.elector.standing == .follower(leader: lease) && $0.subscription != nil
                }
            })
        #expect(try await eventually { try server.command("PUBSUB", "NUMSUB", keys.lease).contains(":2") })
        let resigned = Instant.now()
        first.elector.resign(reason: "SIGTERM")
        let second = try await troop.leader(not: first.name)
        #expect(Instant.now().milliseconds(since: resigned) < 1000)
        #expect(second.reasons.last == "elected: \(first.name) resigned: SIGTERM")
        #expect(first.reasons.contains("resigned: SIGTERM"))
        let entries = try history(server)
        #expect(entries.map(\.event) == [.elected, .released, .elected])
        #expect(entries.last?.reason == "\(first.name) resigned: SIGTERM")
        #expect(entries.last?.leaderlessMilliseconds.map { $0 < 1000 } == true)
    }

    @Test func aWipedStoreGivesTheLeaseBackAndTheEpochStillRises() async throws {
        let server = try RedisServer()
        let troop = try Candidates(["a", "b"], on: server)
        defer { troop.stop() }
        let first = try await troop.leader()
        let lease = try #require(first.lease)
        try server.command("FLUSHALL")
        #expect(await eventually { first.reasons.contains("kept the lease: the store had lost it") })
        #expect(first.lease == lease)
        #expect(try server.command("GET", keys.lease).contains(lease.token))
        #expect(try history(server).map(\.event) == [.reinstated])
        first.elector.stop()
        let second = try await troop.leader(not: first.name)
        #expect(try #require(second.lease).epoch > lease.epoch)
    }

    @Test func aStoreThatComesBackEmptyHasOneLeader() async throws {
        let server = try RedisServer()
        let troop = try Candidates(["a", "b", "c"], on: server)
        defer { troop.stop() }
        let lease = try #require(try await troop.leader().lease)
        server.stop()
        try server.start()
        var after: Lease?
        #expect(
            await eventually {
                after = troop.leader?.lease
                let token = (try? server.command("GET", keys.lease)) ?? ""
                return after.map { token.contains($0.token) } ?? false
            })
        let now = try #require(after)
        #expect(now == lease || now.epoch > lease.epoch)
    }

    @Test func aFrozenStoreMeansLimboAndThenANewEpoch() async throws {
        let server = try RedisServer()
        let troop = try Candidates(["a", "b"], on: server)
        defer { troop.stop() }
        let first = try await troop.leader()
        let lease = try #require(first.lease)
        let frozen = Instant.now()
        server.pause()
        #expect(await eventually { first.elector.standing == .limbo(lease) })
        #expect(!first.elector.isLeader(at: .now()))
        #expect(first.elector.token(at: .now()) == nil)
        #expect(await eventually { Instant.now().milliseconds(since: frozen) > 3000 })
        #expect(troop.leader == nil)
        #expect(first.changes.all.contains { $0.standing == .limbo(lease) })
        server.resume()
        let next = try #require(try await troop.leader().lease)
        #expect(next.epoch > lease.epoch)
    }

    /// Numbers that no election reaches are no epochs; at the limit itself the election stops rather than fall.
    @Test(arguments: ["2251799813685249", "4503599627370495", "9007199254740993", "99999999999999999999"])
    func anImpossibleEpochIsPassedOver(_ value: String) async throws {
        let server = try RedisServer()
        try server.command("SET", keys.epoch, value)
        let troop = try Candidates(["a", "b"], on: server)
        defer { troop.stop() }
        let first = try await troop.leader()
        let lease = try #require(first.lease)
        first.elector.stop()
        let next = try #require(try await troop.leader(not: first.name).lease)
        #expect(next.epoch > lease.epoch)
        #expect(next.epoch < 1 << 45)
    }

    @Test func epochsDoNotFallAtTheirLimit() async throws {
        let server = try RedisServer()
        try server.command("SET", keys.epoch, "2251799813685247")
        let troop = try Candidates(["a", "b"], on: server)
        defer { troop.stop() }
        let first = try await troop.leader()
        #expect(try #require(first.lease).epoch == Lease.epochMax)
        first.elector.stop()
        let other = try #require(troop.all.first { $0.name != first.name })
        #expect(await eventually { other.reasons.contains { $0.contains("cannot rise") } })
        #expect(troop.leader == nil)
    }

    @Test(arguments: ["zz:abc:99", "zz:abc:2251799813685248"])
    func aTokenWrittenByHandIsToldAndNotFollowed(_ value: String) async throws {
        let server = try RedisServer()
        let troop = try Candidates(["a", "b"], on: server)
        defer { troop.stop() }
        let first = try await troop.leader()
        let lease = try #require(first.lease)
        try server.command("SET", keys.lease, value)
        #expect(await eventually { troop.all.allSatisfy { $0.reasons.contains { $0.contains("DEL") } } })
        #expect(first.elector.standing == .limbo(lease))
        try server.command("DEL", keys.lease)
        let next = try #require(try await troop.leader().lease)
        #expect(next.epoch > lease.epoch)
        #expect(next.epoch < 1 << 45)
    }

    @Test(arguments: ["garbage", ""])
    func aMalformedLeaseIsToldAndLeftAlone(_ value: String) async throws {
        let server = try RedisServer()
        try server.command("SET", keys.lease, value)
        let troop = try Candidates(["a"], on: server)
        defer { troop.stop() }
        let candidate = troop.all[0]
        #expect(
            await eventually { candidate.reasons.contains { $0.contains("'\(value)', which is no token") } })
        // Several polls later it still stands, and was told once.
        let looks = try calls(server)
        #expect(try await eventually { try calls(server) >= looks + 2 })
        #expect(try server.command("GET", keys.lease) == "$\(value.utf8.count)\r\n\(value)\r\n")
        #expect(candidate.reasons.count == 1)
        try server.command("DEL", keys.lease)
        _ = try await troop.leader()
    }

    private func calls(_ server: RedisServer) throws -> Int {
        let line = try server.command("INFO", "commandstats").split(separator: "\r\n").first {
            $0.hasPrefix("cmdstat_evalsha:calls=")
        }
        return line.flatMap { Int($0.dropFirst(22).prefix { $0 != "," }) } ?? 0
    }

    @Test func aHandoverGoesToItsTarget() async throws {
        let server = try RedisServer()
        let troop = try Candidates(["a", "b", "c"], on: server, hints: true)
        defer { troop.stop() }
        let first = try await troop.leader()
        let target = try #require(troop.all.last { $0.name != first.name })
        first.elector.handOver(to: target.name, reason: "asked for")
        let second = try await troop.leader(not: first.name)
        #expect(second.name == target.name)
        #expect(second.reasons.last == "elected: \(first.name) handed over to \(second.name): asked for")
    }

    /// The leader vanishes without a word to Redis; its door closes, and that is enough.
    @Test func aClosedDoorIsAProofOfDeath() async throws {
        let server = try RedisServer()
        let troop = try Candidates(["a", "b", "c"], on: server, ttl: 10_000, doors: true)
        defer { troop.stop() }
        let first = try await troop.leader()
        let lease = try #require(first.lease)
        let others = troop.all.filter { $0.name != first.name }
        #expect(await eventually { others.allSatisfy { $0.elector.isWatching } })
        first.elector.stop(releasing: false)
        let next = try await troop.leader(not: first.name, within: 5000)
        #expect(next.reasons.contains("elected: \(first.name) died"))
        #expect(try history(server).last?.reason == "\(first.name) died")
        #expect(try #require(next.lease).epoch > lease.epoch)
    }

    /// Somebody else sits on the door's port: told, and nothing worse than a slower failover.
    @Test func aDoorThatIsTakenIsTold() async throws {
        let server = try RedisServer()
        let troop = try Candidates(["a", "b"], on: server, doors: true)
        defer { troop.stop() }
        let first = try await troop.leader()
        let other = try #require(troop.all.first { $0.name != first.name })
        #expect(await eventually { other.elector.isWatching })
        let door = try server.command("HGET", keys.host(other.name), Elector.doorField)
        let port = try #require(
            UInt16(door.split(whereSeparator: \.isNewline).last?.split(separator: ":").last ?? ""))
        let squatter = try Squatter(port: port)
        first.elector.stop(releasing: false)
        _ = try await troop.leader(not: first.name, within: 5000)
        #expect(await eventually { other.elector.doorFault?.contains("in use") == true })
        squatter.close()
    }
}

/// Listens on a port of 127.0.0.1, and that is all.
private final class Squatter: Sendable {
    private let descriptor: Int32

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let isThere = try SocketAddress("127.0.0.1:\(port)").withSockaddr { bind(descriptor, $0, $1) } == 0
        try #require(isThere && listen(descriptor, 1) == 0)
    }

    func close() { _ = Glibc.close(descriptor) }
}
