import ArgumentParser
import Peer

/// `troop version`
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Show the version.")

    @OptionGroup var output: OutputOptions

    func run() {
        switch output.output {
        case .json: Output.json(["version": Version.text])
        case .table: Output.line("troop \(Version.text)")
        }
    }
}
