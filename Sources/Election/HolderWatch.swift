package import Linux

/// Watches over the holder of the lease from afar, and knows what proves that it does not lead any more.
///
/// A leader keeps its door (`peer.listen`) open exactly as long as it holds a token, and states the token to whoever
/// connects. Proof of death is an **orderly** end of a connection on which this token was stated, and then, within a
/// short probe, a connect that is refused, or answered with another token: both are words of the kernel, or of the
/// process, that owned the door. A reset, a timeout, an unreachable host or a refusal without that history prove
/// nothing; then the lease runs out by itself.
///
/// A value without I/O: it is told what happened to its one connection, and says what to do with it.
package struct HolderWatch: Sendable, Equatable {
    /// What happened.
    package enum Event: Sendable, Equatable {
        /// This lease is the one to watch; where its holder's door is, if that is known.
        case follow(Lease, at: SocketAddress?)
        /// No lease is to be watched.
        case rest
        /// The door answered with this line.
        case stated(String)
        /// The peer closed the connection in good order (a read of 0 bytes).
        case ended
        /// The connect was refused.
        case refused
        /// Anything else went wrong with the connection.
        case broken
        /// Nothing but time.
        case wake
    }

    /// What to do.
    package enum Action: Sendable, Equatable {
        /// Connect, after closing what is open.
        case connect(SocketAddress)
        case close
        /// The holder of this lease is proven not to lead any more.
        case proven(Lease)
    }

    private enum State: Equatable {
        case idle
        /// Tries again later.
        case resting(until: Instant)
        /// Connecting, or waiting for the door's line.
        case calling(until: Instant)
        /// The token was stated; the connection stays as it is.
        case watching
        /// The connection ended in good order: is the door still there?
        case probing(until: Instant, again: Instant)
    }

    /// How long a call may take, in milliseconds.
    package static let callMilliseconds: Int64 = 250
    /// How long a door is left alone that could not be reached, in milliseconds: a new leader's may open in a moment, so
    /// the first pause is short, and each is twice the one before.
    package static let restMillisecondsMin: Int64 = 50
    package static let restMillisecondsMax: Int64 = 3200
    /// How long a door is left alone that has no place for another visitor, in milliseconds.
    package static let fullMilliseconds: Int64 = 30_000
    /// How long the door is looked for after the connection ended, in milliseconds: a process that dies on a busy machine
    /// takes a while to close all that it had open.
    package static let probeMilliseconds: Int64 = 250
    /// From one look to the next, in milliseconds.
    package static let probePauseMilliseconds: Int64 = 2

    private var state = State.idle
    private var restMilliseconds = HolderWatch.restMillisecondsMin
    private var lease: Lease?
    private var address: SocketAddress?

    /// A watch over nobody.
    package init() {}

    /// When to call `handle(.wake)`; nil: only an event goes on.
    package var wakeAt: Instant? {
        switch state {
        case .idle, .watching: nil
        case .resting(let until), .calling(let until): until
        case .probing(let until, let again): min(until, again)
        }
    }

    /// True while the holder would be missed at once.
    package var isWatching: Bool { state == .watching }

    /// Takes an event and answers with what to do now.
    package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        switch event {
        case .follow(let lease, let address): return follow(lease, address, at: now)
        case .rest:
            let wasIdle = state == .idle
            state = .idle
            lease = nil
            return wasIdle ? [] : [.close]
        case .stated(let line): return stated(line, at: now)
        case .ended: return ended(at: now)
        case .refused: return refused(at: now)
        case .broken:
            switch state {
            case .idle: return []
            case .resting, .calling, .watching: return rest(at: now)
            // A dying process may close its listener a moment after its connections: what waited there is reset.
            case .probing(let until, _): return probeAgain(until: until, at: now)
            }
        case .wake: return wake(at: now)
        }
    }

    private mutating func follow(_ new: Lease, _ where: SocketAddress?, at now: Instant) -> [Action] {
        if new == lease, state != .idle { return [] }
        if new != lease { restMilliseconds = HolderWatch.restMillisecondsMin }
        lease = new
        address = `where`
        return call(at: now)
    }

    private mutating func stated(_ line: String, at now: Instant) -> [Action] {
        guard let lease else { return [] }
        let token = PeerGreeting.token(in: line)
        switch state {
        case .idle, .resting, .watching: return []
        case .calling:
            guard token == lease.token else {
                guard PeerGreeting.isFull(line) else { return rest(at: now) }
                state = .resting(until: now.advanced(milliseconds: HolderWatch.fullMilliseconds))
                return [.close]
            }
            restMilliseconds = HolderWatch.restMillisecondsMin
            state = .watching
            return []
        case .probing:
            if token == lease.token {
                state = .watching
                return []
            }
            // A door without a place says nothing of its owner's token.
            return token == nil ? rest(at: now) : prove(lease)
        }
    }

    private mutating func ended(at now: Instant) -> [Action] {
        switch state {
        case .idle, .resting: return []
        case .calling: return rest(at: now)
        case .watching:
            state = .probing(
                until: now.advanced(milliseconds: HolderWatch.probeMilliseconds),
                again: .init(nanoseconds: .max))
            return address.map { [.connect($0)] } ?? []
        // Closed before it said anything: perhaps on its way out.
        case .probing(let until, _): return probeAgain(until: until, at: now)
        }
    }

    private mutating func probeAgain(until: Instant, at now: Instant) -> [Action] {
        state = .probing(
            until: until, again: now.advanced(milliseconds: HolderWatch.probePauseMilliseconds))
        return [.close]
    }

    private mutating func refused(at now: Instant) -> [Action] {
        switch state {
        case .idle, .resting, .watching: return []
        case .calling: return rest(at: now)
        case .probing: return lease.map { prove($0) } ?? []
        }
    }

    private mutating func wake(at now: Instant) -> [Action] {
        switch state {
        case .idle, .watching: return []
        case .resting(let until): return until <= now ? call(at: now) : []
        case .calling(let until): return until <= now ? rest(at: now) : []
        case .probing(let until, let again):
            if until <= now { return rest(at: now) }
            guard again <= now, let address else { return [] }
            state = .probing(until: until, again: .init(nanoseconds: .max))
            return [.connect(address)]
        }
    }

    private mutating func call(at now: Instant) -> [Action] {
        guard let address else {
            let wasIdle = state == .idle
            state = .idle
            return wasIdle ? [] : [.close]
        }
        state = .calling(until: now.advanced(milliseconds: HolderWatch.callMilliseconds))
        return [.connect(address)]
    }

    private mutating func rest(at now: Instant) -> [Action] {
        state = .resting(until: now.advanced(milliseconds: restMilliseconds))
        restMilliseconds = min(2 * restMilliseconds, HolderWatch.restMillisecondsMax)
        return [.close]
    }

    private mutating func prove(_ lease: Lease) -> [Action] {
        state = .idle
        self.lease = nil
        return [.close, .proven(lease)]
    }
}

/// What a leader says to whoever connects to its door: one line, `troop 1 TOKEN`, or `troop 1 -` when it has no place for
/// another visitor.
package enum PeerGreeting {
    /// A longer line is none, in bytes.
    package static let bytesMax = 256
    /// The line of a leader that has no place left.
    package static let full = "troop 1 -\n"

    /// The line that states a token.
    package static func line(_ token: String) -> String { "troop 1 \(token)\n" }

    /// True for the line (without its end) of a leader that has no place left.
    package static func isFull(_ line: String) -> Bool { line + "\n" == full }

    /// The token that a line states; nil for one that states none.
    package static func token(in line: String) -> String? {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[0] == "troop", words[1] == "1" else { return nil }
        return Lease(token: String(words[2]))?.token
    }
}
