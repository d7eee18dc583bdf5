import Glibc
package import Linux

/// Looks at the machine, or at one process of it; keeps files and the counters of the last look.
///
/// It is not `Sendable`: one thread owns it, for its reads may block for milliseconds on large machines.
package final class Sampler {
    /// A CPU that lost more of its counters than these seconds was taken out and came back.
    private static let resetSeconds: UInt64 = 3

    private let buffer = ReadBuffer()
    private var stat: KeptFile
    private var meminfo: KeptFile
    private var loadavg: KeptFile
    private var cpuPressure: KeptFile
    private var memoryPressure: KeptFile
    private var ioPressure: KeptFile
    private let zoneinfo: String
    private let tree: ProcessTree?
    private let allowance: Double?
    private let ticksPerSecond: UInt64
    private let pageBytes: UInt64

    private var times = ProcessorTimes()
    private var timesBefore = ProcessorTimes()
    private var lowWatermarkBytes: UInt64??
    private var selfUsage = SelfUsage()

    /// A sampler of the files below `proc`. In scope `process`, `cpuAllowance` cores count as all of the CPU: the
    /// machine's when nil.
    package init(scope: Scope, proc: String = "/proc", cpuAllowance: Double? = nil) {
        stat = KeptFile("\(proc)/stat")
        meminfo = KeptFile("\(proc)/meminfo")
        loadavg = KeptFile("\(proc)/loadavg")
        cpuPressure = KeptFile("\(proc)/pressure/cpu")
        memoryPressure = KeptFile("\(proc)/pressure/memory")
        ioPressure = KeptFile("\(proc)/pressure/io")
        zoneinfo = "\(proc)/zoneinfo"
        ticksPerSecond = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        pageBytes = UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))
        allowance = cpuAllowance
        switch scope {
        case .host: tree = nil
        case .process(let pidFile):
            tree = ProcessTree(
                pidFile: pidFile, proc: proc, pageBytes: pageBytes, ticksPerSecond: ticksPerSecond)
        }
    }

    /// Reads everything once; shares of CPU time are those since the call before.
    package func sample(at now: Instant) -> Sample {
        let begin = Instant.now()
        var sample = Sample()
        readProcessors(into: &sample)
        readMemory(into: &sample)
        if loadavg.read(into: buffer) { sample.load = buffer.withBytes(LoadAverage.parse) }
        sample.pressure.cpu = pressure(&cpuPressure)
        sample.pressure.memory = pressure(&memoryPressure)
        sample.pressure.io = pressure(&ioPressure)
        if let cores = sample.cores { sample.selfCPU = selfUsage.share(at: now, cores: cores) }
        if let tree { readTree(tree, at: now, into: &sample) }
        sample.readMicroseconds = Int((Instant.now().nanoseconds - begin.nanoseconds) / 1000)
        return sample
    }

    private func readProcessors(into sample: inout Sample) {
        swap(&times, &timesBefore)
        // A stat that cannot be read leaves no counters: the next sample then has nothing to compare with.
        if !stat.read(into: buffer) { buffer.clear() }
        buffer.withBytes { times.parse($0) }
        if times.count > 0 { sample.cores = times.count }
        let reset = Sampler.resetSeconds * ticksPerSecond
        guard let shares = ProcessorShares(from: timesBefore, to: times, resetTicks: reset) else { return }
        sample.cpu = shares.busy
        sample.steal = shares.steal
        sample.iowait = shares.iowait
    }

    private func readMemory(into sample: inout Sample) {
        guard meminfo.read(into: buffer) else { return }
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
        var file = KeptFile(zoneinfo)
        if file.read(into: buffer), let pages = buffer.withBytes(MemoryInfo.lowWatermarkPages) {
            let (product, overflowed) = pages.multipliedReportingOverflow(by: pageBytes)
            bytes = overflowed ? nil : product
        }
        lowWatermarkBytes = .some(bytes)
        return bytes
    }

    private func pressure(_ file: inout KeptFile) -> PressureStall? {
        guard file.read(into: buffer) else { return nil }
        return buffer.withBytes(PressureStall.parse)
    }

    private func readTree(_ tree: ProcessTree, at now: Instant, into sample: inout Sample) {
        let cores = allowance ?? sample.cores.map { Double($0) }
        let reading = tree.read(at: now, cores: cores, buffer: buffer)
        sample.cpu = reading?.cpu
        // The tree is the application's: the agent is no part of it.
        sample.selfCPU = sample.cpu == nil ? nil : 0
        sample.memoryUsed = nil
        guard let reading, let total = sample.memoryTotalBytes else { return }
        sample.memoryUsed = min(1, Double(reading.residentBytes) / Double(total))
    }
}
