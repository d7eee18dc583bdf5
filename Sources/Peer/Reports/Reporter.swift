package import Linux
package import Logging
package import Metrics
package import Store

/// Samples this host and writes its report, once an interval.
package actor Reporter {
    /// What a report says besides the numbers.
    package struct Identity: Sendable {
        package var name: String
        package var address: String
        package var bootID: String
        package var server: String?

        /// An identity from its parts.
        package init(name: String, address: String, bootID: String, server: String?) {
            self.name = name
            self.address = address
            self.bootID = bootID
            self.server = server
        }
    }

    private let executor: ThreadExecutor
    private let sampler: Sampler
    private let store: Store
    private let keys: Keys
    private let identity: Identity
    private let isLeader: @Sendable () -> Bool
    private let log: Logger
    private var refusal: String?

    /// How often a host reports, in milliseconds.
    package static let intervalMilliseconds: Int64 = 1000

    /// The sampler reads files: it lives on a thread of its own.
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// A reporter for one host; `makeSampler` is called once, at once.
    package init(
        store: Store, keys: Keys, identity: Identity, sampler: sending Sampler,
        isLeader: @escaping @Sendable () -> Bool, log: Logger
    ) throws(SystemFault) {
        executor = try ThreadExecutor(named: "troop-sample")
        self.store = store
        self.keys = keys
        self.identity = identity
        self.sampler = sampler
        self.isLeader = isLeader
        self.log = log
    }

    /// Reports until the task is cancelled; a tick that fell into a stall is skipped, not made up for.
    package func run() async {
        let clock = ContinuousClock()
        let interval = Duration.milliseconds(Reporter.intervalMilliseconds)
        var next = clock.now
        while !Task.isCancelled {
            await tick()
            next = max(next + interval, clock.now)
            try? await clock.sleep(until: next)
        }
    }

    /// Takes the report back: the agent stops in good order and the host leaves the troop.
    package func leave() async {
        _ = try? await store.pipeline([
            Command("DEL", keys.host(identity.name)), Command("ZREM", keys.hosts, identity.name),
        ])
    }

    /// Ends the reporter's thread; call it last.
    package func finish() { executor.finish() }

    private func tick() async {
        let report = report(of: sampler.sample(at: .now()))
        let arguments = [identity.name, String(HostReport.expiryMilliseconds)] + report.fields
        do {
            _ = try await store.run(
                HostReport.script, keys: [keys.host(identity.name), keys.hosts], arguments: arguments)
            refusal = nil
        } catch .rejected(let error) {
            // The store answers, but not this: say so once, not every second.
            if refusal != error.description {
                log.error("the store refused the report", metadata: ["why": "\(error)"])
            }
            refusal = error.description
        } catch {}  // unreachable: the client tells of it once
    }

    private func report(of sample: Sample) -> HostReport {
        var report = HostReport(name: identity.name, fields: [:])
        report.address = identity.address
        report.bootID = identity.bootID
        report.agentVersion = Version.text
        report.role = isLeader() ? .leader : .standby
        report.server = identity.server
        report.intervalMilliseconds = Reporter.intervalMilliseconds
        report.cpu = sample.cpu
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
        return report
    }
}
