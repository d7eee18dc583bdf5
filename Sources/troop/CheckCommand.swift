import ArgumentParser
import Peer

/// `troop check`: what an agent depends on, one line each.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Look at Redis, clock, ports, rights and configuration, and say what to change.",
        discussion:
            "Exit code 1 when something failed, 3 when Redis does not answer; warnings alone leave it 0.")

    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let document = try agent.client.get(CheckDocument.self, "/v1/check")
        switch output.output {
        case .json: Output.json(document)
        case .table: Output.write(CheckCommand.text(document.findings))
        }
        if !document.storeReachable { throw ExitStatus.storeUnreachable }
        if document.findings.contains(where: { $0.verdict == .failed }) { throw ExitStatus.degraded }
    }

    private static func text(_ findings: [Finding]) -> String {
        var table = Table(["", "WHAT", "FOUND"])
        for finding in findings {
            let (word, style): (String, Output.Style) =
                switch finding.verdict {
                case .fine: ("ok", .green)
                case .warning: ("WARN", .yellow)
                case .failed: ("FAIL", .red)
                }
            table.add([.init(word, style), .init(finding.subject), .init(finding.text)])
        }
        return table.text
    }
}
