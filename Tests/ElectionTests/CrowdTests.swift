import Election
import Fixtures
import Glibc
import Linux
import Testing

@Suite(.serialized) struct CrowdTests {
    private static var rounds: Range<Int> {
        0..<max(1, getenv("FAULT_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 1)
    }

    /// Fault 19 of the election's table; FAULT_ROUNDS times, or once.
    @Test(.timeLimit(.minutes(10))) func aHundredThatStartTogetherElectOneWhoStays() async throws {
        for _ in CrowdTests.rounds {
            let server = try RedisServer()
            let troop = try Candidates((0..<100).map { "h\($0)" }, on: server)
            defer { troop.stop() }
            let first = try await troop.leader(within: 30_000)
            let lease = try #require(first.lease)
            let isFollowed = await eventually(within: 30_000) {
                troop.all.filter { $0.elector.standing == .follower(leader: lease) }.count == 99
            }
            #expect(isFollowed)
            let end = Instant.now().advanced(milliseconds: 3000)
            let isReplaced = await eventually(within: 3000) { first.lease != lease && Instant.now() < end }
            #expect(!isReplaced)
        }
    }
}
