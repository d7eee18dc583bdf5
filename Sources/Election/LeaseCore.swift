package import Linux

/// The election as a value: it is told what happened and when, and says what to ask and what to report.
///
/// At most one ask is out at a time. A lease is believed in until a deadline that counts from the moment its ask was
/// **sent**; a lease whose deadline has passed, or that was given up, is never led again, whatever answer comes later:
/// its agent stands anew and gets a new epoch.
package struct LeaseCore: Sendable {
    /// What happened.
    package enum Event: Sendable, Equatable {
        /// Nothing but time.
        case wake
        /// The ask that is out was sent at `sent` and answered.
        case answered(LeaseAnswer, sent: Instant)
        /// The ask that is out got no answer and never will.
        case failed(StoreFailure)
        /// The ask that is out came too late to be sent.
        case unsent
        /// Somebody says that the lease was released or taken: look again.
        case hint
        /// The lease was released for this host: nobody else may take it now.
        case invited
        /// The holder of exactly this lease is proven not to lead any more.
        case holderDied(Lease)
        /// Another source knows of this epoch; a leader below it takes its lease anew, above.
        case epochSeen(Int64)
        /// Do not stand for election (a leader goes on leading), or stand again.
        case pause(Bool)
        /// Stand back behind the candidates that ask at once, or be one of them.
        case reserve(Bool)
        /// Let others who can lead go first, by a moment, or do so no more: one's own leadership failed too often.
        case yield(Bool)
        /// Give the lease to a host, or to anyone, and stand again later.
        case handOver(to: String?, reason: String)
        /// Give the lease up and never stand again.
        case resign(reason: String)
    }

    /// What to do.
    package enum Action: Sendable, Equatable {
        case ask(LeaseAsk)
        case report(Standing, reason: String)
    }

    enum Intent { case stands, paused, retired }

    struct Pending {
        let ask: LeaseAsk
        let at: Instant
    }

    /// What is wrong, so that it is told once and not at every ask.
    enum Trouble: Equatable { case store(StoreFailure.Kind), foreign, quarantine, reserved }

    let settings: ElectionSettings
    var pace: LeasePace
    /// What this agent is.
    package internal(set) var standing: Standing = .follower(leader: nil)
    /// The highest epoch ever heard of.
    package internal(set) var highestEpoch: Int64
    var intent = Intent.stands
    /// True in a large troop for all but a few: others are quicker when a lease ends.
    var isReserve = false
    /// Others go first by so much.
    var yieldMilliseconds: Int64 = 0
    var pending: Pending?
    var next = Instant(nanoseconds: 0)
    var order: (release: ReleaseOrder, expires: Instant)?
    /// The highest epoch of our own that we must never lead again.
    var spentEpoch: Int64 = 0
    /// The spent lease that may still stand in the store.
    var spent: Lease?
    /// An old lease of our own that somebody wrote into the store, and until when it is left alone.
    var stray: (lease: Lease, until: Instant)?
    var dead: Lease?
    /// When the holder was proven dead: its lease ends later, but nobody has led from then on.
    var deadSince: Instant?
    /// The last holder, and when its lease ended or will end as far as we know.
    var holder: Lease?
    var holderEnds: Instant?
    var storeLost = false
    /// An acquire got no answer: it may have had its effect.
    var acquireUnknown = false
    var hintWaits = false
    var lastRenewal = Instant(nanoseconds: 0)
    /// After a handover the others come first; their news, and our own, must not wake us earlier.
    var restsUntil = Instant(nanoseconds: 0)
    var trouble: Trouble? {
        didSet { if trouble == nil { troubleText = nil } }
    }
    /// The trouble in words for people; nil when there is none that people should know of.
    package internal(set) var troubleText: String?
    var actions: [Action] = []

    /// A core that asks at its first event; `seed` decides its jitter.
    package init(_ settings: ElectionSettings, highestEpochSeen: Int64, seed: UInt64) {
        self.settings = settings
        highestEpoch = min(max(highestEpochSeen, 0), Lease.epochMax)
        pace = LeasePace(priority: settings.priority, seed: seed)
    }

    /// When to call `handle(.wake)` unless something else happens earlier; nil: an answer is awaited.
    package var wakeAt: Instant? {
        let ask = pending == nil ? next : nil
        guard case .leader(_, let until) = standing else { return ask }
        return ask.map { min($0, until) } ?? until
    }

    /// True while the death of the leader that is followed is worth noticing at once.
    package var watches: Bool { intent == .stands && !isReserve }

    /// Takes an event and answers with what to do now, reports before the ask that follows from them.
    package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        actions = []
        lapse(at: now)
        switch event {
        case .wake: break
        case .answered(let answer, let sent): answered(answer, sent: sent, at: now)
        case .failed(let failure): failed(failure, at: now)
        case .unsent:
            pending = nil
            next = now
        case .hint: hinted(at: now)
        case .invited:
            restsUntil = now
            next = min(next, now)
            if pending != nil { hintWaits = true }
        case .holderDied(let lease):
            guard holder == lease, standing.isSame(as: .follower(leader: lease)) else { break }
            if dead != lease { deadSince = now }
            dead = lease
            // Of several who saw it, the one with the highest priority asks first.
            next = min(next, now.advanced(milliseconds: pace.headStart + yieldMilliseconds))
        case .epochSeen(let epoch): surpass(epoch, at: now)
        case .pause(let paused):
            if intent != .retired { intent = paused ? .paused : .stands }
            next = min(next, now)
        case .reserve(let isReserve):
            guard isReserve != self.isReserve else { break }
            self.isReserve = isReserve
            if !isReserve { next = min(next, now.advanced(milliseconds: settings.ttlMilliseconds)) }
        case .yield(let yields): yieldMilliseconds = yields ? LeasePace.yieldMilliseconds : 0
        case .handOver(let target, let reason): handOver(to: target, reason: reason, at: now)
        case .resign(let reason): resign(reason: reason, at: now)
        }
        ask(at: now)
        return actions
    }

    // MARK: - What we decide ourselves

    private mutating func lapse(at now: Instant) {
        guard case .leader(let lease, let until) = standing, until <= now else { return }
        spend(lease)
        holder = lease
        holderEnds = until.advanced(milliseconds: settings.marginMilliseconds)
        move(to: .limbo(lease), "no renewal in time: the lease of \(lease.host) may have expired")
        if pending == nil { next = min(next, now) }
    }

    /// A hint during an ask counts after its answer: the answer may be older.
    private mutating func hinted(at now: Instant) {
        if pending != nil { hintWaits = true }
        guard case .leader = standing else {
            return next = min(
                next,
                isReserve
                    ? now.advanced(milliseconds: pace.reserveDelay())
                    : now.advanced(milliseconds: yieldMilliseconds))
        }
        next = min(next, max(now, lastRenewal.advanced(milliseconds: LeasePace.hintMilliseconds)))
    }

    /// Whoever knows of a higher epoch refuses what is done under this one; that happens after a store has lost what it
    /// knew. The own lease is stepped over at once: nobody else gets it in between.
    private mutating func surpass(_ epoch: Int64, at now: Instant) {
        learn(epoch)
        guard case .leader(let lease, _) = standing, lease.epoch < highestEpoch else { return }
        spend(lease)
        holder = lease
        holderEnds = nil
        move(to: .limbo(lease), "epoch \(highestEpoch) was reached before: the lease is taken anew")
        if pending == nil { next = min(next, now) }
    }

    private mutating func handOver(to target: String?, reason: String, at now: Instant) {
        guard case .leader(let lease, _) = standing else { return }
        release(.lease(lease), target: target, reason: reason, at: now)
        spend(lease)
        move(to: .follower(leader: nil), "handed over to \(target ?? "anyone"): \(reason)")
    }

    private mutating func resign(reason: String, at now: Instant) {
        guard intent != .retired else { return }
        intent = .retired
        var mayHold = spent != nil || acquireUnknown || order != nil
        if case .acquire = pending?.ask { mayHold = true }
        if case .leader(let lease, _) = standing {
            spend(lease)
            mayHold = true
        }
        // This run never stands again, so whatever it may still hold can go, known or not.
        if mayHold { release(.anyOfMine, target: order?.release.target, reason: reason, at: now) }
        switch standing {
        case .leader, .candidate, .limbo: move(to: .follower(leader: nil), "resigned: \(reason)")
        case .follower: break
        }
    }

    private mutating func release(
        _ subject: ReleaseOrder.Subject, target: String?, reason: String, at now: Instant
    ) {
        let expires = now.advanced(milliseconds: settings.ttlMilliseconds)
        order = (ReleaseOrder(subject, target: target, reason: reason), expires)
        next = now
    }

    // MARK: - Asking

    private mutating func ask(at now: Instant) {
        guard pending == nil else { return }
        if let order, order.expires <= now { self.order = nil }  // by then the lease has ended by itself
        let wanted = wantedAsk(at: now)
        switch wanted {
        case .acquire: next = pace.allowed(max(next, restsUntil))
        case .look: next = pace.allowed(next)
        case .renew, .release: break
        }
        guard next <= now else { return }
        switch wanted {
        case .acquire, .look: pace.asked(at: now)
        case .renew: lastRenewal = now
        case .release: break
        }
        pending = Pending(ask: wanted, at: now)
        actions.append(.ask(wanted))
    }

    private func wantedAsk(at now: Instant) -> LeaseAsk {
        if let order { return .release(order.release) }
        if case .leader(let lease, let until) = standing { return .renew(lease, before: until) }
        guard intent == .stands else { return .look }
        let end = dead == nil ? holderEnds : deadSince
        let ended = end.map { now.milliseconds(since: $0) } ?? -1
        return .acquire(
            seen: highestEpoch, reason: reasonToStand(at: now), dead: (dead ?? spent)?.token,
            leaderless: ended < 0 ? nil : ended)
    }

    /// Why there is an election, as far as we know; the script knows better when the last leader released.
    private func reasonToStand(at now: Instant) -> String {
        // Who has never heard of an epoch saw nothing that could have been lost. It goes first: a leader whose lease was lost
        // closes its door as a dead one's is closed.
        if storeLost, highestEpoch > 0 { return "the store lost its memory" }
        if let dead { return "\(dead.host) died" }
        if let spent, spent.epoch < highestEpoch { return "epoch \(highestEpoch) was reached before" }
        guard let holder else { return "start" }
        let isOver = holderEnds.map { $0 <= now || holder == spent } ?? false
        return "the lease of \(holder.host) \(isOver ? "expired" : "was removed")"
    }

    // MARK: - Notes

    /// Notes an epoch that somebody has reached.
    mutating func learn(_ epoch: Int64) {
        if epoch <= Lease.epochMax { highestEpoch = max(highestEpoch, epoch) }
    }

    /// Notes that a lease of ours must not be led (again).
    mutating func spend(_ lease: Lease) {
        spentEpoch = max(spentEpoch, lease.epoch)
        spent = lease
    }

    /// Changes the standing and reports it, unless only the deadline differs.
    mutating func move(to new: Standing, _ reason: String) {
        let changed = !standing.isSame(as: new)
        standing = new
        if changed { report(reason) }
    }

    /// Reports the standing, once for one reason.
    mutating func report(_ reason: String) {
        let action = Action.report(standing, reason: reason)
        if actions.last != action { actions.append(action) }
    }
}
