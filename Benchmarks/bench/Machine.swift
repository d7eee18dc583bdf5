import Glibc

/// The machine that the bench runs on, and which of its cores do what.
struct Machine {
    /// The core of the process that is measured.
    let measured: Int
    /// The core of the load, the backend and everything else.
    let helpers: Int

    /// Takes the first two cores that the bench may use.
    init() throws(BenchFault) {
        let cores = Machine.allowedCores()
        guard let first = cores.first else {
            throw BenchFault("cannot tell which cores this process may use")
        }
        measured = first
        helpers = cores.count > 1 ? cores[1] : first
    }

    /// Processor, kernel, cores and the load at this moment, a line each.
    var description: String {
        let info = TextFile.read("/proc/cpuinfo") ?? ""
        let model = info.split(separator: "\n").first { $0.hasPrefix("model name") }?
            .split(separator: ":").last.map { String($0.drop { $0 == " " }) }
        let kernel = TextFile.read("/proc/sys/kernel/osrelease")?.prefix { $0 != "\n" } ?? "?"
        let load = TextFile.read("/proc/loadavg")?.split(separator: " ").first ?? "?"
        return """
            machine: \(model ?? "unknown processor"), \(Machine.allowedCores().count) cores, Linux \(kernel), \
            load \(load)
            pinned:  the measured process alone on core \(measured); everything else (load, backend, Redis) \
            on core \(helpers)\(measured == helpers ? " (there is only one: read the numbers with care)" : "")
            """
    }

    /// Busy time of the measured core so far, in microseconds, whoever used it.
    func busyMicroseconds() -> Double {
        let lines = (TextFile.read("/proc/stat") ?? "").split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix("cpu\(measured) ") }) else { return 0 }
        let ticks = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard ticks.count >= 8 else { return 0 }
        let busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7]  // not idle, not waiting
        return busy * 1e6 / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private static func allowedCores() -> [Int] {
        let status = TextFile.read("/proc/self/status") ?? ""
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed_list:") }),
            let list = line.split(whereSeparator: { $0 == ":" || $0 == "\t" }).last
        else { return [] }
        return list.split(separator: ",").flatMap { range -> [Int] in
            let ends = range.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first <= last else { return [] }
            return Array(first...last)
        }
    }
}
