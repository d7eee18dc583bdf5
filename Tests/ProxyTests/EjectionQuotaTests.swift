import Linux
import Testing

@testable import Proxy

@Suite struct EjectionQuotaTests {
    private static let now: Int64 = 1_000_000_000

    /// A server of this rank, and when its ejection ends if it is ejected.
    private func standing(_ rank: ServerRank, until seconds: Int64? = nil) -> Standing {
        var settings = EjectionSettings()
        var standing = Standing()
        standing.rank = rank
        if let seconds {
            settings.milliseconds = seconds * 1000
            standing.ejection.eject(settings, at: Instant(nanoseconds: Self.now))
        }
        return standing
    }

    private func quota(_ standings: [Standing], panic: Int = 50, share: Int = 50) -> EjectionQuota {
        var settings = EjectionSettings()
        settings.sharePercent = share
        var quota = EjectionQuota(settings, panicPercent: panic)
        for (slot, standing) in standings.enumerated() { quota.count(slot, standing, at: Self.now) }
        return quota
    }

    @Test func halfOfTheServersMayBeOut() {
        let rooms = [0, 1, 2, 3, 4, 9].map { count in
            quota([Standing](repeating: standing(.passed), count: count)).room
        }
        #expect(rooms == [0, 0, 1, 1, 2, 4])
        let one = [standing(.passed, until: 30)] + [Standing](repeating: standing(.passed), count: 5)
        #expect(quota(one).room == 2)
    }

    @Test func noEjectionBringsThePanicAbout() {
        // Two of six are down by their checks: with two more out, fewer than half would be well.
        let down = [ServerRank.failed, .failed, .passed, .passed, .unchecked, .passed].map { standing($0) }
        #expect(quota(down).room == 1)
        #expect(quota(down, panic: 20).room == 2)
        #expect(quota(down, panic: 100).room == 0)
        // The last one that is well stays, whatever the threshold.
        #expect(quota([standing(.failed), standing(.passed)], panic: 0).room == 0)
        // Servers that nobody is behind count for no panic.
        #expect(quota([ServerRank.dead, .dead, .passed, .passed].map { standing($0) }).room == 1)
    }

    @Test func whoIsOutBeyondTheShareComesBackTheSoonestFirst() {
        let shrunk = [
            standing(.passed, until: 60), standing(.passed, until: 30), standing(.passed, until: 90),
            standing(.passed),
        ]
        #expect(quota(shrunk).surplus == [1])
        #expect(quota(shrunk).room == 0)
        #expect(quota(shrunk, share: 75).surplus == [])
        #expect(quota(shrunk, share: 0).surplus == [1, 0, 2])
        // One that is down by its checks would not serve for being let back.
        #expect(quota([standing(.failed, until: 30), standing(.passed, until: 30)]).surplus == [])
    }
}
