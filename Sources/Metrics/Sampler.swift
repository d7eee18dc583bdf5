import Glibc
package import Linux

/// Looks at the machine, at a control group or at one process of it; keeps files and the counters of the last look.
///
/// It is not `Sendable`: one thread owns it, for its reads may block for milliseconds on large machines.
package final class Sampler {
    /// A CPU that lost more of its counters than these seconds was taken out and came back.
    private static let resetSeconds: UInt64 = 3
    /// How often disks, network, paging and file systems are looked at, in milliseconds.
    package static let slowMilliseconds: Int64 = 5000
    /// How often the kernel's own averages are read: it renews pressure every 2 s (`PSI_FREQ` in kernel/sched/psi.c)
    /// and load every 5 s.
    private static let averagesMilliseconds: Int64 = 2000
    /// The tick may come a little early: so much earlier counts as in time, in milliseconds.
    private static let slackMilliseconds: Int64 = 250

    private let buffer = ReadBuffer()
    private var files: HostFiles
    private let tree: ProcessTree?
    private let cgroup: Cgroup?
    private let isOfGroup: Bool
    private let allowance: Double?
    private let filesystems: FilesystemWatch?
    private let top: TopWatch?
    private let ticksPerSecond: UInt64
    private let pageBytes: UInt64

    private var times = ProcessorTimes()
    private var timesBefore = ProcessorTimes()
    private var lowWatermarkBytes: UInt64??
    private var selfUsage = SelfUsage()
    private var averagesAt: Instant?
    private var load: LoadAverage?
    private var pressures = Pressure()

    /// The counters of the last slow look.
    private struct SlowLook {
        var at: Instant
        var times: ProcessorTimes
        var disks: DiskCounters?
        var network: NetworkCounters?
        var paging: PagingCounters?
    }
    private var slowLook: SlowLook?
    private var slow = Sample.Slow()
    /// The last sample; nothing known before the first.
    package private(set) var last = Sample()

    /// A sampler of the files below `proc`.
    ///
    /// In scopes `cgroup` and `process`, `cpuAllowance` cores count as all of the CPU; when nil, what the group may use, or
    /// the machine's. File systems and the greediest processes are told where a watch over them is given.
    package init(
        scope: Scope, proc: String = "/proc", cgroups: String = "/sys/fs/cgroup", cpuAllowance: Double? = nil,
        filesystems: FilesystemWatch? = nil, top: TopWatch? = nil
    ) {
        files = HostFiles(proc: proc)
        ticksPerSecond = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        pageBytes = UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))
        allowance = cpuAllowance
        self.filesystems = filesystems
        self.top = top
        switch scope {
        case .host: (tree, cgroup, isOfGroup) = (nil, nil, false)
        case .cgroup(let path):
            tree = nil
            cgroup = Sampler.cgroup(path, proc: proc, root: cgroups, buffer: buffer)
            isOfGroup = true
        case .process(let pidFile):
            tree = ProcessTree(
                pidFile: pidFile, proc: proc, pageBytes: pageBytes, ticksPerSecond: ticksPerSecond)
            (cgroup, isOfGroup) = (nil, false)
        }
    }

    private static func cgroup(_ path: String?, proc: String, root: String, buffer: ReadBuffer) -> Cgroup? {
        let list =
            KeptFile.readOnce("\(proc)/self/cgroup", into: buffer, inPieces: true)
            ? buffer.withBytes(Sampler.text) : ""
        return CgroupPlace.find(path, list: list, root: root, exists: { access($0, F_OK) == 0 })
            .map { Cgroup($0, buffer: buffer) }
    }

    private static func text(_ bytes: Span<UInt8>) -> String {
        bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether what is to be measured was found; false in scope `cgroup` where the kernel shows no groups.
    package var hasItsScope: Bool { !isOfGroup || cgroup != nil }

    /// Reads everything once; shares of CPU time are those since the call before. Disks, network, paging and file
    /// systems are looked at anew every `slowMilliseconds`, or when it is `thorough`.
    package func sample(at now: Instant, thorough: Bool = false) -> Sample {
        let begin = Instant.now()
        var sample = Sample()
        readProcessors(into: &sample)
        readMemory(into: &sample)
        if thorough || isDue(averagesAt, every: Sampler.averagesMilliseconds, at: now) {
            readAverages(at: now)
        }
        (sample.load, sample.pressure) = (load, pressures)
        let isDue = isDue(slowLook?.at, every: Sampler.slowMilliseconds, at: now)
        if isDue || thorough { lookSlowly(at: now) }
        sample.slow = slow
        if let cores = sample.cores { sample.selfCPU = selfUsage.share(at: now, cores: cores) }
        if let tree { readTree(tree, at: now, into: &sample) }
        if isOfGroup { readGroup(at: now, isDue: isDue, into: &sample) }
        sample.readMicroseconds = Int((Instant.now().nanoseconds - begin.nanoseconds) / 1000)
        last = sample
        return sample
    }

    /// Goes on with another /proc as if it were a later moment of this one: snapshots of a host, one after the other.
    package func move(to proc: String) {
        files = HostFiles(proc: proc)
        averagesAt = nil
    }

    private func readProcessors(into sample: inout Sample) {
        swap(&times, &timesBefore)
        // A stat that cannot be read leaves no counters: the next sample then has nothing to compare with.
        if !files.stat.read(into: buffer) { buffer.clear() }
        buffer.withBytes { times.parse($0) }
        if times.count > 0 { sample.cores = times.count }
        guard let shares = ProcessorShares(from: timesBefore, to: times, resetTicks: resetTicks) else {
            return
        }
        sample.cpu = shares.busy
        sample.steal = shares.steal
        sample.iowait = shares.iowait
    }

    private var resetTicks: UInt64 { Sampler.resetSeconds * ticksPerSecond }

    private func readMemory(into sample: inout Sample) {
        guard files.meminfo.read(into: buffer) else { return }
        let info = buffer.withBytes(MemoryInfo.parse)
        guard let total = info.total, total > 0 else { return }
        sample.memoryTotalBytes = total
        let low = info.needsEstimate ? lowWatermark() : nil
        guard let available = info.availableBytes(lowWatermarkBytes: low) else { return }
        sample.memoryAvailableBytes = available
        sample.memoryUsed = 1 - Double(available) / Double(total)
    }

    /// The zones' watermarks; read once, they hardly ever change and their file is long.
    private func lowWatermark() -> UInt64? {
        if let lowWatermarkBytes { return lowWatermarkBytes }
        var bytes: UInt64?
        if KeptFile.readOnce(files.zoneinfo, into: buffer, inPieces: true),
            let pages = buffer.withBytes(MemoryInfo.lowWatermarkPages)
        {
            let (product, overflowed) = pages.multipliedReportingOverflow(by: pageBytes)
            bytes = overflowed ? nil : product
        }
        lowWatermarkBytes = .some(bytes)
        return bytes
    }

    private func isDue(_ last: Instant?, every milliseconds: Int64, at now: Instant) -> Bool {
        guard let last else { return true }
        return now.milliseconds(since: last) >= milliseconds - Sampler.slackMilliseconds
    }

    private func readAverages(at now: Instant) {
        averagesAt = now
        load = files.loadavg.read(into: buffer) ? buffer.withBytes(LoadAverage.parse) : nil
        pressures.cpu = pressure(files.cpuPressure)
        pressures.memory = pressure(files.memoryPressure)
        pressures.io = pressure(files.ioPressure)
    }

    private func pressure(_ file: KeptFile) -> PressureStall? {
        guard file.read(into: buffer) else { return nil }
        return buffer.withBytes(PressureStall.parse)
    }

    // MARK: - What is looked at slowly

    private func lookSlowly(at now: Instant) {
        let earlier = slowLook
        // What each look writes over stays its own: shared with this one, it would be copied by a look to come.
        let later = SlowLook(
            at: now, times: times.apart(),
            disks: files.diskstats.read(into: buffer) ? buffer.withBytes(DiskCounters.parse) : nil,
            network: files.netdev.read(into: buffer) ? buffer.withBytes(NetworkCounters.parse) : nil,
            paging: files.vmstat.read(into: buffer) ? buffer.withBytes(PagingCounters.parse) : nil)
        slowLook = later
        slow = Sample.Slow()
        slow.filesystems = filesystems?.look(at: now)
        slow.consumers = top?.look()
        defer { slow.total() }
        guard let earlier, now > earlier.at else { return }
        let seconds = Double(now.nanoseconds - earlier.at.nanoseconds) / 1e9
        slow.cores = Sample.cores(from: earlier.times, to: later.times, resetTicks: resetTicks)
        slow.disks = later.disks?.rows.readings(since: earlier.disks?.rows, name: \.name) {
            DiskReading(from: $0, to: $1, seconds: seconds)
        }
        slow.interfaces = later.network?.rows.readings(since: earlier.network?.rows, name: \.name) {
            InterfaceReading(from: $0, to: $1, seconds: seconds)
        }
        if let before = earlier.paging, let after = later.paging {
            slow.paging = PagingReading(from: before, to: after, seconds: seconds)
        }
    }

    // MARK: - Scopes

    private func readTree(_ tree: ProcessTree, at now: Instant, into sample: inout Sample) {
        let cores = allowance ?? sample.cores.map { Double($0) }
        sample.allowance = cores
        let reading = tree.read(at: now, cores: cores, buffer: buffer)
        sample.cpu = reading?.cpu
        // The tree is the application's: the agent is no part of it.
        sample.selfCPU = sample.cpu == nil ? nil : 0
        sample.memoryUsed = nil
        guard let reading, let total = sample.memoryTotalBytes else { return }
        sample.memoryUsed = min(1, Double(reading.residentBytes) / Double(total))
    }

    private func readGroup(at now: Instant, isDue: Bool, into sample: inout Sample) {
        let machineCores = sample.cores.map { Double($0) }
        let ofHost = sample
        (sample.cpu, sample.memoryUsed, sample.memoryAvailableBytes) = (nil, nil, nil)
        guard let cgroup else {
            sample.selfCPU = nil
            return
        }
        if isDue { cgroup.readLimits() }
        let reading = cgroup.read(at: now, allowance: allowance, machineCores: machineCores)
        sample.cpu = reading.cpu
        sample.allowance = reading.cores ?? machineCores
        if !cgroup.place.holdsSelf {
            sample.selfCPU = reading.cpu == nil ? nil : 0
        } else if let own = ofHost.selfCPU, let machineCores, let allowance = sample.allowance, allowance > 0
        {
            sample.selfCPU = min(1, own * machineCores / allowance)
        }
        if let stall = reading.pressure.cpu { sample.pressure.cpu = stall }
        if let stall = reading.pressure.memory { sample.pressure.memory = stall }
        if let stall = reading.pressure.io { sample.pressure.io = stall }
        // A group without a limit shares the machine's memory: what others use is not there for it either.
        let machine = ofHost.memoryTotalBytes
        var limit = reading.memoryLimitBytes ?? machine
        if let least = limit, let machine { limit = min(least, machine) }
        guard let limit, limit > 0, let used = reading.workingSetBytes else { return }
        sample.memoryTotalBytes = limit
        sample.memoryUsed = min(1, Double(used) / Double(limit))
        sample.memoryAvailableBytes = min(
            limit.saturatingDifference(used), ofHost.memoryAvailableBytes ?? .max)
    }

    // MARK: - Counters

    /// The host's counters as they are now, for whoever computes rates from them; allocates.
    package func counters() -> HostCounters {
        var counters = HostCounters(ticksPerSecond: ticksPerSecond, sample: last)
        if files.stat.read(into: buffer) {
            buffer.withBytes { bytes in
                counters.processors.parse(bytes)
                counters.system = SystemCounters.parse(bytes)
            }
        }
        if files.meminfo.read(into: buffer) { counters.memory = buffer.withBytes(MemoryLines.parse) }
        if files.loadavg.read(into: buffer) { counters.load = buffer.withBytes(LoadAverage.parse) }
        counters.pressure.cpu = pressure(files.cpuPressure)
        counters.pressure.memory = pressure(files.memoryPressure)
        counters.pressure.io = pressure(files.ioPressure)
        if files.diskstats.read(into: buffer) { counters.disks = buffer.withBytes(DiskCounters.parse) }
        if files.netdev.read(into: buffer) { counters.network = buffer.withBytes(NetworkCounters.parse) }
        if files.vmstat.read(into: buffer) { counters.paging = buffer.withBytes(PagingCounters.parse) }
        return counters
    }
}

/// The host's counters at one moment, and the last sample.
package struct HostCounters: Sendable {
    let ticksPerSecond: UInt64
    package let sample: Sample
    var processors = ProcessorTimes()
    var system = SystemCounters()
    var memory = MemoryLines()
    var load: LoadAverage?
    var pressure = Pressure()
    var disks = DiskCounters()
    var network = NetworkCounters()
    var paging = PagingCounters()

    /// When the machine booted, in seconds since 1970; nil when it is not told.
    package var bootTime: UInt64? { system.bootTime }

    init(ticksPerSecond: UInt64, sample: Sample) {
        self.ticksPerSecond = ticksPerSecond
        self.sample = sample
    }
}
