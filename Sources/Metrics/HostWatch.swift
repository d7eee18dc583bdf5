package import Linux
import Synchronization

/// One host's sampler, for the tick that takes samples and for those who look at the last one.
package final class HostWatch: Sendable {
    private let sampler: Mutex<Sampler>
    private let filesystems: FilesystemWatch?
    private let top: TopWatch?

    /// A watch over this host; the file systems are asked on a thread of their own, and so are the `top` greediest
    /// processes, where they are wanted.
    package init(
        scope: Scope, proc: String = "/proc", cpuAllowance: Double? = nil, top count: Int = 0
    ) throws(SystemFault) {
        let filesystems = try FilesystemWatch(proc: proc)
        let top = count > 0 ? try TopWatch(count: count, proc: proc) : nil
        self.filesystems = filesystems
        self.top = top
        sampler = Mutex(
            Sampler(
                scope: scope, proc: proc, cpuAllowance: cpuAllowance, filesystems: filesystems, top: top))
    }

    // Reads of /proc under the lock: there is one buffer and one set of open files, and the other side, a scrape, is as
    // rare as it is short.

    /// Takes a sample; see `Sampler`.
    package func sample(at now: Instant, thorough: Bool = false) -> Sample {
        sampler.withLock { $0.sample(at: now, thorough: thorough) }
    }

    /// The last sample; nothing known before the first.
    package var last: Sample { sampler.withLock { $0.last } }

    /// Whether what is to be measured was found.
    package var hasItsScope: Bool { sampler.withLock { $0.hasItsScope } }

    /// The host's counters as they are now.
    package func counters() -> HostCounters { sampler.withLock { $0.counters() } }

    /// Ends the threads of its own.
    package func stop() {
        filesystems?.stop()
        top?.stop()
    }
}
