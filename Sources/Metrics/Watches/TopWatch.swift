import Glibc
package import Linux
import Synchronization

/// Finds the processes that use most CPU time, on a thread of its own: each process costs a file to open.
package final class TopWatch: Sendable {
    /// Processes that are looked at in one round; those with the lowest numbers come first.
    package static let processesMax = 8192
    /// The most consumers that can be asked for.
    package static let countMax = 50

    private struct State {
        var consumers: [Consumer]?
        var isRunning = false
        var isAsked = false
        var stops = false
    }

    private let count: Int
    private let proc: String
    private let bell: Doorbell
    private let state = Mutex(State())

    /// A watch for the `count` greediest processes, without a thread yet.
    package init(count: Int, proc: String = "/proc") throws(SystemFault) {
        self.count = min(count, TopWatch.countMax)
        self.proc = proc
        bell = try Doorbell()
    }

    /// The consumers between the last two rounds, the greediest first, and asks for another round; nil before there
    /// were two. Never blocks.
    package func look() -> [Consumer]? {
        let (consumers, starts) = state.withLock { state -> ([Consumer]?, Bool) in
            state.isAsked = true
            defer { state.isRunning = true }
            return (state.consumers, !state.isRunning && !state.stops)
        }
        if starts {
            do {
                let thread = try Thread.start(named: "troop-top") { [self] in run() }
                thread.detach()
            } catch {
                state.withLock { $0.isRunning = false }  // at the limit of threads: the next look tries again
            }
        }
        bell.ring()
        return consumers
    }

    /// Ends the thread.
    package func stop() {
        state.withLock { $0.stops = true }
        bell.ring()
    }

    private func run() {
        var census = ProcessCensus(proc: proc)
        while true {
            let (stops, isAsked) = state.withLock { state in
                defer { state.isAsked = false }
                return (state.stops, state.isAsked)
            }
            if stops { return }
            if isAsked {
                let consumers = census.take(at: .now(), count: count)
                state.withLock { $0.consumers = consumers }
            } else {
                _ = bell.wait(milliseconds: -1)
            }
        }
    }
}

/// All processes at one moment, to be compared with the moment before.
struct ProcessCensus: ~Copyable {
    private struct Member {
        var start: UInt64
        var cpuTicks: UInt64
    }

    private let proc: String
    private let buffer = ReadBuffer()
    private let ticksPerSecond = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
    private let pageBytes = UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))
    private var members: [Int32: Member] = [:]
    private var takenAt: Instant?

    init(proc: String) { self.proc = proc }

    /// Looks at every process; the `count` greediest since the look before, nil at the first.
    mutating func take(at now: Instant, count: Int) -> [Consumer]? {
        let earlier = members
        let seconds = takenAt.map { Double(now.nanoseconds - $0.nanoseconds) / 1e9 }
        members.removeAll(keepingCapacity: true)
        takenAt = now
        var consumers: [Consumer] = []
        for pid in identifiers() {
            let file = Descriptor(owning: open("\(proc)/\(pid)/stat", O_RDONLY | O_CLOEXEC | O_NONBLOCK))
            guard buffer.fill(from: file.raw), let stat = buffer.withBytes(ProcessStat.parse) else {
                continue
            }
            members[pid] = Member(start: stat.startTicks, cpuTicks: stat.cpuTicks)
            guard let seconds, seconds > 0, let before = earlier[pid], before.start == stat.startTicks,
                stat.cpuTicks > before.cpuTicks
            else { continue }
            let (bytes, overflowed) = stat.residentPages.multipliedReportingOverflow(by: pageBytes)
            consumers.append(
                Consumer(
                    pid: pid, name: buffer.withBytes(ProcessStat.name),
                    cores: Double(stat.cpuTicks - before.cpuTicks) / ticksPerSecond / seconds,
                    residentBytes: overflowed ? .max : bytes))
        }
        guard seconds != nil else { return nil }
        consumers.sort { ($0.cores, $1.pid) > ($1.cores, $0.pid) }
        return Array(consumers.prefix(count))
    }

    private func identifiers() -> [Int32] {
        guard let folder = opendir(proc) else { return [] }
        defer { closedir(folder) }
        var identifiers: [Int32] = []
        while identifiers.count < TopWatch.processesMax, let entry = readdir(folder) {
            if let pid = ProcessIdentifier.named(by: entry) { identifiers.append(pid) }
        }
        return identifiers
    }
}
