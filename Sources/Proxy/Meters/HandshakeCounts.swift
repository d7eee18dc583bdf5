/// TLS handshakes with clients.
package struct HandshakeCounts: Sendable, Equatable {
    /// Those that succeeded, resumed ones included.
    package var done: UInt64 = 0
    /// Those that a ticket of an earlier connection made short.
    package var resumed: UInt64 = 0
    /// Failed: no common version, cipher or protocol, or bytes that are no handshake.
    package var refused: UInt64 = 0
    /// Failed: the client went away or took too long.
    package var abandoned: UInt64 = 0
    /// Failed: a request without TLS.
    package var plain: UInt64 = 0

    package init() {}
}

extension HandshakeCounts {
    /// Each handshake once, by the words that metrics have for how it ended.
    var byResult: [(result: String, count: UInt64)] {
        // The counters are read one after the other while workers count.
        [
            ("full", done - min(resumed, done)), ("resumed", resumed), ("refused", refused),
            ("abandoned", abandoned), ("not_tls", plain),
        ]
    }

    /// Adds what one worker counted.
    mutating func add(_ meters: UnsafePointer<ListenerMeters>) {
        done += meters.pointee.handshakes.current
        resumed += meters.pointee.handshakesResumed.current
        refused += meters.pointee.handshakesRefused.current
        abandoned += meters.pointee.handshakesAbandoned.current
        plain += meters.pointee.handshakesPlain.current
    }
}
