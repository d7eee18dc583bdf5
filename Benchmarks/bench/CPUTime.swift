import Glibc

/// The CPU time of a process so far: nanoseconds from the scheduler, split by the kernel's user and system ticks.
struct CPUTime {
    /// What one thread has used.
    struct OfThread {
        let name: String
        var nanoseconds: Int64
    }

    var threads: [Int32: OfThread] = [:]
    var userTicks: Int64 = 0
    var systemTicks: Int64 = 0

    /// Reads the time of a running process; nil when there is none.
    init?(of pid: pid_t) {
        guard let stat = TextFile.read("/proc/\(pid)/stat"), let nameEnd = stat.lastIndex(of: ")") else {
            return nil
        }
        // Fields 14 and 15, counted from 1; the third is the first one after the name.
        let fields = stat[stat.index(after: nameEnd)...].split(separator: " ")
        guard fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12]) else {
            return nil
        }
        (userTicks, systemTicks) = (user, system)
        for name in Folder.names(in: "/proc/\(pid)/task") {
            guard let thread = Int32(name), let text = TextFile.read("/proc/\(pid)/task/\(name)/schedstat"),
                let nanoseconds = text.split(separator: " ").first.flatMap({ Int64($0) })
            else { continue }
            let comm = TextFile.read("/proc/\(pid)/task/\(name)/comm") ?? "?"
            threads[thread] = OfThread(name: String(comm.prefix { $0 != "\n" }), nanoseconds: nanoseconds)
        }
    }

    /// Microseconds spent since an earlier reading: by the scheduler's count, split as the ticks are.
    func microseconds(since earlier: CPUTime) -> (user: Double, system: Double, total: Double) {
        let user = Double(userTicks - earlier.userTicks)
        let system = Double(systemTicks - earlier.systemTicks)
        var total = threadMicroseconds(since: earlier).reduce(0) { $0 + $1.microseconds }
        if total == 0 { total = (user + system) * 1e6 / Double(sysconf(Int32(_SC_CLK_TCK))) }
        let userShare = user + system > 0 ? user / (user + system) : 0
        return (total * userShare, total * (1 - userShare), total)
    }

    /// Microseconds of each thread since an earlier reading, the busiest first.
    func threadMicroseconds(since earlier: CPUTime) -> [(name: String, microseconds: Double)] {
        threads.map { thread, now in
            (now.name, Double(now.nanoseconds - (earlier.threads[thread]?.nanoseconds ?? 0)) / 1000)
        }.sorted { $0.1 > $1.1 }
    }
}
