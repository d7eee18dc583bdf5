import Glibc
import Linux

/// The agent's own process as metrics, by the names that Prometheus' client libraries use.
package enum ProcessMetrics {
    /// The families; what cannot be read has no sample.
    package static func families(proc: String = "/proc", bootTime: UInt64?) -> [MetricFamily] {
        let buffer = ReadBuffer()
        let usage =
            KeptFile.readOnce("\(proc)/self/stat", into: buffer) ? buffer.withBytes(OwnProcess.parse) : nil
        let page = Double(max(1, sysconf(Int32(_SC_PAGESIZE))))
        let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        var limit = rlimit()
        let hasLimit = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        var started: Double?
        if let usage, let bootTime { started = Double(bootTime) + Double(usage.startTicks) / ticks }
        return [
            MetricFamily(
                "process_cpu_seconds_total", .counter, "CPU time of the agent, user and system",
                Double(SelfUsage.cpuNanoseconds()) / 1e9),
            MetricFamily(
                "process_resident_memory_bytes", .gauge, "Resident memory of the agent",
                usage.map { Double($0.residentPages) * page }),
            MetricFamily(
                "process_virtual_memory_bytes", .gauge, "Virtual memory of the agent",
                usage.map { Double($0.virtualBytes) }),
            MetricFamily(
                "process_threads", .gauge, "Threads of the agent", usage.map { Double($0.threads) }),
            MetricFamily(
                "process_start_time_seconds", .gauge, "When the agent started, in seconds since 1970", started
            ),
            MetricFamily(
                "process_open_fds", .gauge, "Descriptors that the agent has open",
                openDescriptors(proc).map { Double($0) }),
            MetricFamily(
                "process_max_fds", .gauge, "Descriptors that the agent may have open",
                hasLimit ? Double(limit.rlim_cur) : nil),
        ]
    }

    /// Since 6.2 the folder's size is their number; before, they have to be counted.
    private static func openDescriptors(_ proc: String) -> Int? {
        let path = "\(proc)/self/fd"
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        if status.st_size > 0 { return Int(status.st_size) }
        guard let folder = opendir(path) else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return max(0, count - 3)  // without `.`, `..` and the folder itself
    }
}

/// What /proc/self/stat says of this process.
struct OwnProcess: Equatable {
    var threads: UInt64
    var startTicks: UInt64
    var virtualBytes: UInt64
    var residentPages: UInt64

    /// Reads a /proc/self/stat; nil when it makes no sense.
    static func parse(_ bytes: Span<UInt8>) -> OwnProcess? {
        guard let end = ProcessStat.nameEnd(bytes) else { return nil }
        var scanner = ByteScanner(bytes.extracting((end + 1)...))
        scanner.skipSpaces()
        scanner.skipWords(17)  // from the state, the third field, to before num_threads, the twentieth
        guard let threads = scanner.number() else { return nil }
        scanner.skipSpaces()
        scanner.skipWords(1)
        guard let start = scanner.number() else { return nil }
        scanner.skipSpaces()
        guard let virtual = scanner.number() else { return nil }
        scanner.skipSpaces()
        guard let resident = scanner.number() else { return nil }
        return OwnProcess(
            threads: threads, startTicks: start, virtualBytes: virtual, residentPages: resident)
    }
}
