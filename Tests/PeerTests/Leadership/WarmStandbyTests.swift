import Linux
import Testing

@testable import Peer

@Suite struct WarmStandbyTests {
    private func warm(among names: [String], at scale: TroopScale) -> [String] {
        names.filter { WarmStandby.includes($0, live: names, scale: scale, isPreferred: false) }
    }

    @Test func everyHostOfASmallTroopIsWarm() {
        let scale = TroopScale(hosts: Candidacy.smallTroop)
        #expect(WarmStandby.includes("a", live: [], scale: scale, isPreferred: false))
        let names = (1...Candidacy.smallTroop).map { "host-\($0)" }
        #expect(warm(among: names, at: scale) == names)
    }

    /// Who wins at once knows what was before: warm are those that ask at once, and they read the reports.
    @Test(arguments: [3, 6, 8, 9, 100, 500, 501, 10_000])
    func theCandidatesAreWarmAndNobodyElse(_ count: Int) {
        let names = (1...count).map { "host-\($0)" }
        let scale = TroopScale(hosts: count)
        // Candidates are the first of this order; to ask about all of ten thousand takes half a minute.
        let order = names.sorted { Candidacy.rank($0) < Candidacy.rank($1) }
        let candidates = order.prefix(20).filter {
            !Candidacy.standsBack($0, live: names, isPreferred: false)
        }
        #expect(candidates.count == (count <= Candidacy.smallTroop ? count : Candidacy.places))
        let warm = warm(among: names, at: scale)
        #expect(Set(warm).isSubset(of: candidates))
        #expect(order.prefix(3).allSatisfy(warm.contains))
        #expect(candidates.allSatisfy { !scale.isFar($0, isPreferred: false) })
        #expect(warm.count == candidates.count)
    }

    /// When the first die the next are warm, as long as one of the near is left.
    @Test func whoStepsForwardIsWarm() {
        let names = (1...10_000).map { "host-\($0)" }
        let scale = TroopScale(hosts: names.count)
        let near = names.filter { !scale.isFar($0, isPreferred: false) }
        let first = warm(among: names, at: scale)
        let left = names.filter { !first.contains($0) }
        let next = warm(among: left, at: scale)
        #expect(!next.isEmpty && next.allSatisfy(near.contains))
        #expect(next.allSatisfy { !Candidacy.standsBack($0, live: left, isPreferred: false) })
    }

    @Test func whoIsPreferredIsWarm() {
        let names = (1...1000).map { "host-\($0)" }
        let scale = TroopScale(hosts: names.count)
        #expect(
            names.allSatisfy { WarmStandby.includes($0, live: names, scale: scale, isPreferred: true) })
    }

    @Test func aHostThatIsSilentForThreeIntervalsIsNotLive() {
        let now = Instant(nanoseconds: 1_000_000_000_000)
        var book = HostBook()
        book.take(
            [("a", 0), ("b", 14_000), ("c", 16_000)].map {
                HostBook.Line(name: $0.0, fields: ["seq": "1"], ageByStore: $0.1)
            }, at: now)
        #expect(book.live(at: TroopScale(hosts: 3), now: now).sorted() == ["a", "b"])
        #expect(book.live(at: TroopScale(hosts: 25_000), now: now).sorted() == ["a", "b", "c"])
    }
}
