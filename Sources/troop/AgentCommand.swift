import ArgumentParser
import Glibc
import Logging
import Peer
import ServiceLifecycle
import UnixSignals

/// `troop agent`: the agent itself, until SIGTERM or SIGINT.
struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: "Run the agent of this host in the foreground.",
        discussion: """
            Signals: SIGTERM and SIGINT stop it in good order, SIGHUP has it read certificates again, SIGUSR1 opens the \
            access log's file anew, SIGUSR2 starts the program anew in its place, as 'troop upgrade' does.
            """)

    @Option(name: [.short, .long], help: "The configuration file.")
    var config = "/etc/troop/troop.yaml"

    /// How long the last lines of the log may take, in milliseconds.
    private static let logMilliseconds: Int64 = 1000

    func run() async throws {
        // Until they are trapped: what they mean by themselves is the end of the process.
        for name in [SIGHUP, SIGUSR1, SIGUSR2] { signal(name, SIG_IGN) }
        // Before anything else: nobody is to find or inherit what a predecessor left.
        let inheritance = Inheritance.take()
        let configuration: Configuration
        let agent: Agent
        var log: Logger
        do {
            configuration = try Configuration.load(path: config, environment: AgentCommand.environment)
        } catch {
            inheritance?.refuse("\(error)")
            for line in "\(error)".split(separator: "\n") { ExitStatus.complain(String(line)) }
            throw ExitStatus.degraded
        }
        // Without a thread or a descriptor for it the agent could not start anyway; then this log says so.
        let lines = try? AgentLog()
        LoggingSystem.bootstrap { _ in
            lines.map { StreamLogHandler(label: "troop", stream: $0) } ?? .standardError(label: "troop")
        }
        defer { lines?.flush(withinMilliseconds: AgentCommand.logMilliseconds) }
        log = Logger(label: "troop")
        log.logLevel = Logger.Level(rawValue: configuration.log.level.rawValue) ?? .info
        for warning in configuration.warnings { log.warning("\(warning)") }
        do {
            agent = try Agent(
                configuration, command: CommandLine.arguments, inheritance: inheritance, log: log)
        } catch {
            inheritance?.refuse("\(error)")
            ExitStatus.complain("\(error)")
            throw ExitStatus.degraded
        }
        async let _: Void = AgentCommand.reopenLog(of: agent)  // ends, cancelled, with this function
        var group = ServiceGroupConfiguration(
            // An agent that has left everything to its successor ends, and with it the program.
            // They are stopped from the last to the first: the agent breaks an upgrade off that `UpgradeSignal` waits for.
            services: [
                .init(service: UpgradeSignal(agent: agent)),
                .init(service: agent, successTerminationBehavior: .gracefullyShutdownGroup),
            ], gracefulShutdownSignals: [.sigterm, .sigint], logger: log)
        group.maximumGracefulShutdownDuration = .seconds(20)
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        let reloading = Task { for await _ in hangups { agent.reloadCertificates() } }
        defer { reloading.cancel() }
        do {
            try await ServiceGroup(configuration: group).run()
        } catch let fault as AgentFault {
            ExitStatus.complain(fault.description)
            throw ExitStatus.degraded
        }
    }

    private static func reopenLog(of agent: Agent) async {
        for await _ in await UnixSignalsSequence(trapping: .sigusr1) { agent.reopenLog() }
    }

    /// The variables that go over the file.
    static var environment: [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return variables
    }
}

/// SIGUSR2 is `troop upgrade` for whoever has no socket: what came of it stands in the log.
private struct UpgradeSignal: Service {
    let agent: Agent

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sigusr2).cancelOnGracefulShutdown() {
            _ = await agent.upgrade()
        }
    }
}
