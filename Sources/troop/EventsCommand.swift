import ArgumentParser
import Linux
import Peer

/// `troop events`: what happened in the troop.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Show what happened in the troop, oldest first.")

    @Option(help: "Only what happened in this time until now, as 10m or 24h.")
    var since: TimeSpan?
    @Option(help: "Only one kind, as server.unhealthy, or all that begin with one word, as server.")
    var kind: String?
    @Option(name: [.short, .long], help: "How many of the latest events, 1 to 1000.")
    var count = 100
    @Flag(name: [.short, .long], help: "Go on with new events until Ctrl-C.")
    var follow = false
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    /// Between two questions for new events.
    private static let pauseMilliseconds = 500

    func validate() throws {
        guard (1...1000).contains(count) else {
            throw ValidationError("--count is \(count); expected 1 to 1000")
        }
        if let kind {
            let isWord = kind.utf8.allSatisfy {
                (97...122).contains($0) || (48...57).contains($0) || $0 == 0x2E || $0 == 0x5F
            }
            guard isWord, (1...64).contains(kind.utf8.count) else {
                throw ValidationError("--kind expects a kind of events such as server or server.unhealthy")
            }
        }
    }

    func run() async throws {
        let start = since.map { "\(max(0, WallClock.milliseconds() - $0.milliseconds))" }
        let document = try ask(since: start, count: count)
        guard follow else {
            switch output.output {
            case .json: Output.json(document)
            case .table:
                Output.write(
                    document.events.isEmpty
                        ? "no events\n" : document.events.reversed().map(EventsCommand.line).joined())
            }
            if document.malformed > 0 {
                ExitStatus.complain(
                    "\(document.malformed) entries of the stream were passed over: no agent wrote them")
            }
            return
        }
        show(document)
        var last = document.events.first?.id
        // Before the first event: whatever comes from now on, by Redis's clock, which nobody here knows.
        if last == nil { last = start }
        while !Output.isBroken {
            try await Task.sleep(for: .milliseconds(EventsCommand.pauseMilliseconds))
            do {
                let next = try ask(since: last, count: 1000)
                show(next)
                last = next.events.first?.id ?? last
            } catch let code as ExitCode
                where code == ExitStatus.noAgent || code == ExitStatus.storeUnreachable
            {
                // Told once a try; an agent or a Redis that comes back goes on where it was.
            }
        }
    }

    private func ask(since: String?, count: Int) throws -> EventsDocument {
        var path = "/v1/events?count=\(count)"
        if let since { path += "&since=\(since)" }
        if let kind { path += "&kind=\(kind)" }
        return try agent.client.get(EventsDocument.self, path)
    }

    private func show(_ document: EventsDocument) {
        for event in document.events.reversed() {
            switch output.output {
            case .json:
                guard let bytes = JSONForm.bytes(event) else { continue }
                Output.line(String(decoding: bytes, as: UTF8.self))
            case .table: Output.write(EventsCommand.line(event))
            }
        }
    }

    private static func line(_ event: EventLine) -> String {
        let style: Output.Style? =
            switch event.severity {
            case "error": .red
            case "warning": .yellow
            case "info": .dim
            default: nil
            }
        let text = ShownText.clean(event.text, columns: 400)
        return Output.styled(WallClock.local(event.atMs), .dim) + "  "
            + ShownText.clean(event.host, columns: 63) + "  "
            + Output.styled(ShownText.clean(event.kind, columns: 40), .dim) + "  "
            + (style.map { Output.styled(text, $0) } ?? text) + "\n"
    }
}
