import Peer
import Testing

@Suite struct TroopScaleTests {
    @Test(
        arguments: [
            (0, 1000, 1000), (3, 1000, 1000), (2500, 1000, 1000), (2501, 2000, 1000), (10_000, 4000, 2000),
            (75_000, 30_000, 15_000), (1_000_000, 30_000, 15_000),
        ] as [(Int, Int64, Int64)])
    func aLargerTroopReportsAndIsReadLessOften(_ hosts: Int, _ report: Int64, _ read: Int64) {
        #expect(TroopScale(hosts: hosts).reportMilliseconds == report)
        #expect(TroopScale(hosts: hosts).readMilliseconds == read)
    }

    @Test func inASmallTroopEveryoneIsNear() {
        let scale = TroopScale(hosts: TroopScale.closeTroop)
        let names = (1...TroopScale.closeTroop).map { "host-\($0)" }
        #expect(names.allSatisfy { !scale.isFar($0, isPreferred: false) })
    }

    @Test(arguments: [501, 2000, 10_000, 100_000])
    func inALargeOneAFewAreAndTheFirstCandidatesAmongThem(_ hosts: Int) {
        let scale = TroopScale(hosts: hosts)
        let names = (1...hosts).map { "web-\($0)" }
        let near = names.filter { !scale.isFar($0, isPreferred: false) }
        #expect((1...30).contains(near.count))
        // Who is near by its name alone is among the first by the names of all, and the other way round.
        let first = near.filter { !Candidacy.standsBack($0, live: near, isPreferred: false) }
        #expect(
            first.count == min(near.count, near.count > Candidacy.smallTroop ? Candidacy.places : near.count))
        #expect(!scale.isFar(names[0], isPreferred: true))
    }

    @Test(arguments: [(3, 3), (100, 100), (500, 500)])
    func ofASmallTroopsListEveryoneReadsAllOfIt(_ hosts: Int, _ servers: Int) {
        #expect(TroopScale(hosts: hosts).listMilliseconds(servers: servers) <= 10_000)
    }

    @Test func allTogetherReadNoMoreOfALongListThanANetworkBears() {
        let milliseconds = TroopScale(hosts: 10_000).listMilliseconds(servers: 10_000)
        let bytes: Int64 = 10_000 * 10_000 * 150
        #expect(bytes / milliseconds <= 5000, "bytes in a millisecond")
    }
}
