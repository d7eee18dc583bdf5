import CLinux
import Election
import Linux
package import Logging
import Metrics
import Proxy
import Remediation
import ServiceLifecycle
import Store

/// Why an agent cannot start: one line that says what is wrong and what to do.
package struct AgentFault: Error, Sendable, CustomStringConvertible {
    package let description: String

    /// A fault with its line.
    package init(_ description: String) { self.description = description }
}

/// One agent, put together from its parts: this is where they meet, and the order in which they stop.
package struct Agent: Service {
    let configuration: Configuration
    let log: Logger
    let parts: AgentParts
    let command: [String]
    let inheritance: Inheritance?

    /// How long a successor waits for its servers' first checks before it takes requests, in milliseconds.
    private static let checksMilliseconds: Int64 = 1500
    /// How long a successor's API waits for the first word of the election, in milliseconds.
    private static let standingMilliseconds: Int64 = 300

    /// Builds an agent; throws one clear line when something it needs cannot be had.
    ///
    /// `command` is how this program was started, and how its successor is to be at an upgrade; `inheritance` is what
    /// a predecessor left.
    package init(
        _ configuration: Configuration, command: [String] = [], inheritance: Inheritance? = nil, log: Logger
    ) throws(AgentFault) {
        self.command = command
        self.inheritance = inheritance
        self.configuration = configuration
        self.log = log
        do {
            parts = try AgentParts(configuration, inheritance: inheritance, log: log)
        } catch let fault as AgentFault {
            throw fault
        } catch {
            throw AgentFault("\(error)")
        }
    }

    /// Runs until a graceful shutdown, then stops in order: the lease, the listener, open connections, the rest.
    package func run() async throws {
        try await begin()
        let remedyChecks = RemedyChecks(configuration, parts.machines)
        await parts.checks.add { await remedyChecks.findings() }
        await parts.checks.add { [proxy = parts.proxy] in
            CertificateChecks.findings(proxy.certificateSummaries, now: WallClock.milliseconds() / 1000)
        }
        await parts.checks.add { [remedies = parts.remedies] in await remedies.findings() }
        do {
            try await parts.incumbency.begin()
            try parts.masterWatch?.start()
            try parts.subscription.start()
            try parts.elector.start()
        } catch {
            throw Agent.noThread(error)
        }
        log.notice(
            "agent started",
            metadata: [
                "host": "\(configuration.host.name)", "cluster": "\(configuration.cluster)",
                "version": "\(Version.text)", "redis": "\(configuration.redis.place)",
                "api": "\(configuration.api.listen)", "socket": "\(configuration.api.socket)",
                "proxy": "\(configuration.proxy.listen)",
                "follows_pid": "\(inheritance.map { "\($0.predecessor)" } ?? "none")",
            ])
        parts.events.tell(
            "agent.started", .notice,
            "the agent of host \(configuration.host.name) started, version \(Version.text)")
        for warning in configuration.warnings { parts.events.tell("config.warning", .warning, warning) }
        let (stop, stopper) = AsyncStream<Void>.makeStream()
        let succession = Succession(
            host: configuration.host.name, command: command, proxy: parts.proxy, router: parts.router,
            duties: parts.duties,
            elector: parts.elector, incumbency: parts.incumbency, reporter: parts.reporter,
            store: parts.store, keys: parts.keys, api: parts.api,
            subscription: parts.subscription, orders: parts.orders, desk: parts.upgrades, log: log
        )
        parts.upgrades.open { await succession.perform(binary: $0) { stopper.finish() } }
        parts.reporter.start()
        ServiceManager.notify("READY=1")
        // Not in the group that ends before the last hooks have run.
        let office = Task { await parts.incumbency.follow(parts.officeChanges) }
        let states = Task {
            await parts.incumbency.follow(parts.storeStates, redis: configuration.redis.place) {
                await parts.checks.lookAgain()
            }
        }
        let list = Task { await parts.roster.run() }
        let began = await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await parts.duties.follow(parts.changes) }
                group.addTask { await keepHouse() }
                group.addTask { await parts.remedies.run() }
                if inheritance != nil { group.addTask { await openDoors() } }
                for await _ in stop {}
                let began = Instant.now()
                parts.upgrades.close()
                if parts.upgrades.isSucceeded {
                    await parts.roster.retire()  // first: the list and the state folder are the successor's
                    group.cancelAll()
                    await finish()
                } else {
                    await wind(down: "stopped in good order")
                    group.cancelAll()
                }
                list.cancel()
                await list.value
                return began
            }
        } onGracefulShutdown: {
            stopper.finish()
        }
        await end(office, states, stoppingSince: began)
    }

    /// Opens the access log's file anew: after it was renamed, lines go to a new one.
    package func reopenLog() {
        parts.proxy.reopenLog()
        log.info("access log is opened anew")
    }
    /// Has the proxy's certificates and keys read again; what cannot be used is logged and changes nothing.
    package func reloadCertificates() { parts.proxy.reloadCertificates() }

    /// Upgrades to a program (nil: this agent's own, as it is on disk now); answers once the new agent serves.
    package func upgrade(to binary: String? = nil) async -> UpgradeOutcome {
        await parts.upgrades.upgrade(to: binary)
    }

    /// Opens what clients come to: at once, or, after a predecessor, each thing when it is left to this agent.
    private func begin() async throws {
        guard let inheritance else {
            await parts.duties.begin()
            do { try parts.api.start() } catch { throw Agent.noThread(error) }
            return
        }
        for complaint in inheritance.complaints { log.warning("upgrade: \(complaint)") }
        await parts.roster.refresh()
        if !parts.inherited.isEmpty {
            parts.router.startChecks()
            let deadline = Instant.now().advanced(milliseconds: Agent.checksMilliseconds)
            while !parts.router.haveChecked, Instant.now() < deadline {
                try? await Task.sleep(for: .milliseconds(10))
            }
        }
        inheritance.tellReady(servers: parts.router.count)
        guard await inheritance.hears(.serve) else {
            throw AgentFault("upgrade: the agent that started this one is gone, or goes on itself")
        }
        if parts.inherited.isEmpty {
            await parts.duties.begin()
        } else {
            await parts.duties.begin(inheriting: parts.inherited)
        }
        // A predecessor that dies now has left its sockets: going on is all that can be done.
        _ = await inheritance.hears(.lead)
    }

    /// After a predecessor: answers the API once the election has spoken, so that nobody asks an agent that does not
    /// know yet whether it leads. Who connects meanwhile waits in the queue.
    private func openDoors() async {
        let deadline = Instant.now().advanced(milliseconds: Agent.standingMilliseconds)
        while await !parts.duties.hasStanding, Instant.now() < deadline, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(2))
        }
        do {
            try parts.api.start()
        } catch {
            log.error("the API cannot be served", metadata: ["why": "\(error)"])
        }
    }

    private static func noThread(_ error: any Error) -> AgentFault {
        AgentFault("cannot start a thread: \(error); raise the limit of tasks of this user or unit")
    }
}
