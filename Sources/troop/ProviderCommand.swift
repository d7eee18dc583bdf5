import ArgumentParser
import Peer

/// `troop provider`: what launches and reboots machines.
struct ProviderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "provider", abstract: "Look at what launches and reboots machines.",
        subcommands: [ProviderTestCommand.self])
}

/// `troop provider test`: a dry run of everything that remedies ask of it.
struct ProviderTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Ask the provider, without changing anything, what it can do and may do.",
        discussion: """
            Asked is the agent of this host, with its credentials; with --config this command itself asks, by the \
            configuration of that file and its own environment. Exit code 0: nothing failed, 1: something did.
            """)

    @Option(name: [.short, .long], help: "Ask without an agent, by this configuration file.")
    var config: String?
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let document: ProviderTestDocument
        if let config {
            let configuration: Configuration
            do {
                configuration = try Configuration.load(path: config, environment: AgentCommand.environment)
            } catch {
                for line in error.lines { ExitStatus.complain(line) }
                throw ExitStatus.degraded
            }
            document = await ProviderTestDocument.ask(configuration)
        } else {
            document = try agent.client.testProvider()
        }
        switch output.output {
        case .json: Output.json(document)
        case .table:
            for finding in document.findings {
                Output.line("\(finding.verdict.uppercased()) \(finding.subject): \(finding.text)")
            }
        }
        if !document.passed { throw ExitStatus.degraded }
    }
}
