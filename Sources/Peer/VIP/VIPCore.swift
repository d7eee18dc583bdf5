import Linux

/// Where the leader's address is to be: a value that is told of elections, of the network and of time, and says what to do.
///
/// The leader has the address and defends it. In limbo it stays, since a proxy that serves is worth more than none, until
/// another station announces it; nobody in limbo announces or defends it. Whoever finds a cable plugged in again looks
/// before it speaks.
struct VIPCore: Sendable, Equatable {
    /// What happened.
    enum Event: Sendable, Equatable {
        /// The agent begins; whether the interface has the address already, and whether a predecessor left it on purpose.
        case start(isPresent: Bool, isInherited: Bool)
        case promoted
        case limbo
        /// Another leads, or this host gave the lease up.
        case demoted
        /// What the interface has, as asked for by `look`, or after `add` or `remove`.
        case found(isPresent: Bool)
        /// `add` or `remove` did not work, for this reason.
        case failed(String)
        /// Another station says that it has the address.
        case claimed(by: String)
        case link(isUp: Bool)
        /// Nothing but time.
        case wake
        /// The agent ends; a successor keeps the address.
        case end(keeps: Bool)
    }

    /// What to do.
    enum Action: Sendable, Equatable {
        case add
        case remove
        /// Tell the network that this station has the address.
        case announce
        /// Ask the network whether another station has it.
        case probe
        /// See whether the interface has it.
        case look
        case tell(Message)
    }

    /// What people want to read afterwards.
    enum Message: Sendable, Equatable {
        case leftover
        case taken
        case givenUp(String)
        case vanished
        case conflict(String)
        case trouble(String)
    }

    private enum State: Equatable {
        case absent
        case leading
        case limbo(until: Instant)
        case leaving(until: Instant)
    }

    /// An announcement may be lost, or be heard by a switch that is still learning: it is repeated after these times.
    static let announcementMilliseconds: [Int64] = [0, 150, 1000]
    /// How long an answer to a probe is waited for.
    static let probeMilliseconds: Int64 = 250
    /// How often the leader looks whether the interface still has the address.
    static let lookMilliseconds: Int64 = 2000
    /// How often a removal that failed is tried again.
    static let removalMilliseconds: Int64 = 1000
    /// A conflict is answered at most so often, and told at most so often.
    static let defenceMilliseconds: Int64 = 1000
    static let conflictMilliseconds: Int64 = 60_000

    private let settings: VIPSettings
    private var state = State.absent
    /// What the interface has, as far as is known.
    private(set) var isHeld = false
    private var linkIsUp = true
    private var announcements: [Instant] = []
    private var probeEnds: Instant?
    private var looksAt = Instant(nanoseconds: .max)
    /// When the removal of an address that is still there is tried again.
    private var removesAt: Instant?
    private var defendedAt: Instant?
    private var conflictAt: Instant?
    private(set) var trouble: String?
    private var actions: [Action] = []

    /// A core that knows of no address yet.
    init(_ settings: VIPSettings) { self.settings = settings }

    /// When to call `handle(.wake)`; nil: only an event goes on.
    var wakeAt: Instant? {
        var times = isHeld ? announcements : []
        if let probeEnds { times.append(probeEnds) }
        switch state {
        case .absent: if isHeld, let removesAt { times.append(removesAt) }
        case .leading: times.append(looksAt)
        case .limbo(let until), .leaving(let until): times.append(until)
        }
        return times.min()
    }

    /// Takes an event and answers with what to do now.
    mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        actions = []
        switch event {
        case .start(let isPresent, let isInherited): start(isPresent, isInherited, at: now)
        case .promoted: promoted(at: now)
        case .limbo:
            guard case .leading = state else { break }
            state = .limbo(until: now.advanced(milliseconds: settings.limboMilliseconds))
            rest()
        case .demoted: demoted(at: now)
        case .found(let isPresent): found(isPresent, at: now)
        case .failed(let why):
            if trouble != why { actions.append(.tell(.trouble(why))) }
            trouble = why
        case .claimed(let station): claimed(by: station, at: now)
        case .link(let isUp): link(isUp, at: now)
        case .wake: break
        case .end(let keeps):
            if state != .absent || isHeld, !keeps { actions.append(.remove) }
            state = .absent
            rest()
        }
        due(at: now)
        return actions
    }

    private mutating func start(_ isPresent: Bool, _ isInherited: Bool, at now: Instant) {
        isHeld = isPresent
        trouble = nil
        // An interface that was found late: who leads already has its next look add what is missing.
        guard isPresent, state == .absent else { return }
        if isInherited {
            // The predecessor's lease is on its way to this agent; until then it is as in limbo.
            state = .limbo(until: now.advanced(milliseconds: settings.limboMilliseconds))
        } else {
            remove(.leftover, at: now)
        }
    }

    private mutating func promoted(at now: Instant) {
        let hadIt = isHeld && state != .absent
        state = .leading
        looksAt = now.advanced(milliseconds: Self.lookMilliseconds)
        actions.append(.add)
        if !hadIt { actions.append(.tell(.taken)) }
        announceFrom(now)
    }

    private mutating func demoted(at now: Instant) {
        switch state {
        case .absent, .leaving: break
        case .leading, .limbo:
            rest()
            guard settings.drainMilliseconds > 0 else { return giveUp("another leads", at: now) }
            state = .leaving(until: now.advanced(milliseconds: settings.drainMilliseconds))
        }
    }

    private mutating func found(_ isPresent: Bool, at now: Instant) {
        let hadIt = isHeld
        isHeld = isPresent
        if isPresent { trouble = nil }
        switch state {
        case .absent: if !isPresent { trouble = nil }
        case .leaving: break
        case .leading:
            guard !isPresent else { break }
            if hadIt { actions.append(.tell(.vanished)) }
            actions.append(.add)
            announceFrom(now)
        case .limbo:
            // Somebody took it away; who cannot prove that it leads does not put it back.
            if !isPresent { state = .absent }
        }
    }

    private mutating func claimed(by station: String, at now: Instant) {
        switch state {
        case .absent: break
        case .limbo, .leaving: giveUp("the station \(station) announces it", at: now)
        case .leading:
            if conflictAt.map({ now.milliseconds(since: $0) >= Self.conflictMilliseconds }) ?? true {
                conflictAt = now
                actions.append(.tell(.conflict(station)))
            }
            if probeEnds != nil {
                // Looked, and found one: the next look at the own interface speaks again, if this agent still leads.
                probeEnds = nil
                announcements = [now.advanced(milliseconds: Self.defenceMilliseconds)]
                return
            }
            let mayDefend = defendedAt.map { now.milliseconds(since: $0) >= Self.defenceMilliseconds } ?? true
            guard isHeld, mayDefend else { return }
            defendedAt = now
            actions.append(.announce)
        }
    }

    private mutating func link(_ isUp: Bool, at now: Instant) {
        guard isUp != linkIsUp else { return }
        linkIsUp = isUp
        announcements = []
        probeEnds = nil
        guard isUp, isHeld else { return }
        switch state {
        case .absent, .leaving: break
        case .leading, .limbo:
            probeEnds = now.advanced(milliseconds: Self.probeMilliseconds)
            actions.append(.probe)
        }
    }

    private mutating func due(at now: Instant) {
        if let ends = probeEnds, ends <= now {
            probeEnds = nil
            if state == .leading { announceFrom(now) }
        }
        // Never for an address that the interface does not have: that would be a hole in the network.
        if isHeld, let first = announcements.first, first <= now {
            announcements.removeAll { $0 <= now }
            if state == .leading { actions.append(.announce) }
        }
        switch state {
        case .absent:
            // Held until it is known to be gone: nothing else would ever take it away.
            guard isHeld else { break }
            if let removesAt, removesAt > now { break }
            if removesAt != nil { actions.append(.remove) }
            removesAt = now.advanced(milliseconds: Self.removalMilliseconds)
        case .leading:
            if looksAt <= now {
                looksAt = now.advanced(milliseconds: Self.lookMilliseconds)
                actions.append(.look)
            }
        case .limbo(let until): if until <= now { giveUp("limbo has lasted too long", at: now) }
        case .leaving(let until): if until <= now { giveUp("another leads", at: now) }
        }
    }

    private mutating func announceFrom(_ now: Instant) {
        guard linkIsUp else { return }
        announcements = Self.announcementMilliseconds.map { now.advanced(milliseconds: $0) }
    }

    private mutating func giveUp(_ why: String, at now: Instant) {
        state = .absent
        rest()
        remove(.givenUp(why), at: now)
    }

    private mutating func remove(_ message: Message, at now: Instant) {
        removesAt = now.advanced(milliseconds: Self.removalMilliseconds)
        actions += [.remove, .tell(message)]
    }

    private mutating func rest() {
        announcements = []
        probeEnds = nil
    }
}
