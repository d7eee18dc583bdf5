import Glibc
package import Linux
import Synchronization

/// Asks the mounted file systems how full they are, on a thread of its own.
///
/// A network file system whose server is dead holds up whoever asks it, for as long as it likes. Nobody waits here: a
/// mount that has not answered for `patienceMilliseconds` is unknown from then on, its thread is left to it, and another
/// thread goes on with the others, until `threadsMax` of them hang.
package final class FilesystemWatch: Sendable {
    /// Asks one mount point; may block for ever.
    package typealias Probe = @Sendable (_ mountPoint: String) -> FilesystemSpace?

    /// How long a mount may take to answer, in milliseconds.
    package static let patienceMilliseconds: Int64 = 1000
    /// Threads that may hang at dead mounts before no new one is started.
    package static let threadsMax = 4

    private struct State {
        var readings: [FilesystemReading]?
        /// The mount that the current thread asks, since when.
        var asking: (mount: MountTable.Mount, since: Instant)?
        /// Mounts at which threads hang.
        var hanging: Set<MountTable.Mount> = []
        /// The number of the thread that works; one with another number was given up.
        var thread = 0
        var isRunning = false
        var isAsked = false
        var stops = false
    }

    private let path: String
    private let probe: Probe
    private let bell: Doorbell
    private let state = Mutex(State())

    /// A watch over the mounts that `proc` lists, without a thread yet.
    package init(proc: String = "/proc", probe: @escaping Probe = FilesystemWatch.statfs) throws(SystemFault)
    {
        path = "\(proc)/self/mounts"
        self.probe = probe
        bell = try Doorbell()
    }

    /// The readings of the last round, and asks for the next one; nil before the first is through. Never blocks.
    package func look(at now: Instant) -> [FilesystemReading]? {
        let (readings, startsThread) = state.withLock { state -> ([FilesystemReading]?, Int?) in
            guard !state.stops else { return (state.readings, nil) }
            giveUp(&state, at: now)
            state.isAsked = true
            guard !state.isRunning, state.hanging.count < FilesystemWatch.threadsMax else {
                return (state.readings, nil)
            }
            state.isRunning = true
            state.thread += 1
            return (state.readings, state.thread)
        }
        if let startsThread { start(startsThread) }
        bell.ring()
        return readings
    }

    /// Ends the thread, unless it hangs: then it is left to its mount.
    package func stop() {
        state.withLock { $0.stops = true }
        bell.ring()
    }

    /// The mounts at which threads hang.
    var hangingCount: Int { state.withLock { $0.hanging.count } }

    private func giveUp(_ state: inout State, at now: Instant) {
        guard let asking = state.asking,
            now.milliseconds(since: asking.since) > FilesystemWatch.patienceMilliseconds
        else { return }
        state.hanging.insert(asking.mount)
        state.asking = nil
        state.isRunning = false
        if let index = state.readings?.firstIndex(where: { $0.mountPoint == asking.mount.point }) {
            state.readings?[index].space = nil
        }
    }

    private func start(_ number: Int) {
        do {
            let thread = try Thread.start(named: "troop-mounts") { [self] in run(number) }
            thread.detach()
        } catch {
            // At the limit of threads: file systems stay unknown, and the next look tries again.
            state.withLock { state in
                if state.thread == number { state.isRunning = false }
            }
        }
    }

    private func run(_ number: Int) {
        let buffer = ReadBuffer()
        while true {
            let isMine = state.withLock { $0.thread == number && $0.isRunning && !$0.stops }
            guard isMine else { return }
            let isAsked = state.withLock { state in
                defer { state.isAsked = false }
                return state.isAsked
            }
            if isAsked {
                guard round(number, buffer) else { return }
            } else {
                _ = bell.wait(milliseconds: -1)
            }
        }
    }

    /// Asks each mount once; false when this thread was given up meanwhile.
    private func round(_ number: Int, _ buffer: ReadBuffer) -> Bool {
        guard KeptFile.readOnce(path, into: buffer, inPieces: true) else { return true }
        var readings: [FilesystemReading] = []
        for mount in buffer.withBytes(MountTable.parse).mounts {
            let hangs = state.withLock { state in
                if !state.hanging.contains(mount) { state.asking = (mount, .now()) }
                return state.hanging.contains(mount)
            }
            var space: FilesystemSpace?
            if !hangs {
                space = probe(mount.point)
                let isMine = state.withLock { state in
                    guard state.thread == number, state.isRunning else {
                        // It answers after all: the next round asks it again.
                        state.hanging.remove(mount)
                        return false
                    }
                    state.asking = nil
                    return true
                }
                guard isMine else { return false }
            }
            readings.append(
                FilesystemReading(
                    mountPoint: mount.point, device: mount.device, type: mount.type,
                    isReadOnly: mount.isReadOnly, space: space))
        }
        state.withLock { $0.readings = readings }
        return true
    }

    /// What statfs(2) says; nil when the mount may not be asked.
    @Sendable package static func statfs(_ mountPoint: String) -> FilesystemSpace? {
        var answer = statvfs()
        guard statvfs(mountPoint, &answer) == 0 else { return nil }
        let block = UInt64(answer.f_frsize)
        func bytes(_ blocks: UInt64) -> UInt64 {
            let (product, overflowed) = blocks.multipliedReportingOverflow(by: block)
            return overflowed ? .max : product
        }
        return FilesystemSpace(
            totalBytes: bytes(UInt64(answer.f_blocks)), freeBytes: bytes(UInt64(answer.f_bfree)),
            availableBytes: bytes(UInt64(answer.f_bavail)), files: UInt64(answer.f_files),
            freeFiles: UInt64(answer.f_ffree))
    }
}
