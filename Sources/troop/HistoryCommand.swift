import ArgumentParser
import Linux
import Peer

/// `troop history`: every change of leader, when, and why.
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Show the changes of leader: when, who, and why.")

    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions
    @Option(name: [.short, .long], help: "How many of the latest changes, 1 to 1000.")
    var count = 20

    func validate() throws {
        guard (1...1000).contains(count) else {
            throw ValidationError("--count is \(count); expected 1 to 1000")
        }
    }

    func run() async throws {
        let document = try agent.client.get(HistoryDocument.self, "/v1/history?count=\(count)")
        switch output.output {
        case .json: Output.json(document)
        case .table:
            var table = Table(["WHEN", "EVENT", "EPOCH", "HOST", "LEADERLESS", "WHY"], numeric: [4])
            for entry in document.entries {
                table.add([
                    .init(WallClock.local(entry.atMs)), .init(entry.event), .init("\(entry.epoch)"),
                    .init(entry.leader),
                    .init(entry.leaderlessMs.map { "\($0) ms" } ?? "-"), .init(entry.reason),
                ])
            }
            Output.write(table.text)
        }
    }
}
