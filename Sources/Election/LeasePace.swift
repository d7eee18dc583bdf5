package import Linux

/// When to ask next: jitter by priority, back-off after failures, and a bound on how often followers ask.
package struct LeasePace: Sendable {
    /// Followers and candidates ask at most so often in any second.
    package static let asksPerSecondMax = 6
    /// Candidates spread over this much after the lease's end.
    package static let jitterMillisecondsMin: Int64 = 5
    /// From one ask to the next while the store fails: a store that comes back is used within 250 ms.
    package static let failureMilliseconds: Int64 = 200
    /// From one ask to the next while a person has to mend something.
    package static let configurationMilliseconds: Int64 = 1000

    /// Who lets others go first asks so much later: more than the jitter, and no more than a troop can do without a leader
    /// in which all do.
    package static let yieldMilliseconds: Int64 = 150
    /// Who stands back asks so much later than the lease's end, or a hint, spread over so much.
    package static let reserveMillisecondsMin: Int64 = 1000
    package static let reserveMillisecondsSpread: Int64 = 5000

    /// A leader renews on a hint at most so often.
    package static let hintMilliseconds: Int64 = 100

    private var random: UInt64
    private let priorityMilliseconds: Int64
    private var asks: [Instant] = []
    private var failures = 0

    /// A pace whose random numbers follow from `seed` alone.
    package init(priority: Int, seed: UInt64) {
        random = seed
        let priority = Int64(min(max(priority, 0), 100))
        priorityMilliseconds = (100 - priority) * 30 / 100
    }

    /// 5…50 ms, earlier for a higher priority.
    package mutating func jitter() -> Int64 {
        Self.jitterMillisecondsMin + priorityMilliseconds + Int64(draw() % 16)
    }

    /// 0…8 ms by priority: how much later than the first a candidate uses a proof that all of them see at once.
    package var headStart: Int64 { priorityMilliseconds / 4 }

    /// 1…6 s: how much later than the others somebody asks who stands back.
    package mutating func reserveDelay() -> Int64 {
        Self.reserveMillisecondsMin + Int64(draw() % UInt64(Self.reserveMillisecondsSpread))
    }

    /// Notes that the store answered.
    package mutating func succeeded() { failures = 0 }

    /// When to ask again after a failure of an ask sent at `sent`.
    package mutating func afterFailure(
        _ kind: StoreFailure.Kind, sent: Instant, at now: Instant, leading: Bool
    ) -> Instant {
        failures += 1
        let soon = now.advanced(milliseconds: 10 + Int64(draw() % 10))
        switch kind {
        case .timeout, .unreachable, .busy:
            // A broken connection is replaced at once: it says nothing of the store's health.
            if failures == 1 { return soon }
            return max(soon, sent.advanced(milliseconds: Self.failureMilliseconds + Int64(draw() % 25)))
        case .configuration:
            return sent.advanced(
                milliseconds: leading ? Self.failureMilliseconds : Self.configurationMilliseconds)
        }
    }

    /// The first instant, not before `wanted`, at which one more ask is within the bound.
    package func allowed(_ wanted: Instant) -> Instant {
        guard asks.count >= Self.asksPerSecondMax, let oldest = asks.first else { return wanted }
        return max(wanted, oldest.advanced(milliseconds: 1000))
    }

    /// Counts an ask.
    package mutating func asked(at now: Instant) {
        asks.append(now)
        if asks.count > Self.asksPerSecondMax { asks.removeFirst() }
    }

    private mutating func draw() -> UInt64 {  // SplitMix64
        random &+= 0x9E37_79B9_7F4A_7C15
        var word = random
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
