import Glibc

/// What is left of something that halves again and again.
enum Decay {
    /// The share left after some nanoseconds; all of it before.
    static func share(after nanoseconds: Int64, halfLife: Int64) -> Float {
        nanoseconds <= 0 ? 1 : exp2f(-Float(nanoseconds) / Float(halfLife))
    }
}

/// The CPU pressure that a host reports: it makes its servers cost more, less and less as the report ages.
enum Pressure {
    /// A report's weight halves in this time.
    static let halfLife: Int64 = 5_000_000_000
    /// What full pressure adds to a cost of 1.
    private static let penaltyMax: Float = 3

    /// The factor of a server's cost for a report of 0…1 of this age.
    static func penalty(_ pressure: Float, age: Int64) -> Float {
        1 + penaltyMax * min(max(pressure, 0), 1) * Decay.share(after: age, halfLife: halfLife)
    }
}
