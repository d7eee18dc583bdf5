/// What one look at the machine gave; whatever could not be read is nil, never 0.
package struct Sample: Sendable, Equatable {
    /// The busy share of the CPUs since the sample before, 0 to 1; nil in the first one. In scopes `cgroup` and
    /// `process`: the group's or the process tree's share of its allowance.
    package var cpu: Double?
    /// The agent's own part of `cpu`, 0 to 1; 0 where the scope does not hold the agent, nil in the first sample.
    package var selfCPU: Double?
    /// The share of CPU time that the hypervisor gave to others, 0 to 1; the host's in every scope.
    package var steal: Double?
    /// The share of CPU time idle while something waited for a disk, 0 to 1; the host's in every scope.
    package var iowait: Double?
    /// The CPUs that are online.
    package var cores: Int?
    /// The cores that count as all of the CPU, where that is less or more than the machine's.
    package var allowance: Double?
    /// The machine's memory; in scope `cgroup` the group's limit, where it has one.
    package var memoryTotalBytes: UInt64?
    /// The memory that new work could have without swapping; the host's in scope `process`.
    package var memoryAvailableBytes: UInt64?
    /// The share of memory in use, 0 to 1; in scope `process` what the process tree keeps resident.
    package var memoryUsed: Double?
    /// The load averages; the host's in every scope.
    package var load: LoadAverage?
    /// The pressure stall information, empty on kernels without it; the host's, or the control group's where it has any.
    package var pressure = Pressure()
    /// What this sample itself took, by the clock.
    package var readMicroseconds = 0
    /// What is read at a slower pace; as old as that pace at most.
    package var slow = Slow()

    /// What is read every few seconds; the host's in every scope.
    package struct Slow: Sendable, Equatable {
        /// The busy share of each CPU since the look before, by the CPU's number; nil in the first.
        package var cores: [Core]?
        /// The disks, without partitions; nil in the first look and where there is no file of them.
        package var disks: [DiskReading]?
        /// The network interfaces; nil like `disks`.
        package var interfaces: [InterfaceReading]?
        /// Paging; nil like `disks`.
        package var paging: PagingReading?
        /// The file systems; nil before they were asked.
        package var filesystems: [FilesystemReading]?
        /// The greediest processes; nil where nobody asked for them.
        package var consumers: [Consumer]?
        /// What these come to, made once for all the samples that tell it.
        package internal(set) var totals = Totals()

        /// Nothing known.
        package init() {}
    }

    /// The readings of a slow look in a few numbers; nil where nothing is known.
    package struct Totals: Sendable, Equatable {
        /// Bytes a second read from and written to all disks.
        package var diskRead: Double?
        package var diskWritten: Double?
        /// The busy share of the busiest disk, 0 to 1.
        package var diskBusy: Double?
        /// Bytes a second that came and went by the interfaces that lead out of the host.
        package var received: Double?
        package var sent: Double?
        /// The share in use of the fullest file system, 0 to 1.
        package var fullestFilesystem: Double?
    }

    /// One CPU.
    package struct Core: Sendable, Equatable {
        package var number: UInt64
        /// Its busy share, 0 to 1.
        package var busy: Double
    }

    /// A sample that knows nothing.
    package init() {}
}

extension Sample.Slow {
    /// Makes the totals of the readings.
    mutating func total() {
        // Devices whose work others do would count twice.
        let disks = disks?.filter { !DiskCounters.isStacked($0.name) }
        totals.diskRead = sum(disks, \.readBytes)
        totals.diskWritten = sum(disks, \.writtenBytes)
        totals.diskBusy = self.disks?.compactMap(\.busy).max()
        let outer = interfaces?.filter { !NetworkCounters.isInner($0.name) }
        totals.received = sum(outer, \.receivedBytes)
        totals.sent = sum(outer, \.sentBytes)
        // Those that can be written to.
        totals.fullestFilesystem =
            filesystems?.filter { !$0.isReadOnly && $0.device.hasPrefix("/") || $0.mountPoint == "/" }
            .compactMap { $0.space?.used }.max()
    }

    /// The sum of what is known; nil when nothing is.
    private func sum<Reading>(_ readings: [Reading]?, _ value: (Reading) -> Double?) -> Double? {
        guard let known = readings?.compactMap(value), !known.isEmpty else { return nil }
        return known.reduce(0, +)
    }
}
