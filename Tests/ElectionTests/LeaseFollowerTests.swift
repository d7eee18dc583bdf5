import Election
import Linux
import Testing

/// Following a leader, and waiting for a store in trouble.
@Suite struct LeaseFollowerTests {
    typealias Action = LeaseCore.Action

    private func acquire(
        seen: Int64 = 0, _ reason: String = "start", dead: String? = nil, leaderless: Int64? = nil
    ) -> Action {
        .ask(.acquire(seen: seen, reason: reason, dead: dead, leaderless: leaderless))
    }

    @Test func aFollowerAsksWhenTheLeaseWouldEnd() throws {
        var a = try Transcript()
        _ = a.wake(0)
        let b = try #require(a.lease(9, host: "b"))
        #expect(
            a.answer(.held(b, left: 700), sent: 0, 10) == [
                .report(.follower(leader: b), reason: "b leads with epoch 9")
            ])
        let next = try #require(a.wakesAt)
        #expect((710 + 5...710 + 51).contains(next))
        #expect(
            a.wake(next) == [acquire(seen: 9, "the lease of b expired", leaderless: next - 710)])
    }

    @Test(arguments: 1...40) func theJitterStaysWithinItsBounds(_ seed: UInt64) throws {
        var pace = LeasePace(priority: Int(seed * 5 % 101), seed: seed)
        for _ in 0..<50 { #expect((5...50).contains(pace.jitter())) }
    }

    @Test func aHigherPriorityAsksEarlier() throws {
        var high = LeasePace(priority: 100, seed: 3)
        var low = LeasePace(priority: 0, seed: 4)
        for _ in 0..<100 { #expect(high.jitter() < low.jitter()) }
    }

    @Test func aHintIsFollowedAtOnce() throws {
        var a = try Transcript()
        _ = a.wake(0)
        let b = try #require(a.lease(9, host: "b"))
        _ = a.answer(.held(b, left: 700), sent: 0, 1)
        #expect(a.tell(.hint, 100) == [acquire(seen: 9, "the lease of b was removed")])
    }

    @Test func aHintDuringAnAskCountsAfterTheAnswer() throws {
        var a = try Transcript()
        _ = a.wake(0)
        #expect(a.tell(.hint, 1) == [])
        let b = try #require(a.lease(9, host: "b"))
        let actions = a.answer(.held(b, left: 700), sent: 0, 2)
        #expect(actions.last == acquire(seen: 9, "the lease of b was removed"))
    }

    @Test func aFloodOfHintsMakesSixAsksASecond() throws {
        var a = try Transcript()
        let b = try #require(a.lease(9, host: "b"))
        var asks: [Int64] = []
        for now in Int64(0)..<5000 {
            for action in a.tell(.hint, now) {
                guard case .ask = action else { continue }
                asks.append(now)
                _ = a.answer(.held(b, left: 900), sent: now, now)
            }
        }
        for (first, seventh) in zip(asks, asks.dropFirst(6)) { #expect(seventh - first >= 1000) }
        #expect(asks.count >= 25)
    }

    @Test func aLeaseWithoutExpiryIsToldOnce() throws {
        var a = try Transcript()
        _ = a.wake(0)
        let b = try #require(a.lease(9, host: "b"))
        let reports = a.answer(.held(b, left: nil), sent: 0, 1)
        #expect(reports.count == 1)
        #expect(a.core.standing == .candidate)
        #expect(a.core.highestEpoch == 0)
        _ = a.wake(1001)
        #expect(a.answer(.held(b, left: nil), sent: 1001, 1002) == [])
    }

    @Test func aLeaseOlderThanAnEpochThatWasReachedIsNotFollowed() throws {
        var a = try Transcript(seen: 12)
        _ = a.wake(0)
        let b = try #require(a.lease(11, host: "b"))
        #expect(a.answer(.held(b, left: 700), sent: 0, 1).count == 1)
        #expect(a.core.standing == .candidate)
        // It is looked at again when its time is over, and nobody is elected over it before.
        let next = try #require(a.wakesAt)
        #expect(next > 700)
        #expect(a.wake(next) == [acquire(seen: 12)])
    }

    @Test func aMalformedLeaseIsToldOnceAndNeverTaken() throws {
        var a = try Transcript()
        _ = a.wake(0)
        #expect(a.answer(.foreign("x:y", left: nil), sent: 0, 1).count == 1)
        #expect(a.core.standing == .candidate)
        let next = try #require(a.wakesAt)
        #expect(a.wake(next) == [acquire()])
        #expect(a.answer(.foreign("x:y", left: nil), sent: next, next + 1) == [])
        let again = try #require(a.wakesAt)
        _ = a.wake(again)
        let b = try #require(a.lease(9, host: "b"))
        #expect(a.answer(.held(b, left: 10), sent: again, again).count == 1)
    }

    /// In a large troop all but a few leave the first seconds to the others, and do not crowd at a hint.
    @Test func whoStandsBackAsksLater() throws {
        var a = try Transcript()
        #expect(a.core.watches)
        _ = a.tell(.reserve(true), 0)
        #expect(!a.core.watches)
        let b = try #require(a.lease(9, host: "b"))
        _ = a.answer(.held(b, left: 700), sent: 0, 1)
        #expect(try #require(a.wakesAt) >= 1701)
        #expect(a.tell(.hint, 100) == [])
        #expect(try #require(a.wakesAt) >= 1100)
        _ = a.tell(.reserve(false), 200)
        #expect(try #require(a.wakesAt) <= 1200)
    }

    @Test func aProvenDeathIsUsedForThatLeaseOnly() throws {
        var a = try Transcript()
        _ = a.wake(0)
        let b = try #require(a.lease(9, host: "b"))
        let older = try #require(a.lease(8, host: "b"))
        _ = a.answer(.held(b, left: 700), sent: 0, 1)
        #expect(a.tell(.holderDied(older), 50) == [])
        #expect(a.tell(.holderDied(b), 60) == [])
        let next = try #require(a.wakesAt)
        #expect((60...68).contains(next))
        #expect(a.wake(next) == [acquire(seen: 9, "b died", dead: b.token, leaderless: next - 60)])
    }

    // MARK: - A store in trouble

    @Test(arguments: [StoreFailure.Kind.timeout, .unreachable, .busy])
    func aStoreThatComesBackIsAskedWithinAQuarterSecond(_ kind: StoreFailure.Kind) throws {
        var a = try Transcript()
        var now: Int64 = 0
        var asks: [Int64] = []
        while now < 5000 {
            guard a.wake(now).contains(where: { if case .ask = $0 { true } else { false } }) else {
                Issue.record("no ask at \(now)")
                return
            }
            asks.append(now)
            _ = a.tell(.failed(StoreFailure(kind, "down")), kind == .timeout ? now + 200 : now + 1)
            now = try #require(a.wakesAt)
        }
        for (one, next) in zip(asks, asks.dropFirst()) { #expect(next - one <= 250) }
        for (first, seventh) in zip(asks, asks.dropFirst(6)) { #expect(seventh - first >= 1000) }
    }

    @Test func aWrongPasswordIsNotAskedInAHotLoop() throws {
        var a = try Transcript()
        _ = a.wake(0)
        let failure = StoreFailure(.configuration, "NOAUTH")
        #expect(a.tell(.failed(failure), 1) == [.report(.follower(leader: nil), reason: "NOAUTH")])
        #expect(a.wakesAt == 1000)
        _ = a.wake(1000)
        #expect(a.tell(.failed(failure), 1001) == [])
    }

    @Test func aFollowerForgetsALeaderItCannotSee() throws {
        var a = try Transcript()
        _ = a.wake(0)
        let b = try #require(a.lease(9, host: "b"))
        _ = a.answer(.held(b, left: 700), sent: 0, 1)
        _ = a.tell(.hint, 100)
        _ = a.tell(.failed(StoreFailure(.timeout, "slow")), 300)
        #expect(a.core.standing == .follower(leader: b))
        while a.core.standing == .follower(leader: b), let next = a.wakesAt, next < 2000 {
            _ = a.wake(next)
            _ = a.tell(.failed(StoreFailure(.timeout, "slow")), next + 200)
        }
        #expect(a.core.standing == .candidate)
    }

    @Test func aNonsensicalAnswerIsToldAndNotAskedAgainAtOnce() throws {
        var a = try Transcript()
        _ = a.wake(0)
        #expect(a.answer(.unintelligible("OK"), sent: 0, 1).count == 1)
        #expect(a.wakesAt == 1000)
    }
}
