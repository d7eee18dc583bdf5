import CLinux
package import Linux

/// The CPU time of this process, so that what an agent costs is not taken for its host's work.
package struct SelfUsage: Sendable {
    private var last: (at: Instant, cpuNanoseconds: Int64)?

    /// A usage without a past.
    package init() {}

    /// The CPU time of this process since its start, all threads, in nanoseconds.
    package static func cpuNanoseconds() -> Int64 { clinux_process_cpu_nanoseconds() }

    /// This process's share of `cores` cores since the call before, 0 to 1; nil at the first and when no time passed.
    package mutating func share(at now: Instant, cores: Int) -> Double? {
        share(at: now, cores: cores, cpuNanoseconds: SelfUsage.cpuNanoseconds())
    }

    mutating func share(at now: Instant, cores: Int, cpuNanoseconds: Int64) -> Double? {
        let before = last
        last = (now, cpuNanoseconds)
        guard let before, cores > 0, now > before.at else { return nil }
        let used = Double(cpuNanoseconds) - Double(before.cpuNanoseconds)
        let elapsed = Double(now.nanoseconds) - Double(before.at.nanoseconds)
        return min(1, max(0, used / elapsed / Double(cores)))
    }
}
