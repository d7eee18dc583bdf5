/// An invariant that did not hold, by its number in docs/architecture.md (0: the troop had no leader in time).
package struct Violation: Sendable, CustomStringConvertible {
    package let invariant: Int
    package let text: String
    /// Nanoseconds since the world began.
    package let at: Int64

    package var description: String { "I\(invariant) at \(at / 1_000_000) ms: \(text)" }
}
