import Glibc
import Linux

/// CPU and memory of one process, named by a pid file, and of its children.
///
/// The children are found through /proc/PID/task/TID/children; a kernel without that file (`CONFIG_PROC_CHILDREN`)
/// shows the process alone. What a child used after the last sample it lived to see is lost: it is never
/// counted late, and so never twice.
final class ProcessTree {
    /// The processes of a tree that are looked at.
    static let processesMax = 1024
    /// The threads of one sample whose children are asked for: each costs a file to open.
    static let threadsMax = 2048

    private struct Member {
        var start: UInt64
        var cpuTicks: UInt64
    }

    /// What one look gave.
    struct Reading: Equatable {
        /// The share of the allowance used since the look before; nil at the first.
        var cpu: Double?
        /// The memory of all processes.
        var residentBytes: UInt64
    }

    private let pidFile: String
    private let proc: String
    private let pageBytes: UInt64
    private let ticksPerSecond: UInt64

    private var root: (pid: Int32, start: UInt64)?
    private var lookedAt: Instant?
    private var members: [Int32: Member] = [:]
    private var before: [Int32: Member] = [:]
    private var waiting: [Int32] = []
    private var threadsLeft = 0
    /// False once the kernel has shown that it has no list of children: looking costs more than all the rest.
    private var showsChildren = true

    init(pidFile: String, proc: String, pageBytes: UInt64, ticksPerSecond: UInt64) {
        self.pidFile = pidFile
        self.proc = proc
        self.pageBytes = pageBytes
        self.ticksPerSecond = ticksPerSecond
    }

    /// Looks at the tree; nil when the pid file is missing, makes no sense, or its process is gone.
    func read(at now: Instant, cores: Double?, buffer: ReadBuffer) -> Reading? {
        guard read(pidFile, into: buffer), let pid = buffer.withBytes(ProcessIdentifier.parsePidFile),
            let stat = stat(of: pid, buffer: buffer), !stat.hasEnded
        else {
            forget()
            return nil
        }
        // Another process has the number now, or the file names another.
        if root?.pid != pid || root?.start != stat.startTicks { forgetPast() }
        root = (pid, stat.startTicks)
        swap(&members, &before)
        members.removeAll(keepingCapacity: true)
        let residentPages = collect(pid, stat, buffer: buffer)
        let reading = Reading(
            cpu: share(at: now, cores: cores),
            residentBytes: residentPages.multipliedReportingOverflow(by: pageBytes).overflow
                ? .max : residentPages * pageBytes)
        lookedAt = now
        return reading
    }

    private func forget() {
        root = nil
        forgetPast()
    }

    private func forgetPast() {
        lookedAt = nil
        members.removeAll(keepingCapacity: true)
    }

    // MARK: - The tree

    /// Fills `members` from the root down; gives the resident pages of all.
    private func collect(_ pid: Int32, _ rootStat: ProcessStat, buffer: ReadBuffer) -> UInt64 {
        members[pid] = Member(start: rootStat.startTicks, cpuTicks: rootStat.cpuTicks)
        var residentPages = rootStat.residentPages
        threadsLeft = ProcessTree.threadsMax
        waiting.removeAll(keepingCapacity: true)
        waiting.append(pid)
        while let parent = waiting.popLast() {
            let first = waiting.count
            addChildren(of: parent, buffer: buffer)
            var index = first
            while index < waiting.count {
                let child = waiting[index]
                // A child is younger than the root; an older one has the number of a child that is gone.
                if members[child] == nil, let stat = stat(of: child, buffer: buffer),
                    stat.startTicks >= rootStat.startTicks
                {
                    members[child] = Member(start: stat.startTicks, cpuTicks: stat.cpuTicks)
                    residentPages = residentPages.saturatingSum(stat.residentPages)
                    index += 1
                } else {
                    waiting.remove(at: index)
                }
            }
        }
        return residentPages
    }

    private func addChildren(of pid: Int32, buffer: ReadBuffer) {
        guard showsChildren else { return }
        let folder = "\(proc)/\(pid)/task"
        guard let threads = opendir(folder) else { return }
        defer { closedir(threads) }
        while threadsLeft > 0, let entry = Glibc.readdir(threads) {
            guard let thread = ProcessIdentifier.named(by: entry) else { continue }
            threadsLeft -= 1
            guard read("\(folder)/\(thread)/children", into: buffer, inPieces: true) else {
                // A thread that is there without such a file: the kernel has none. One that is gone: nothing.
                if access("\(folder)/\(thread)/stat", F_OK) == 0 { showsChildren = false }
                continue
            }
            buffer.withBytes { bytes in
                ProcessIdentifier.parseChildren(bytes) { child in
                    guard members.count + waiting.count < ProcessTree.processesMax else { return false }
                    waiting.append(child)
                    return true
                }
            }
        }
    }

    // MARK: - CPU

    private func share(at now: Instant, cores: Double?) -> Double? {
        guard let lookedAt, let cores, cores > 0, now > lookedAt else { return nil }
        var ticks: UInt64 = 0
        for (pid, member) in members {
            if let earlier = before[pid], earlier.start == member.start {
                ticks = ticks.saturatingSum(member.cpuTicks.saturatingDifference(earlier.cpuTicks))
            } else if member.start >= startTicks(of: lookedAt) {
                ticks = ticks.saturatingSum(member.cpuTicks)  // born since: all its time is of this interval
            }
        }
        let seconds = Double(now.nanoseconds - lookedAt.nanoseconds) / 1e9
        let share = Double(ticks) / Double(ticksPerSecond) / seconds / cores
        // Ticks are coarse, and a tree may use more than it is allowed: both stop at all of it.
        return share.isFinite ? min(1, share) : nil
    }

    /// The instant in the unit of start times: both count from boot.
    private func startTicks(of instant: Instant) -> UInt64 {
        UInt64(max(0, Double(instant.nanoseconds) / 1e9 * Double(ticksPerSecond)))
    }

    // MARK: - Files

    private func stat(of pid: Int32, buffer: ReadBuffer) -> ProcessStat? {
        guard read("\(proc)/\(pid)/stat", into: buffer) else { return nil }
        return buffer.withBytes(ProcessStat.parse)
    }

    private func read(_ path: String, into buffer: ReadBuffer, inPieces: Bool = false) -> Bool {
        let file = Descriptor(owning: open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK))
        return buffer.fill(from: file.raw, inPieces: inPieces)
    }
}
