import CLinux
import Linux
package import Logging
package import Metrics
package import Store

/// Samples this host and writes its report, once an interval.
///
/// It lives on the store's own thread and keeps its pace there: a tick is one wake-up, a few reads of `/proc`
/// and one exchange with Redis, without a hop between threads.
package actor Reporter {
    /// What a report says besides the numbers.
    package struct Identity: Sendable {
        package var name: String
        package var address: String
        package var boot: BootMark
        package var server: String?
        package var peer: String?
        package var api: String?

        /// An identity from its parts.
        package init(
            name: String, address: String, boot: BootMark = .kernel, server: String?, peer: String? = nil,
            api: String? = nil
        ) {
            self.name = name
            self.address = address
            self.boot = boot
            self.server = server
            self.peer = peer
            self.api = api
        }
    }

    private let watch: HostWatch
    /// What the ticks cost.
    package nonisolated let meter = TickMeter()
    private let store: Store
    /// The report's key and that of the list of hosts, put together once.
    private let keys: [String]
    private let identity: Identity
    private let isLeader: @Sendable () -> Bool
    private let canLead: @Sendable () -> Bool
    private let highestEpoch: @Sendable () -> Int64
    private let serverIsUp: @Sendable () -> Bool?
    private let log: Logger
    private let onNameTaken: @Sendable (Bool) -> Void
    private var refusal: ReplyError?
    /// True while another live host reports under this host's name.
    package private(set) var nameIsTaken = false
    private var hasLeft = false
    /// The boot as it was last told apart; only a mark that may change is read again.
    private var bootID: String

    /// How often this host reports, in milliseconds; told by the troop's size.
    private var intervalMilliseconds = TroopScale.reportMillisecondsMin

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        store.executor.asUnownedSerialExecutor()
    }

    /// Why the store takes no reports of this host, in a line for people; nil while it does, or is not reached.
    package var fault: String? {
        guard let refusal else { return nil }
        if nameIsTaken {
            return
                "host.name: \(refusal.message); this agent stays out of the troop: give one of the two another name"
        }
        return "the store refuses this host's reports: \(refusal)"
    }

    /// CPU time of the last tick, sample and report, in microseconds; nil before the first.
    package nonisolated var tickMicroseconds: Int64? { meter.lastMicroseconds }

    /// A reporter for one host, which reports through `store`; `onNameTaken` hears, on the store's thread, when another
    /// live host turns out to have this one's name, and when it does no more.
    package init(
        store: Store, keys: Keys, identity: Identity, watch: HostWatch,
        isLeader: @escaping @Sendable () -> Bool, canLead: @escaping @Sendable () -> Bool,
        highestEpoch: @escaping @Sendable () -> Int64, serverIsUp: @escaping @Sendable () -> Bool?,
        onNameTaken: @escaping @Sendable (Bool) -> Void, log: Logger
    ) {
        self.store = store
        self.keys = [keys.host(identity.name), keys.hosts]
        self.identity = identity
        self.watch = watch
        bootID = identity.boot.read() ?? ""
        self.isLeader = isLeader
        self.canLead = canLead
        self.highestEpoch = highestEpoch
        self.serverIsUp = serverIsUp
        self.onNameTaken = onNameTaken
        self.log = log
    }

    /// Reports from now on, until the store is closed or `leave` is called.
    package nonisolated func start() {
        keepPace(everyMilliseconds: TroopScale.reportMillisecondsMin)
    }

    /// Reports at another interval from now on.
    package func report(everyMilliseconds interval: Int64) {
        guard interval != intervalMilliseconds else { return }
        log.info("reports at another interval", metadata: ["interval_ms": "\(interval)"])
        intervalMilliseconds = interval
        keepPace(everyMilliseconds: interval)
    }

    private nonisolated func keepPace(everyMilliseconds interval: Int64) {
        store.executor.keepPace(everyMilliseconds: interval) { [self] in assumeIsolated { $0.tick() } }
    }

    /// Takes the report back: the agent stops in good order and the host leaves the troop.
    package func leave() async {
        hasLeft = true
        _ = try? await store.pipeline([
            Command("DEL", keys[0]), Command("ZREM", keys[1], identity.name),
        ])
    }

    /// Reports no more, and leaves the last report standing: a successor of this host's name goes on.
    package func fallSilent() { hasLeft = true }

    private func tick() {
        if hasLeft { return }
        let began = clinux_thread_cpu_nanoseconds()
        defer { meter.note(nanoseconds: clinux_thread_cpu_nanoseconds() - began) }
        if case .kernel = identity.boot {} else { bootID = identity.boot.read() ?? bootID }
        let report = report(of: watch.sample(at: .now()))
        let arguments = report.arguments(name: identity.name)
        do {
            _ = try store.assumeIsolated { store throws(StoreFault) in
                try store.run(HostReport.script, keys: keys, arguments: arguments)
            }
            if refusal != nil { log.notice("reports are taken again") }
            refusal = nil
            name(isTaken: false)
        } catch StoreFault.rejected(let error) {
            // The store answers, but not this: say so once, not every second.
            if refusal != error { log.error("the store refused the report", metadata: ["why": "\(error)"]) }
            refusal = error
            name(isTaken: error.code == HostReport.nameTaken)
        } catch {}  // unreachable: the client tells of it once
    }

    private func name(isTaken: Bool) {
        guard isTaken != nameIsTaken else { return }
        nameIsTaken = isTaken
        onNameTaken(isTaken)
    }

    private func report(of sample: Sample) -> HostReport {
        var report = HostReport()
        report.address = identity.address
        report.bootID = bootID
        report.agentVersion = Version.text
        report.role = isLeader() ? .leader : .standby
        report.stands = canLead()
        let epoch = highestEpoch()
        report.epoch = epoch > 0 ? epoch : nil
        report.server = identity.server
        report.serverIsUp = serverIsUp()
        report.peer = identity.peer
        report.api = identity.api
        report.intervalMilliseconds = intervalMilliseconds
        report.cpu = sample.cpu
        report.selfCPU = sample.selfCPU
        report.steal = sample.steal
        report.iowait = sample.iowait
        report.cores = sample.cores
        report.memoryTotal = sample.memoryTotalBytes
        report.memoryAvailable = sample.memoryAvailableBytes
        report.memory = sample.memoryUsed
        report.load1 = sample.load?.oneMinute
        report.load5 = sample.load?.fiveMinutes
        report.load15 = sample.load?.fifteenMinutes
        report.pressureCPUSome = sample.pressure.cpu?.some
        report.pressureMemorySome = sample.pressure.memory?.some
        report.pressureMemoryFull = sample.pressure.memory?.full
        report.pressureIOSome = sample.pressure.io?.some
        report.pressureIOFull = sample.pressure.io?.full
        report.networkReceived = sample.slow.totals.received
        report.networkSent = sample.slow.totals.sent
        report.diskRead = sample.slow.totals.diskRead
        report.diskWritten = sample.slow.totals.diskWritten
        report.diskBusy = sample.slow.totals.diskBusy
        report.filesystem = sample.slow.totals.fullestFilesystem
        return report
    }
}
