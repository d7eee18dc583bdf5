import Linux

/// Notices a host whose leadership fails again and again, and has it stand back behind the others for a growing time. It
/// never keeps the troop leaderless: who stands back still leads when nobody else does.
struct FlapGuard: Sendable, Equatable {
    /// So many failures within the window make a host stand back.
    static let failuresMax = 3
    static let windowMilliseconds: Int64 = 120_000
    /// How long at first; each further time twice as long, up to the last.
    static let restMilliseconds: Int64 = 30_000
    static let restMillisecondsMax: Int64 = 960_000
    /// After so long without a failure all is forgotten.
    static let calmMilliseconds: Int64 = 1_800_000

    private var failures: [Instant] = []
    private var rests = 0
    private(set) var until: Instant?

    /// Whether the host stands back at this instant.
    func standsBack(at now: Instant) -> Bool { until.map { now < $0 } ?? false }

    /// Counts a leadership that ended otherwise than in good order; how long to stand back from now, when it is enough.
    mutating func failed(at now: Instant) -> Int64? {
        if let last = failures.last, now.milliseconds(since: last) >= Self.calmMilliseconds {
            self = FlapGuard()
        }
        failures.append(now)
        failures.removeAll { now.milliseconds(since: $0) >= Self.windowMilliseconds && $0 != now }
        guard failures.count >= Self.failuresMax, !standsBack(at: now) else { return nil }
        let rest = min(Self.restMilliseconds << Int64(min(rests, 10)), Self.restMillisecondsMax)
        rests += 1
        failures = [now]
        until = now.advanced(milliseconds: rest)
        return rest
    }

    /// What people are told while the host stands back; nil when it does not.
    func notice(at now: Instant) -> String? {
        guard let until, now < until else { return nil }
        let seconds = (until.milliseconds(since: now) + 999) / 1000
        return
            "this host's leadership failed \(Self.failuresMax) times within \(Self.windowMilliseconds / 1000) s; it stands back behind the others for another \(seconds) s"
    }
}
