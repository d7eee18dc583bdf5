package import Linux

/// What hears that the elector's thread turns: once a turn, on that thread.
package struct ElectorPulse: Sendable {
    /// The longest the thread may sleep from one beat to the next, in milliseconds.
    package var everyMilliseconds: Int64
    /// Hears a beat: what the agent is, and when. Must not block.
    package var beat: @Sendable (Standing, Instant) -> Void

    /// A pulse from its parts.
    package init(
        everyMilliseconds: Int64, beat: @escaping @Sendable (Standing, Instant) -> Void
    ) {
        self.everyMilliseconds = everyMilliseconds
        self.beat = beat
    }
}
