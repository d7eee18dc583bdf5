import Linux

/// The address at the provider that the leader has.
package struct ElasticIPSettings: Sendable, Equatable {
    /// The provider's name of it, as `eipalloc-…`.
    package var allocation: String
    /// How often a leader looks whether it still has it, in milliseconds.
    package var checkMilliseconds: Int64
}

/// When to take an address at the provider, and when to look whether it is there: taken, verified, and taken again when
/// somebody else has it. Only a leader takes; nobody gives the address away, the next leader takes it. A value without I/O.
struct AddressClaim: Sendable, Equatable {
    enum Event: Sendable, Equatable {
        /// This host leads, or does not (limbo included).
        case leads(Bool)
        /// Who has the address, and whether that is this machine.
        case held(isOurs: Bool, by: String)
        case moved
        case failed(String)
        case wake
    }

    enum Action: Sendable, Equatable {
        /// Ask the provider who has it.
        case look
        /// Give it to this machine.
        case move
        case tell(Message)
    }

    enum Message: Sendable, Equatable {
        case taken(afterMilliseconds: Int64)
        case lost(to: String)
        case trouble(String)
    }

    /// From a move to the look that verifies it.
    static let verifyMilliseconds: Int64 = 1000
    /// From a failure to the next try; doubled each time, to the last.
    static let retryMilliseconds: Int64 = 1000
    static let retryMillisecondsMax: Int64 = 30_000

    private let checkMilliseconds: Int64
    private var leads = false
    private var isBusy = false
    private var isVerified = false
    private var wantedSince = Instant(nanoseconds: 0)
    private var next = Instant(nanoseconds: .max)
    private var failures = 0
    /// What is wrong; nil when nothing is.
    private(set) var trouble: String?

    init(checkMilliseconds: Int64) { self.checkMilliseconds = checkMilliseconds }

    /// Takes an event and answers with what to do now; at most one of `look` and `move` is out at a time.
    mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions: [Action] = []
        switch event {
        case .leads(let new):
            if new, !leads {
                wantedSince = now
                isVerified = false
                failures = 0
                next = now
            }
            leads = new
            if !leads { trouble = nil }
        case .wake: break
        case .held(let isOurs, let holder):
            isBusy = false
            guard leads else { break }
            failures = 0
            trouble = nil
            if isOurs {
                if !isVerified {
                    actions.append(.tell(.taken(afterMilliseconds: now.milliseconds(since: wantedSince))))
                }
                isVerified = true
                next = now.advanced(milliseconds: checkMilliseconds)
                break
            }
            if isVerified {
                actions.append(.tell(.lost(to: holder)))
                wantedSince = now
            }
            isVerified = false
            isBusy = true
            return actions + [.move]
        case .moved:
            isBusy = false
            next = now.advanced(milliseconds: Self.verifyMilliseconds)
        case .failed(let why):
            isBusy = false
            guard leads else { break }
            let wait = min(Self.retryMilliseconds << Int64(min(failures, 10)), Self.retryMillisecondsMax)
            failures += 1
            next = now.advanced(milliseconds: wait)
            if trouble != why { actions.append(.tell(.trouble(why))) }
            trouble = why
        }
        if leads, !isBusy, next <= now {
            isBusy = true
            actions.append(.look)
        }
        return actions
    }
}
