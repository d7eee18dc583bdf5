import Election
import Linux
import Testing

/// Lost answers, giving up, and standing by.
@Suite struct LeaseReleaseTests {
    private func isAcquire(_ action: LeaseCore.Action?) -> Bool {
        if case .ask(.acquire) = action { true } else { false }
    }

    @Test func aLostAnswerIsRecognised() throws {
        var a = try Transcript()
        _ = a.wake(0)
        _ = a.tell(.failed(StoreFailure(.timeout, "slow")), 200)
        let next = try #require(a.wakesAt)
        _ = a.wake(next)
        let lease = try #require(a.lease(7))
        let actions = a.answer(.held(lease, left: 800), sent: next, next + 1)
        // 800 ms are left: 9 for drift and 50 for margin go off; it renews at once.
        #expect(a.core.standing == .leader(lease, until: Transcript.at(next + 741)))
        #expect(actions.last == .ask(.renew(lease, before: Transcript.at(next + 741))))
    }

    @Test func aSpentLeaseThatStillStandsIsNotLedAgain() throws {
        var (a, lease) = try Transcript.elected()
        _ = a.wake(250)
        _ = a.answer(.lost(to: nil), sent: 250, 251)  // asks to acquire, naming nothing dead
        let actions = a.answer(.held(lease, left: 900), sent: 251, 252)  // a late renewal had its effect
        #expect(
            actions == [
                .ask(
                    .acquire(
                        seen: 7, reason: "the lease of a was removed", dead: lease.token, leaderless: nil))
            ])
        #expect(a.core.standing == .limbo(lease))
    }

    @Test func anOwnOldLeaseThatSomebodyPutThereIsWaitedFor() throws {
        var (a, lease) = try Transcript.elected()
        _ = a.wake(250)
        let other = try #require(a.lease(9, host: "b"))
        _ = a.answer(.lost(to: other), sent: 250, 251)
        let asked = try #require(a.wakesAt)
        _ = a.wake(asked)
        _ = a.answer(.held(other, left: 800), sent: asked, asked + 1)  // b leads, with a higher epoch
        let later = try #require(a.wakesAt)
        _ = a.wake(later)
        // Over b's lease somebody has written an old one of a's; b may not know yet, and lead for up to a TTL.
        #expect(!a.answer(.held(lease, left: nil), sent: later, later + 1).contains { isAcquire($0) })
        let again = later + 1001
        #expect(a.wake(again - 1) == [])
        #expect(a.wake(again).contains { isAcquire($0) })
        let actions = a.answer(.held(lease, left: nil), sent: again, again + 1)
        guard case .ask(.acquire(9, "epoch 9 was reached before", lease.token, _)) = actions.last else {
            Issue.record("\(actions)")
            return
        }
    }

    @Test(arguments: [(0, "start"), (7, "the store lost its memory")])
    func aQuarantineIsWaitedOutAndIsTheReasonForWhoRemembersMore(_ seen: Int64, _ reason: String) throws {
        var a = try Transcript(seen: seen)
        _ = a.wake(0)
        #expect(a.answer(.quarantined(left: 2000), sent: 0, 1).count == 1)
        #expect(a.core.standing == .candidate)
        // Asked once a TTL: should the store lose its memory again meanwhile, its new quarantine begins soon.
        let again = try #require(a.wakesAt)
        #expect((1006...1051).contains(again))
        _ = a.wake(again)
        #expect(a.answer(.quarantined(left: 999), sent: again, again + 1) == [])
        let next = try #require(a.wakesAt)
        #expect((again + 1005...again + 1050).contains(next))
        #expect(a.wake(next - 1) == [])
        #expect(
            a.wake(next) == [.ask(.acquire(seen: seen, reason: reason, dead: nil, leaderless: nil))])
    }

    @Test func aReservationIsWaitedOut() throws {
        var a = try Transcript()
        _ = a.wake(0)
        _ = a.answer(.reserved(host: "c", left: 400), sent: 0, 1)
        let next = try #require(a.wakesAt)
        #expect((406...451).contains(next))
    }

    @Test func resigningStopsBeforeTheReleaseIsSentAndIsFinal() throws {
        var (a, _) = try Transcript.elected()
        let release = ReleaseOrder(.anyOfMine, target: nil, reason: "SIGTERM")
        #expect(
            a.tell(.resign(reason: "SIGTERM"), 100) == [
                .report(.follower(leader: nil), reason: "resigned: SIGTERM"), .ask(.release(release)),
            ])
        #expect(a.answer(.released(true), sent: 100, 101) == [])
        let next = try #require(a.wakesAt)
        #expect(a.wake(next) == [.ask(.look)])
        _ = a.answer(.absent, sent: next, next)
        #expect(a.tell(.hint, next + 300) == [.ask(.look)])
        #expect(a.tell(.resign(reason: "again"), next + 301) == [])
    }

    @Test func resigningWhileAskingReleasesWhateverComes() throws {
        var a = try Transcript()
        _ = a.wake(0)
        #expect(a.tell(.resign(reason: "SIGTERM"), 1) == [])
        let lease = try #require(a.lease(7))
        let actions = a.answer(.acquired(lease, ttl: 1000, reason: "start", note: nil), sent: 0, 2)
        #expect(
            actions == [.ask(.release(ReleaseOrder(.anyOfMine, target: nil, reason: "SIGTERM")))])
    }

    @Test func resigningAfterALostAnswerReleasesToo() throws {
        var a = try Transcript()
        _ = a.wake(0)
        _ = a.tell(.failed(StoreFailure(.timeout, "slow")), 200)
        #expect(
            a.tell(.resign(reason: "SIGTERM"), 201).last
                == .ask(.release(ReleaseOrder(.anyOfMine, target: nil, reason: "SIGTERM"))))
    }

    @Test func aReleaseThatFailsIsTriedUntilTheLeaseHasEndedByItself() throws {
        var (a, _) = try Transcript.elected()
        _ = a.tell(.resign(reason: "SIGTERM"), 100)
        var tries = 1
        var now: Int64 = 101
        while now < 5000 {
            _ = a.tell(.failed(StoreFailure(.unreachable, "down")), now)
            now = try #require(a.wakesAt)
            guard case .ask(.release) = a.wake(now).last else { break }
            tries += 1
        }
        #expect((4...8).contains(tries))
        #expect(a.wakesAt == nil, "nothing is left to be done")
        #expect((1100...1400).contains(now))
    }

    @Test func aHandoverNamesItsTargetAndStandsAgainLater() throws {
        var (a, lease) = try Transcript.elected()
        let actions = a.tell(.handOver(to: "c", reason: "asked"), 100)
        let release = ReleaseOrder(.lease(lease), target: "c", reason: "asked")
        #expect(actions.last == .ask(.release(release)))
        #expect(a.core.standing == .follower(leader: nil))
        _ = a.answer(.released(true), sent: 100, 101)
        let next = try #require(a.wakesAt)
        #expect(next >= 601)
        #expect(isAcquire(a.wake(next).last))
    }

    @Test func theNewsOfAnOwnHandoverDoesNotEndTheRest() throws {
        var (a, _) = try Transcript.elected()
        _ = a.tell(.handOver(to: nil, reason: "asked"), 100)
        _ = a.answer(.released(true), sent: 100, 101)
        #expect(a.tell(.hint, 102) == [])
        let next = try #require(a.wakesAt)
        #expect((601...651).contains(next))
        #expect(isAcquire(a.wake(next).last))
    }

    @Test func aHandoverOfNothingIsIgnored() throws {
        var a = try Transcript()
        _ = a.wake(0)
        #expect(a.tell(.handOver(to: "c", reason: "asked"), 1) == [])
    }

    @Test func theLeaseOfALostReleaseIsNotLedAgain() throws {
        var (a, lease) = try Transcript.elected()
        _ = a.tell(.handOver(to: nil, reason: "asked"), 100)
        var now: Int64 = 101
        while now < 3000 {  // the release gets no answer until it is given up
            _ = a.tell(.failed(StoreFailure(.timeout, "slow")), now)
            now = try #require(a.wakesAt)
            if isAcquire(a.wake(now).last) { break }
        }
        _ = a.answer(.held(lease, left: 500), sent: now, now + 1)
        #expect(a.core.standing.lease(at: Transcript.at(now + 1)) == nil)
    }

    @Test func aPausedAgentLooksAndALeaderGoesOn() throws {
        var a = try Transcript()
        _ = a.tell(.pause(true), 0)
        _ = a.answer(.absent, sent: 0, 1)
        #expect(a.core.standing == .follower(leader: nil))
        let actions = a.tell(.pause(false), 100)
        #expect(isAcquire(actions.last))

        var (b, lease) = try Transcript.elected()
        _ = b.tell(.pause(true), 100)
        #expect(b.core.standing == .leader(lease, until: Transcript.at(939)))
    }

    @Test func anEpochHeardElsewhereIsPassedOn() throws {
        var a = try Transcript()
        _ = a.tell(.epochSeen(77), 0)
        #expect(a.core.highestEpoch == 77)
        _ = a.tell(.epochSeen(.max), 1)
        #expect(a.core.highestEpoch == 77)
    }

    @Test func theReasonInTheHistoryDoesNotDependOnTheSeed() throws {
        for seed in UInt64(1)...20 {
            var a = try Transcript(seed: seed)
            _ = a.wake(0)
            let b = try #require(a.lease(9, host: "b"))
            _ = a.answer(.held(b, left: 700), sent: 0, 1)
            let next = try #require(a.wakesAt)
            guard case .ask(.acquire(9, let reason, nil, _)) = a.wake(next).last else {
                Issue.record("no ask")
                return
            }
            #expect(reason == "the lease of b expired")
        }
    }

    // MARK: - Epochs that others know

    @Test func aLeaderBelowAnEpochThatWasReachedTakesItsLeaseAnew() throws {
        var (a, lease) = try Transcript.elected()
        #expect(a.tell(.epochSeen(7), 50) == [])
        let why = "epoch 90 was reached before: the lease is taken anew"
        let again = LeaseAsk.acquire(
            seen: 90, reason: "epoch 90 was reached before", dead: lease.token, leaderless: nil)
        #expect(a.tell(.epochSeen(90), 60) == [.report(.limbo(lease), reason: why), .ask(again)])
        let next = try #require(a.lease(91))
        _ = a.answer(.acquired(next, ttl: 1000, reason: "start", note: nil), sent: 60, 62)
        #expect(a.core.standing == .leader(next, until: Transcript.at(999)))
    }

    @Test func aRenewalThatIsOutWhenAHigherEpochIsHeardOfKeepsNothing() throws {
        var (a, lease) = try Transcript.elected()
        #expect(a.wake(250) == [.ask(.renew(lease, before: Transcript.at(939)))])
        #expect(a.tell(.epochSeen(90), 260).count == 1)
        let actions = a.answer(.renewed, sent: 250, 270)
        #expect(a.core.standing == .limbo(lease))
        guard case .ask(.acquire(90, _, lease.token, _)) = actions.last else {
            Issue.record("\(actions)")
            return
        }
    }
}
