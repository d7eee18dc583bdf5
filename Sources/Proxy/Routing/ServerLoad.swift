/// What a pick reads of one server, and nothing else: two of them fit a cache line.
struct ServerLoad: BitwiseCopyable {
    /// The requests of this worker that the server has.
    var inFlight: Int32 = 0
    /// What one request in flight weighs: the mean weight over the server's.
    var share: Float = 1
    /// The time to the first byte of an answer, in nanoseconds, averaged over the latest ones; 0 when unknown.
    var latency: Float = 0
    /// 1, and more for a server that reports pressure.
    var penalty: Float = 1
    /// `latency` times `penalty`.
    var cost: Float = 0
    /// The probability that a pick stays with the server: below 1 while it starts slowly, 0 after a refusal.
    var admission: Float = 1
    /// Takes requests by the table in force.
    var isEligible = false
    /// An answer has come since the last refresh.
    var wasHeard = false

    /// The part of a new latency in the average; two dozen answers replace it.
    private static let gain: Float = 1.0 / 16

    /// Takes the latency of an answer in.
    @inline(__always)
    mutating func note(latency nanoseconds: Float) {
        latency += (nanoseconds - latency) * (latency > 0 ? ServerLoad.gain : 1)
        cost = latency * penalty
        wasHeard = true
    }

    /// Without answers the average is drawn to that of all servers, by half in `latencyHalfLife`: nobody knows
    /// whether a server that was slow still is until it is asked.
    mutating func age(nanoseconds: Int64, mean: Float) {
        if wasHeard {
            wasHeard = false
        } else if latency > 0, mean > 0 {
            latency +=
                (mean - latency) * (1 - Decay.share(after: nanoseconds, halfLife: ServerLoad.latencyHalfLife))
        }
        cost = latency * penalty
    }

    private static let latencyHalfLife: Int64 = 5_000_000_000
}
