import Election
import Linux

/// What the scripts do in Redis, as a value: the store of the simulation. Compared with a real one in
/// `ScriptModelTests`.
struct StoreModel {
    private(set) var lease: (token: Lease, ends: Instant)?
    private(set) var epoch: Int64 = 0
    private var isKnown = false
    private var quarantineEnds: Instant?
    private var handover: (host: String, ends: Instant)?
    /// Turned off to show that the quarantine is needed.
    var hasQuarantine = true

    /// The store forgets everything.
    mutating func wipe() {
        let hadQuarantine = hasQuarantine
        self = StoreModel()
        hasQuarantine = hadQuarantine
    }

    /// The store restarts with what it had on disk, or with an older lease state.
    mutating func restart(losingLease: Bool) {
        isKnown = false
        if losingLease { lease = nil }
    }

    /// The lease's, the quarantine's or the reservation's time is over.
    mutating func endLease() { lease = nil }
    mutating func endQuarantine() { quarantineEnds = nil }
    mutating func endReservation() { handover = nil }

    /// A real store gave this token in the place of the model's: its clock is another.
    mutating func adopt(_ token: Lease) {
        guard let lease else { return }
        self.lease = (token, lease.ends)
        epoch = token.epoch
    }

    mutating func answer(_ ask: LeaseAsk, of settings: ElectionSettings, at now: Instant) -> LeaseAnswer {
        if let lease, lease.ends <= now { self.lease = nil }
        if let ends = quarantineEnds, ends <= now { quarantineEnds = nil }
        if let handover, handover.ends <= now { self.handover = nil }
        switch ask {
        case .acquire(let seen, let reason, let dead, _):
            notice(settings, now)
            return acquire(seen: seen, reason: reason, dead: dead, settings, now)
        case .renew(let token, _):
            notice(settings, now)
            return renew(token, settings, now)
        case .release(let order):
            guard let lease else { return .released(false) }
            switch order.subject {
            case .lease(let token): guard lease.token == token else { return .released(false) }
            case .anyOfMine:
                guard lease.token.token.hasPrefix(settings.tokenPrefix) else { return .released(false) }
            }
            self.lease = nil
            if let target = order.target {
                handover = (target, now.advanced(milliseconds: settings.handoverMilliseconds))
            }
            return .released(true)
        case .look:
            guard let lease else { return .absent }
            return .held(lease.token, left: lease.ends.milliseconds(since: now))
        }
    }

    private mutating func notice(_ settings: ElectionSettings, _ now: Instant) {
        if !isKnown, hasQuarantine {
            quarantineEnds = now.advanced(milliseconds: settings.quarantineMilliseconds)
        }
        isKnown = true
    }

    private mutating func acquire(
        seen: Int64, reason: String, dead: String?, _ settings: ElectionSettings, _ now: Instant
    ) -> LeaseAnswer {
        if let lease, lease.token.token != dead {
            return .held(lease.token, left: lease.ends.milliseconds(since: now))
        }
        if let quarantineEnds { return .quarantined(left: quarantineEnds.milliseconds(since: now)) }
        if let handover, handover.host != settings.host {
            return .reserved(host: handover.host, left: handover.ends.milliseconds(since: now))
        }
        epoch = max(epoch, seen, now.milliseconds(since: Instant(nanoseconds: 0))) + 1
        guard let token = Lease(host: settings.host, nonce: settings.nonce, epoch: epoch) else {
            return .unintelligible("epoch \(epoch)")
        }
        handover = nil
        lease = (token, now.advanced(milliseconds: settings.ttlMilliseconds))
        return .acquired(token, ttl: settings.ttlMilliseconds, reason: reason, note: nil)
    }

    private mutating func renew(_ token: Lease, _ settings: ElectionSettings, _ now: Instant) -> LeaseAnswer {
        if let lease, lease.token == token {
            self.lease = (token, now.advanced(milliseconds: settings.ttlMilliseconds))
            return .renewed
        }
        if lease == nil, quarantineEnds != nil, token.epoch >= epoch {
            epoch = token.epoch
            lease = (token, now.advanced(milliseconds: settings.ttlMilliseconds))
            return .reinstated
        }
        return .lost(to: lease?.token)
    }
}
