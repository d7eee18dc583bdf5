import ArgumentParser
import Peer

/// `troop pause`: nobody new is elected until `troop resume`.
struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Let nobody new be elected: for work on Redis or the network. The leader goes on leading.",
        usage: "troop pause [--reason TEXT]",
        discussion: "While the troop is paused a leader that dies is not replaced; every status says so.")

    @Option(help: "Why; shown in every status.")
    var reason: String?
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try PauseText.change("/v1/pause", reason, agent, output)
    }
}

/// `troop resume`: ends the pause.
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "End a pause: elections go on.", usage: "troop resume")

    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try PauseText.change("/v1/resume", nil, agent, output)
    }
}

private enum PauseText {
    private struct Form: Encodable {
        var reason: String?
        var by: String
    }

    static func change(
        _ path: String, _ reason: String?, _ agent: AgentOptions, _ output: OutputOptions
    ) throws {
        let json = JSONForm.bytes(Form(reason: reason, by: "cli:" + Person.name)) ?? []
        let document = try agent.client.send(PauseDocument.self, "POST", path, json)
        switch output.output {
        case .json: Output.json(document)
        case .table:
            let state = document.paused ? "paused: the leader stays, nobody new is elected" : "not paused"
            Output.line("the troop is \(state)\(document.changed ? "" : " (as before)")")
        }
    }
}
