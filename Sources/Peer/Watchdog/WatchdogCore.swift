import Election
import Linux

/// The device that resets the machine when nobody feeds it.
package struct WatchdogSettings: Sendable, Equatable {
    package var device: String
    /// After how long without food it acts, in milliseconds.
    package var timeoutMilliseconds: Int64
}

/// When a watchdog is fed: by the elector's own turns, often enough, and never by one that still calls itself leader after
/// its deadline. A troop whose Redis is away is no reason: then the elector turns, and says that it is in limbo.
struct WatchdogCore: Sendable, Equatable {
    /// From one feeding to the next, in milliseconds: a third of the time after which the watchdog acts.
    let everyMilliseconds: Int64
    private var fedAt: Instant?

    /// A watchdog that acts after `timeoutMilliseconds` without food.
    init(timeoutMilliseconds: Int64) { everyMilliseconds = max(1, timeoutMilliseconds / 3) }

    /// Whether a turn of the elector at this instant, with this standing, is to feed it.
    mutating func isFed(by standing: Standing, at now: Instant) -> Bool {
        if case .leader(_, let until) = standing, until <= now { return false }
        if let fedAt, now.milliseconds(since: fedAt) < everyMilliseconds { return false }
        fedAt = now
        return true
    }
}
