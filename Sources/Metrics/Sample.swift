/// What one look at the machine gave; whatever could not be read is nil, never 0.
package struct Sample: Sendable, Equatable {
    /// The busy share of the CPUs since the sample before, 0 to 1; nil in the first one. In scope `process`: the
    /// process tree's share of its allowance.
    package var cpu: Double?
    /// The agent's own part of `cpu`, 0 to 1; 0 where the scope does not hold the agent, nil in the first sample.
    package var selfCPU: Double?
    /// The share of CPU time that the hypervisor gave to others, 0 to 1; the host's in every scope.
    package var steal: Double?
    /// The share of CPU time idle while something waited for a disk, 0 to 1; the host's in every scope.
    package var iowait: Double?
    /// The CPUs that are online.
    package var cores: Int?
    /// The machine's memory.
    package var memoryTotalBytes: UInt64?
    /// The memory that new work could have without swapping; the host's in every scope.
    package var memoryAvailableBytes: UInt64?
    /// The share of memory in use, 0 to 1; in scope `process` what the process tree keeps resident.
    package var memoryUsed: Double?
    /// The load averages; the host's in every scope.
    package var load: LoadAverage?
    /// The pressure stall information; the host's in every scope, empty on kernels without it.
    package var pressure = Pressure()
    /// What this sample itself took, by the clock.
    package var readMicroseconds = 0

    /// A sample that knows nothing.
    package init() {}
}
