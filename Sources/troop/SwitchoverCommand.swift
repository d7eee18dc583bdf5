import ArgumentParser
import Peer

/// `troop switchover`: another host leads.
struct SwitchoverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "switchover",
        abstract: "Hand the leadership to another host, and wait until it leads.",
        usage: "troop switchover [--to HOST] [--reason TEXT] [-o json]")

    @Option(help: .init("The host that is to lead; without it, whoever is quickest.", valueName: "host"))
    var to: String?
    @Option(help: "Why; shown in the history.")
    var reason: String?
    @Flag(help: "Wait until the other host leads. That is always done; the word is understood for scripts.")
    var wait = false
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let json = JSONForm.bytes(Form(to: to, reason: reason, by: "cli:" + Person.name)) ?? []
        let document = try agent.client.send(SwitchoverDocument.self, "POST", "/v1/switchover", json)
        switch output.output {
        case .json: Output.json(document)
        case .table:
            let gap = document.leaderlessMs.map { "; nobody led for \($0) ms" } ?? ""
            Output.line("\(document.to) leads instead of \(document.from) (epoch \(document.epoch))\(gap)")
        }
    }

    private struct Form: Encodable {
        var to: String?
        var reason: String?
        var by: String
    }
}
