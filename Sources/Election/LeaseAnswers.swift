import Linux

/// How the core takes the store's answers.
extension LeaseCore {
    mutating func answered(_ answer: LeaseAnswer, sent: Instant, at now: Instant) {
        guard let asked = pending else { return }
        pending = nil
        if case .unintelligible(let text) = answer {
            pending = asked
            failed(StoreFailure(.configuration, "the store's answer makes no sense: \(text)"), at: now)
            return
        }
        pace.succeeded()
        if case .acquire = asked.ask { acquireUnknown = false }
        let troubleBefore = trouble
        trouble = nil
        switch answer {
        case .acquired(let lease, let ttl, let reason, let note):
            let reason = "elected: \(reason)" + (note.map { " (\($0))" } ?? "")
            adopt(lease, leaseMilliseconds: ttl, sent: sent, at: now, reason)
        case .held(let lease, let left) where isMine(lease):
            heldByMyself(lease, left: left, asked: asked.ask, sent: sent, at: now)
        case .held(let lease, let left): heldByOther(lease, left: left, at: now, before: troubleBefore)
        case .foreign(let value, let left):
            foreign(value, before: troubleBefore)
            let pause = min(bounded(left), settings.ttlMilliseconds)
            next = now.advanced(milliseconds: pause + pace.jitter())
        case .quarantined(let left):
            storeLost = true
            leaderless("the store is new or lost its memory: no election yet")
            tell(.quarantine, "the store is new or lost its memory: no election yet", before: troubleBefore)
            // Not slept out: a store that loses its memory once more starts anew, and should be found out soon.
            let pause = min(bounded(left), settings.ttlMilliseconds)
            next = now.advanced(milliseconds: pause + pace.jitter())
        case .reserved(let host, let left):
            leaderless("the lease is reserved for \(host)")
            trouble = .reserved
            next = now.advanced(milliseconds: bounded(left) + pace.jitter())
        case .absent:
            leaderless("nobody holds the lease")
            next = now.advanced(milliseconds: settings.ttlMilliseconds / 2 + pace.jitter())
        case .renewed, .reinstated: renewed(asked.ask, answer, sent: sent, at: now)
        case .lost(let holder): lost(to: holder, at: now)
        case .lostToForeign(let value):
            if case .leader(let lease, _) = standing { giveUp(lease, "the lease was overwritten") }
            foreign(value, before: troubleBefore)
            next = now.advanced(milliseconds: settings.renewMilliseconds)
        case .released: released(asked.ask, at: now)
        case .unintelligible: break
        }
        if troubleBefore != nil, trouble == nil, actions.isEmpty { report("in order again") }
        if hintWaits { next = min(next, now) }
        hintWaits = false
    }

    mutating func failed(_ failure: StoreFailure, at now: Instant) {
        guard let asked = pending else { return }
        pending = nil
        if case .acquire = asked.ask { acquireUnknown = true }
        var leading = false
        if case .leader = standing { leading = true }
        next = pace.afterFailure(failure.kind, sent: asked.at, at: now, leading: leading || order != nil)
        // What we knew of the leader has run out: do not go on telling it.
        if case .follower(.some) = standing, holderEnds.map({ $0 <= now }) ?? true {
            leaderless(failure.text)
        }
        let before = trouble
        tell(.store(failure.kind), failure.text, before: before)
        hintWaits = false
    }

    private mutating func adopt(
        _ lease: Lease, leaseMilliseconds: Int64, sent: Instant, at now: Instant, _ reason: String
    ) {
        learn(lease.epoch)
        guard intent != .retired else {  // resigned while asking; the release is ordered already
            spend(lease)
            next = now
            return
        }
        let milliseconds = min(leaseMilliseconds, settings.ttlMilliseconds)
        let until = settings.deadline(sent: sent, leaseMilliseconds: milliseconds)
        guard now < until else {
            spend(lease)
            leaderless("the lease came too late to be used")
            next = now
            return
        }
        spent = nil
        dead = nil
        holder = lease
        holderEnds = nil
        storeLost = false
        move(to: .leader(lease, until: until), reason)
        // With less than a whole TTL left (the answer that brought it was lost) it is renewed at once.
        let whole = milliseconds == settings.ttlMilliseconds
        next = whole ? sent.advanced(milliseconds: settings.renewMilliseconds) : now
    }

    private func isMine(_ lease: Lease) -> Bool {
        lease.host == settings.host && lease.nonce == settings.nonce
    }

    private mutating func heldByOther(_ lease: Lease, left: Int64?, at now: Instant, before: Trouble?) {
        if let text = strangeness(of: lease, left: left) {
            holderEnds = nil
            leaderless(text)
            tell(.foreign, text, before: before)
            let pause = min(bounded(left), settings.ttlMilliseconds)
            next = now.advanced(milliseconds: pause + pace.jitter())
            return
        }
        learn(lease.epoch)
        follow(lease, "\(lease.host) leads with epoch \(lease.epoch)")
        holderEnds = now.advanced(milliseconds: bounded(left))
        let later = isReserve ? pace.reserveDelay() : pace.jitter() + yieldMilliseconds
        next = now.advanced(milliseconds: bounded(left) + 1 + later)
    }

    /// Why a well-formed lease is none that an agent of this troop took; nil when it may well be.
    private func strangeness(of lease: Lease, left: Int64?) -> String? {
        let advice = "it is left alone, and blocks every election; remove it with DEL if nobody owns it"
        if left == nil {
            return "the lease '\(lease)' has no expiry, so no agent wrote it: \(advice)"
        }
        if lease.epoch < highestEpoch {
            return
                "the lease '\(lease)' is older than epoch \(highestEpoch), which was reached before: \(advice)"
        }
        return nil
    }

    private mutating func heldByMyself(
        _ lease: Lease, left: Int64?, asked: LeaseAsk, sent: Instant, at now: Instant
    ) {
        learn(lease.epoch)
        // The answer to an earlier acquire was lost. One below an epoch that was seen since is somebody's doing.
        if lease.epoch > spentEpoch, lease.epoch >= highestEpoch {
            let left = left ?? settings.ttlMilliseconds
            let reason = "elected: an answer was lost, the lease was already held"
            switch asked {
            case .acquire: return adopt(lease, leaseMilliseconds: left, sent: sent, at: now, reason)
            case .look, .renew, .release: break
            }
        }
        leaderless("an own lease that must not be used any more still stands")
        if lease.epoch < highestEpoch, spent != lease {
            // Somebody put it there, maybe over the lease of a leader that does not know yet: that one's time must pass.
            if stray?.lease != lease {
                stray = (lease, now.advanced(milliseconds: settings.ttlMilliseconds))
            }
            if let until = stray?.until, now < until { return next = until }
        }
        spend(lease)
        switch asked {
        case .acquire(_, _, lease.token, _): next = now.advanced(milliseconds: settings.renewMilliseconds)
        case .acquire: next = now  // names the lease as dead this time
        case .look, .renew, .release:
            order = (
                ReleaseOrder(.lease(lease), target: nil, reason: "left over"),
                now.advanced(milliseconds: settings.ttlMilliseconds)
            )
            next = now
        }
    }

    private mutating func renewed(_ asked: LeaseAsk, _ answer: LeaseAnswer, sent: Instant, at now: Instant) {
        guard case .leader(let lease, _) = standing, case .renew(lease, _) = asked else {
            next = now  // the deadline passed before the answer came
            return
        }
        let until = settings.deadline(sent: sent, leaseMilliseconds: settings.ttlMilliseconds)
        standing = .leader(lease, until: until)
        next = sent.advanced(milliseconds: settings.renewMilliseconds)
        if answer == .reinstated { report("kept the lease: the store had lost it") }
    }

    /// A leader that lost its lease does not follow another's token at its word: first it looks whether that is a lease.
    private mutating func lost(to other: Lease?, at now: Instant) {
        next = now
        if case .leader(let lease, _) = standing {
            if let other, !isMine(other) {
                giveUp(lease, "the lease was taken by \(other.host)")
            } else {
                giveUp(lease, "the lease of \(lease.host) is gone from the store")
            }
        }
        if let other, !isMine(other) { next = now.advanced(milliseconds: pace.jitter()) }
        spent = nil
    }

    private mutating func released(_ asked: LeaseAsk, at now: Instant) {
        guard case .release(let done) = asked else { return }
        if order?.release == done { order = nil }
        spent = nil
        // Long enough for the others to be elected first, if there are others.
        let rest = max(settings.handoverMilliseconds, settings.ttlMilliseconds / 2)
        restsUntil = now.advanced(milliseconds: rest + pace.jitter())
        next = order == nil ? restsUntil : now
    }

    private mutating func giveUp(_ lease: Lease, _ reason: String) {
        spend(lease)
        holder = lease
        holderEnds = nil
        move(to: .limbo(lease), reason)
    }

    private mutating func follow(_ lease: Lease, _ reason: String) {
        if dead != lease { dead = nil }
        spent = nil
        holder = lease
        storeLost = false
        move(to: .follower(leader: lease), reason)
    }

    /// Nobody leads: a former leader stays in limbo until it sees another, everybody else stands or waits.
    private mutating func leaderless(_ reason: String) {
        switch standing {
        case .limbo: break
        case .leader(let lease, _): move(to: .limbo(lease), reason)
        case .follower, .candidate:
            move(to: intent == .stands ? .candidate : .follower(leader: nil), reason)
        }
    }

    private mutating func foreign(_ value: String, before: Trouble?) {
        let text =
            "the lease holds '\(value)', which is no token: it is left alone, and blocks every election"
        leaderless(text)
        tell(.foreign, text, before: before)
    }

    private mutating func tell(_ new: Trouble, _ text: String, before: Trouble?) {
        trouble = new
        troubleText = text
        if before != new { report(text) }
    }

    /// A TTL as a wait: at least a millisecond, never more than the longest lease.
    private func bounded(_ left: Int64?) -> Int64 {
        min(max(left ?? settings.ttlMilliseconds, 1), ElectionSettings.ttlMillisecondsMax)
    }
}
