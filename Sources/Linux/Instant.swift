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

    /// The instant `milliseconds` later.
    package func advanced(milliseconds: Int64) -> Instant {
        Instant(nanoseconds: nanoseconds + milliseconds * 1_000_000)
    }

    /// Milliseconds from `earlier` to this instant; negative when `earlier` is in fact later.
    package func milliseconds(since earlier: Instant) -> Int64 {
        (nanoseconds - earlier.nanoseconds) / 1_000_000
    }
}
