import CLinux
import Glibc
import Linux
import Synchronization

/// The access log: a ring for each worker and the thread that turns what is in them into lines.
///
/// The thread sleeps until a worker rings: when its ring is half full, ten times a second while there is
/// anything, and before the worker itself sleeps. No request wakes anybody.
final class AccessLog: Sendable {
    /// What the thread is told; bits.
    private static let reopens: UInt32 = 1
    private static let ends: UInt32 = 2
    /// Lines are gathered up to this size before they are written.
    private static let batchBytes = 64 * 1024
    /// How long the last lines may take to be written at the end.
    private static let endMilliseconds: Int32 = 2_000

    /// One ring a worker.
    let rings: [LogRing]
    let doorbell: Doorbell
    /// The leader's epoch, written into each line; 0 leaves it out.
    let epoch = Atomic<Int64>(0)
    /// Lines that could not be written.
    let lost = Counter()
    /// Lines that were written.
    let written = Counter()
    private let commands = Atomic<UInt32>(0)
    private let ended: Doorbell
    private let settings: AccessLogSettings
    private let report: @Sendable (String) -> Void
    private let hasThread = Mutex(false)

    /// A log that begins with `start`; `report` is told, on the log's thread, when writing begins to fail and
    /// when it works again.
    init(
        _ settings: AccessLogSettings, workers: Int, report: @escaping @Sendable (String) -> Void
    ) throws(SystemFault) {
        self.settings = settings
        self.report = report
        doorbell = try Doorbell()
        ended = try Doorbell()
        rings = (0..<workers).map { _ in LogRing(bytes: settings.ringBytes) }
    }

    /// Starts the thread.
    func start() throws(SystemFault) {
        let thread = try Thread.start(named: "troop-log") { [self] in run() }
        // Never joined: a standard output that takes nothing must not hold the end of the agent.
        thread.detach()
        hasThread.withLock { $0 = true }
    }

    /// Opens the file anew, soon.
    func reopen() { tell(AccessLog.reopens) }

    /// Writes what is left and ends the thread; called when the workers have ended.
    func stop() {
        let waits = hasThread.withLock { hasThread in
            defer { hasThread = false }
            return hasThread
        }
        guard waits else { return }
        tell(AccessLog.ends)
        _ = ended.wait(milliseconds: AccessLog.endMilliseconds)
    }

    private func tell(_ command: UInt32) {
        commands.bitwiseOr(command, ordering: .acquiringAndReleasing)
        doorbell.ring()
    }

    private func run() {
        var sink = LogSink(settings.target)
        var format = LineFormat(settings.format)
        var buffer = LineBuffer(capacity: AccessLog.batchBytes + LineFormat.lineBytesMax)
        var failing: SystemFault?
        note(sink.reopen(), &failing)
        while true {
            let told = commands.exchange(0, ordering: .acquiringAndReleasing)
            if told & AccessLog.reopens != 0 {
                note(sink.reopen(), &failing)
            }
            writeAll(&sink, &format, &buffer, &failing)
            if told & AccessLog.ends != 0 { break }
            _ = doorbell.wait(milliseconds: -1)
        }
        ended.ring()
    }

    private func writeAll(
        _ sink: inout LogSink, _ format: inout LineFormat, _ buffer: inout LineBuffer,
        _ failing: inout SystemFault?
    ) {
        var wall = timespec()
        clock_gettime(CLOCK_REALTIME, &wall)
        format.set(
            wall: Int64(wall.tv_sec) * 1_000_000_000 + Int64(wall.tv_nsec), boot: clinux_boot_nanoseconds())
        let epoch = epoch.load(ordering: .relaxed)
        for ring in rings {
            ring.drain { record, text in
                format.append(record, text, epoch: epoch, to: &buffer)
                if buffer.count >= AccessLog.batchBytes { flush(&sink, &buffer, &failing) }
            }
        }
        flush(&sink, &buffer, &failing)
    }

    private func flush(_ sink: inout LogSink, _ buffer: inout LineBuffer, _ failing: inout SystemFault?) {
        guard buffer.count > 0 else { return }
        switch sink.write(buffer.base, buffer.count) {
        case .written:
            written.add(UInt64(buffer.lines))
            note(nil, &failing)
        case .dropped(let first, let fault):
            let kept = AccessLog.lines(buffer.base, first)
            written.add(UInt64(kept))
            lost.add(UInt64(buffer.lines - kept))
            note(fault, &failing)
        }
        buffer.clear()
    }

    /// Says once that writing fails, and once that it works again.
    private func note(_ fault: SystemFault?, _ failing: inout SystemFault?) {
        if let fault, failing == nil {
            report("the access log cannot be written; lines are dropped: \(fault)")
        } else if fault == nil, failing != nil {
            report("the access log is written again; \(lost.current) lines were lost")
        }
        failing = fault
    }

    private static func lines(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
        var lines = 0
        for index in 0..<count where bytes[index] == UInt8(ascii: "\n") { lines += 1 }
        return lines
    }
}
