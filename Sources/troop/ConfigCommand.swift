import ArgumentParser
import Peer

/// `troop config`: the configuration as an agent would read it.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Show or check the agent's configuration.",
        subcommands: [ShowConfig.self, ValidateConfig.self])
}

/// Options of the commands that read the file.
struct ConfigOptions: ParsableArguments {
    @Option(name: [.short, .long], help: "The configuration file.")
    var config = "/etc/troop/troop.yaml"

    /// Reads something from the file; tells every fault and ends the command with exit code 1.
    func reading<Value>(_ read: (String, [String: String]) throws -> Value) throws -> Value {
        do {
            return try read(config, AgentCommand.environment)
        } catch {
            for line in "\(error)".split(separator: "\n") {
                ExitStatus.complain(Table.printable(String(line)))
            }
            throw ExitStatus.degraded
        }
    }
}

/// `troop config show`
struct ShowConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show every option as it is in force and where it comes from; secrets are masked.")

    @OptionGroup var options: ConfigOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let lines = try options.reading { try Configuration.listing(path: $0, environment: $1) }
        switch output.output {
        case .json: Output.json(Document(options: lines))
        case .table:
            var table = Table(["OPTION", "VALUE", "FROM"])
            for line in lines {
                let isGiven = line.origin == .file || line.origin == .environment
                table.add([
                    .init(line.key), .init(line.value ?? "-", isGiven ? .bold : .dim),
                    .init(ShowConfig.origin(line)),
                ])
            }
            Output.write(table.text)
        }
    }

    private static func origin(_ line: ConfigurationLine) -> String {
        switch line.origin {
        case .file: "file, \(line.place)"
        case .environment: line.place
        case .default: "default"
        case .derived: line.place
        case .none: "not set"
        }
    }

    private struct Document: Encodable {
        var options: [ConfigurationLine]
    }
}

/// `troop config validate`
struct ValidateConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Check the configuration; tell every fault with its place.")

    @OptionGroup var options: ConfigOptions

    func run() throws {
        let configuration = try options.reading { try Configuration.load(path: $0, environment: $1) }
        for warning in configuration.warnings { ExitStatus.complain("warning: \(Table.printable(warning))") }
        Output.line("\(Table.printable(options.config)) is in order")
    }
}
