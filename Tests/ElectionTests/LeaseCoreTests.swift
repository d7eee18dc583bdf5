import Election
import Linux
import Testing

@Suite struct LeaseCoreTests {
    typealias Action = LeaseCore.Action

    private func acquire(
        seen: Int64 = 0, _ reason: String = "start", dead: String? = nil, leaderless: Int64? = nil
    ) -> Action {
        .ask(.acquire(seen: seen, reason: reason, dead: dead, leaderless: leaderless))
    }

    // MARK: - Being elected and renewing

    @Test func itAsksAtOnceAndLeadsFromTheMomentItAsked() throws {
        var a = try Transcript(seen: 41)
        #expect(a.wake(0) == [acquire(seen: 41)])
        #expect(a.wakesAt == nil)
        let lease = try #require(a.lease(42))
        // The answer takes 150 ms; the deadline counts from the ask.
        let actions = a.answer(.acquired(lease, ttl: 1000, reason: "start", note: nil), sent: 0, 150)
        #expect(actions == [.report(.leader(lease, until: Transcript.at(939)), reason: "elected: start")])
        #expect(a.wakesAt == 250)
        #expect(a.core.highestEpoch == 42)
    }

    @Test func itRenewsFromAskToAskWithoutReports() throws {
        var (a, lease) = try Transcript.elected()
        #expect(a.wake(249) == [])
        #expect(a.wake(250) == [.ask(.renew(lease, before: Transcript.at(939)))])
        #expect(a.answer(.renewed, sent: 250, 260) == [])
        #expect(a.core.standing == .leader(lease, until: Transcript.at(1189)))
        #expect(a.wakesAt == 500)
    }

    @Test func aNoteOfTheStoreIsTold() throws {
        var a = try Transcript()
        _ = a.wake(0)
        let lease = try #require(a.lease(1))
        let answer = LeaseAnswer.acquired(
            lease, ttl: 1000, reason: "start", note: "history not written: WRONGTYPE")
        guard case .report(_, let reason) = a.answer(answer, sent: 0, 1).first else {
            Issue.record("no report")
            return
        }
        #expect(reason == "elected: start (history not written: WRONGTYPE)")
    }

    @Test func anAnswerThatCameAfterTheDeadlineMakesNoLeader() throws {
        var a = try Transcript()
        _ = a.wake(0)
        let lease = try #require(a.lease(7))
        let actions = a.answer(.acquired(lease, ttl: 1000, reason: "start", note: nil), sent: 0, 939)
        // It takes its own leftover lease by a new election, never by the old epoch.
        #expect(actions.last == acquire(seen: 7, dead: lease.token))
        #expect(a.core.standing == .candidate)
    }

    // MARK: - The deadline

    @Test func aLeaderThatCannotAskKeepsTheLeaseUntilTheDeadlineAndNotLonger() throws {
        var (a, lease) = try Transcript.elected()
        _ = a.wake(250)
        let failure = StoreFailure(.unreachable, "Redis is unreachable")
        #expect(
            a.tell(.failed(failure), 251) == [
                .report(.leader(lease, until: Transcript.at(939)), reason: "Redis is unreachable")
            ])
        var asks = 0
        while let next = a.wakesAt, next < 939 {
            if a.wake(next).contains(where: { if case .ask(.renew) = $0 { true } else { false } }) {
                asks += 1
                #expect(a.tell(.failed(failure), next + 1) == [])
            }
        }
        #expect((3...5).contains(asks))
        let actions = a.wake(939)
        guard case .report(.limbo(lease), _) = actions.first, actions.count == 2 else {
            Issue.record("no limbo: \(actions)")
            return
        }
        // From now on it may only be elected anew.
        #expect(actions.last == acquire(seen: 7, "the lease of a expired", dead: lease.token))
    }

    @Test func theDeadlineIsNoticedWhileAnAskIsOut() throws {
        var (a, lease) = try Transcript.elected()
        _ = a.wake(250)
        #expect(a.wakesAt == 939)
        let actions = a.wake(939)
        #expect(actions.count == 1)
        #expect(a.core.standing == .limbo(lease))
        // The late answer says that the lease stands; it must not be believed in again.
        #expect(
            a.answer(.renewed, sent: 250, 940).last
                == acquire(seen: 7, "the lease of a expired", dead: lease.token))
        #expect(a.core.standing == .limbo(lease))
    }

    @Test func readersJudgeTheDeadlineThemselves() throws {
        let (a, lease) = try Transcript.elected()
        #expect(a.core.standing.judged(at: Transcript.at(938)).lease(at: Transcript.at(938)) == lease)
        #expect(a.core.standing.judged(at: Transcript.at(939)) == .limbo(lease))
        #expect(a.core.standing.lease(at: Transcript.at(939)) == nil)
    }

    @Test func aRenewalThatWasNotSentInTimeIsGivenUp() throws {
        var (a, lease) = try Transcript.elected()
        _ = a.wake(250)
        let actions = a.tell(.unsent, 950)
        #expect(a.core.standing == .limbo(lease))
        #expect(actions.last == acquire(seen: 7, "the lease of a expired", dead: lease.token))
    }

    // MARK: - Limbo

    @Test func limboEndsWithANewEpoch() throws {
        var (a, _) = try Transcript.elected()
        _ = a.wake(939)
        let lease = try #require(a.lease(8))
        _ = a.answer(.acquired(lease, ttl: 1000, reason: "x", note: nil), sent: 939, 945)
        #expect(a.core.standing == .leader(lease, until: Transcript.at(1878)))
    }

    /// The answer to an earlier ask was lost: the lease is ours, unless its epoch was passed meanwhile.
    @Test(arguments: [(10, true), (9, true), (8, false)] as [(Int64, Bool)])
    func anOwnTokenThatStandsThereIsTakenUnlessItsEpochWasPassed(_ epoch: Int64, _ leads: Bool) throws {
        var a = try Transcript(seen: 9)
        _ = a.wake(0)
        let own = try #require(a.lease(epoch))
        _ = a.answer(.held(own, left: 800), sent: 0, 2)
        #expect((a.core.standing.lease(at: Transcript.at(3)) == own) == leads, "\(a.core.standing)")
    }

    @Test func limboEndsAtTheSightOfAnotherLeader() throws {
        var (a, _) = try Transcript.elected()
        _ = a.wake(939)
        let b = try #require(a.lease(9, host: "b"))
        #expect(
            a.answer(.held(b, left: 800), sent: 939, 940) == [
                .report(.follower(leader: b), reason: "b leads with epoch 9")
            ])
    }

    @Test func limboOutlastsAQuarantineAndAMalformedLease() throws {
        var (a, lease) = try Transcript.elected()
        _ = a.wake(939)
        _ = a.answer(.quarantined(left: 1500), sent: 939, 940)
        #expect(a.core.standing == .limbo(lease))
        let next = try #require(a.wakesAt)
        #expect((1945...1990).contains(next))  // a TTL later, not at the end
        _ = a.wake(next)
        _ = a.answer(.foreign("hello", left: nil), sent: next, next + 1)
        #expect(a.core.standing == .limbo(lease))
    }

    // MARK: - What the store says to a renewal

    @Test func aStoreThatLostTheLeaseGivesItBack() throws {
        var (a, lease) = try Transcript.elected()
        _ = a.wake(250)
        #expect(
            a.answer(.reinstated, sent: 250, 252) == [
                .report(
                    .leader(lease, until: Transcript.at(1189)),
                    reason: "kept the lease: the store had lost it")
            ])
    }

    @Test func aLeaseThatIsGoneIsAskedForAtOnce() throws {
        var (a, lease) = try Transcript.elected()
        _ = a.wake(250)
        #expect(
            a.answer(.lost(to: nil), sent: 250, 252) == [
                .report(.limbo(lease), reason: "the lease of a is gone from the store"),
                acquire(seen: 7, "the lease of a was removed"),
            ])
    }

    @Test func aLeaseThatAnotherTookMakesAFollowerOnceItWasLookedAt() throws {
        var (a, lease) = try Transcript.elected()
        _ = a.wake(250)
        let b = try #require(a.lease(9, host: "b"))
        #expect(
            a.answer(.lost(to: b), sent: 250, 252) == [
                .report(.limbo(lease), reason: "the lease was taken by b")
            ])
        let next = try #require(a.wakesAt)
        #expect(a.wake(next).count == 1)
        #expect(
            a.answer(.held(b, left: 700), sent: next, next + 1) == [
                .report(.follower(leader: b), reason: "b leads with epoch 9")
            ])
        #expect(a.core.highestEpoch == 9)
    }

    @Test(arguments: [(9, nil), (6, 700)] as [(Int64, Int64?)])
    func aTokenThatNoAgentTookLeavesALeaderInLimbo(_ epoch: Int64, _ left: Int64?) throws {
        var (a, lease) = try Transcript.elected()
        _ = a.wake(250)
        let forged = try #require(a.lease(epoch, host: "zz"))
        _ = a.answer(.lost(to: forged), sent: 250, 252)
        let next = try #require(a.wakesAt)
        _ = a.wake(next)
        let actions = a.answer(.held(forged, left: left), sent: next, next + 1)
        #expect(actions.count == 1)
        #expect(a.core.standing == .limbo(lease))
        #expect(a.core.highestEpoch == 7)
    }

    @Test func anOverwrittenLeaseIsToldAndLeftAlone() throws {
        var (a, lease) = try Transcript.elected()
        _ = a.wake(250)
        let actions = a.answer(.lostToForeign("oops"), sent: 250, 252)
        #expect(a.core.standing == .limbo(lease))
        guard case .report(_, let reason) = actions.last else {
            Issue.record("not told")
            return
        }
        #expect(reason.contains("'oops'"))
    }
}
