import CLinux

/// A point on the host's monotonic clock (`CLOCK_BOOTTIME`: it never steps and goes on through a suspend).
///
/// Cores take instants as arguments and never read the clock; only shells call `now()`.
package struct Instant: Hashable, Comparable, Sendable {
    /// Nanoseconds since boot.
    package var nanoseconds: Int64

    /// An instant at a given number of nanoseconds since boot (tests and simulations pick their own).
    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The current instant.
    package static func now() -> Instant { Instant(nanoseconds: clinux_boot_nanoseconds()) }

    package static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    /// How far an instant may lie from the clock's start, in nanoseconds: 73 years.
    private static let reach: Int64 = 1 << 61

    /// The instant `milliseconds` later, or the furthest there is: numbers from outside end here, and must not trap.
    package func advanced(milliseconds: Int64) -> Instant {
        let most = Instant.reach / 1_000_000
        let sum = nanoseconds + min(max(milliseconds, -most), most) * 1_000_000
        return Instant(nanoseconds: min(max(sum, -Instant.reach), Instant.reach))
    }

    /// Milliseconds from `earlier` to this instant; negative when `earlier` is in fact later.
    package func milliseconds(since earlier: Instant) -> Int64 {
        (nanoseconds - earlier.nanoseconds) / 1_000_000
    }
}
