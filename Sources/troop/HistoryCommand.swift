import ArgumentParser
import Glibc
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
                    .init(HistoryCommand.time(entry.atMs)), .init(entry.event), .init("\(entry.epoch)"),
                    .init(entry.leader),
                    .init(entry.leaderlessMs.map { "\($0) ms" } ?? "-"), .init(entry.reason),
                ])
            }
            Output.write(table.text)
        }
    }

    /// A moment in local time, as `2026-11-23 19:44:52`.
    static func time(_ milliseconds: Int64) -> String {
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        localtime_r(&seconds, &parts)
        var buffer = [UInt8](repeating: 0, count: 32)
        let length = buffer.withUnsafeMutableBytes { raw in
            raw.withMemoryRebound(to: CChar.self) {
                strftime($0.baseAddress, $0.count, "%Y-%m-%d %H:%M:%S", &parts)
            }
        }
        return String(decoding: buffer[..<length], as: UTF8.self)
    }
}
