import Peer
import Testing

@Suite struct CandidacyTests {
    @Test func inASmallTroopNobodyStandsBack() {
        let names = (1...Candidacy.smallTroop).map { "host-\($0)" }
        #expect(names.allSatisfy { !Candidacy.standsBack($0, live: names, isPreferred: false) })
    }

    @Test(arguments: [9, 100, 10_000])
    func inALargeOneAFewAskAtOnce(_ count: Int) {
        let names = (1...count).map { "host-\($0)" }
        let first = names.filter { !Candidacy.standsBack($0, live: names, isPreferred: false) }
        #expect(first.count == Candidacy.places)
    }

    @Test func whoIsPreferredNeverStandsBack() {
        let names = (1...100).map { "host-\($0)" }
        #expect(names.allSatisfy { !Candidacy.standsBack($0, live: names, isPreferred: true) })
    }

    @Test func othersStepForwardWhenTheFirstAreGone() {
        let names = (1...100).map { "host-\($0)" }
        let first = names.filter { !Candidacy.standsBack($0, live: names, isPreferred: false) }
        let left = names.filter { !first.contains($0) }
        #expect(
            left.filter { !Candidacy.standsBack($0, live: left, isPreferred: false) }.count
                == Candidacy.places)
    }
}
