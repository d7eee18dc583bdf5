import Election
import Linux
import Metrics
import Testing

@testable import Metrics
@testable import Peer

/// What an agent counts of elections.
@Suite struct ElectionTallyTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    @Test func leasesAndLimbosAreCountedOnce() async throws {
        let tally = ElectionTally(LatePlace(), leaseMilliseconds: 1000) { (nil, nil) }
        func lease(_ host: String, _ epoch: Int64) throws -> Lease {
            try #require(Lease(token: "\(host):0123456789abcdef0123456789abcdef:\(epoch)"))
        }
        func note(_ standing: Standing) {
            tally.note(ElectionChange(at: start, standing: standing, reason: "test"))
        }
        let (a, b) = (try lease("a", 1), try lease("b", 2))
        note(.candidate)
        note(.leader(a, until: start))
        note(.leader(a, until: start.advanced(milliseconds: 500)))
        note(.limbo(a))
        note(.limbo(a))
        note(.leader(a, until: start))
        note(.limbo(a))
        note(.follower(leader: b))
        note(.follower(leader: nil))
        note(.follower(leader: b))
        let families = await tally.metricFamilies()
        func value(_ name: String) -> Double? { families.first { $0.name == name }?.samples.first?.value }
        #expect(value("troop_election_wins_total") == 1)
        #expect(value("troop_election_leader_changes_total") == 2)
        #expect(value("troop_election_limbos_total") == 2)
        #expect(value("troop_election_limbo_seconds") == 0)
        #expect(value("troop_election_lease_age_seconds") == nil, "what is not known has no sample")
    }
}
