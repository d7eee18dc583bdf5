import Election
import Linux

/// A core under a hand-moved clock; times are milliseconds from the transcript's start.
struct Transcript {
    typealias Action = LeaseCore.Action

    let settings: ElectionSettings
    var core: LeaseCore

    init(host: String = "a", nonce: String = "n", seen: Int64 = 0, seed: UInt64 = 1) throws {
        settings = try ElectionSettings(host: host, nonce: nonce)
        core = LeaseCore(settings, highestEpochSeen: seen, seed: seed)
    }

    static func at(_ milliseconds: Int64) -> Instant {
        Instant(nanoseconds: 5_000_000_000).advanced(milliseconds: milliseconds)
    }

    mutating func wake(_ at: Int64) -> [Action] { core.handle(.wake, at: Transcript.at(at)) }

    mutating func tell(_ event: LeaseCore.Event, _ at: Int64) -> [Action] {
        core.handle(event, at: Transcript.at(at))
    }

    mutating func answer(_ answer: LeaseAnswer, sent: Int64, _ at: Int64) -> [Action] {
        core.handle(.answered(answer, sent: Transcript.at(sent)), at: Transcript.at(at))
    }

    /// Milliseconds from the start to the next wake.
    var wakesAt: Int64? { core.wakeAt.map { $0.milliseconds(since: Transcript.at(0)) } }

    func lease(_ epoch: Int64, host: String? = nil, nonce: String? = nil) -> Lease? {
        Lease(host: host ?? settings.host, nonce: nonce ?? settings.nonce, epoch: epoch)
    }

    /// A core that was elected at 0 (asked at 0, answered at 2) with epoch 7 and has asked nothing since.
    static func elected() throws -> (Transcript, Lease) {
        var transcript = try Transcript()
        _ = transcript.wake(0)
        guard let lease = transcript.lease(7) else { throw NoLease() }
        _ = transcript.answer(.acquired(lease, ttl: 1000, reason: "start", note: nil), sent: 0, 2)
        return (transcript, lease)
    }

    struct NoLease: Error {}
}
