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
        // A kind that nobody tells of would show nothing, and look like peace.
        if let kind, !EventKinds.has(kind) {
            throw ValidationError(
                "--kind is '\(ShownText.clean(kind))'; expected a first word such as server, or both as server.unhealthy. There are \(EventKinds.list)"
            )
        }
    }

    func run() async throws {
        let start = since.map { "\(max(0, WallClock.milliseconds() - $0.milliseconds))" }
        let document = try ask(since: start, count: count)
        var lines = EventLines()
        guard follow else {
            switch output.output {
            case .json: Output.json(document)
            case .table:
                Output.write(document.events.isEmpty ? "no events\n" : lines.text(document.events))
            }
            if document.malformed > 0 {
                ExitStatus.complain(
                    "\(document.malformed) entries of the stream were passed over: no agent wrote them")
            }
            return
        }
        show(document, &lines)
        var last = document.events.first?.id
        // Before the first event: whatever comes from now on, by Redis's clock, which nobody here knows.
        if last == nil { last = start }
        while !Output.isBroken {
            try await Task.sleep(for: .milliseconds(EventsCommand.pauseMilliseconds))
            do {
                let next = try ask(since: last, count: 1000)
                show(next, &lines)
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

    private func show(_ document: EventsDocument, _ lines: inout EventLines) {
        switch output.output {
        case .json:
            for event in document.events.reversed() {
                guard let bytes = JSONForm.bytes(event) else { continue }
                Output.line(String(decoding: bytes, as: UTF8.self))
            }
        case .table: if !document.events.isEmpty { Output.write(lines.text(document.events)) }
        }
    }
}

/// Events as lines for people. Later ones stand under those before: columns only get wider.
struct EventLines {
    private var hostColumns = 0
    private var kindColumns = 0

    /// Longer names of hosts and of kinds are cut, in columns.
    private static let hostColumnsMax = 63
    private static let kindColumnsMax = 40

    /// The lines of some events, the latest of which comes first, in the order of time.
    mutating func text(_ events: [EventLine]) -> String {
        let rows = events.reversed().map { event in
            (
                event, host: ShownText.clean(event.host, columns: EventLines.hostColumnsMax),
                kind: ShownText.clean(event.kind, columns: EventLines.kindColumnsMax)
            )
        }
        for row in rows {
            hostColumns = max(hostColumns, ShownText.width(of: row.host))
            kindColumns = max(kindColumns, ShownText.width(of: row.kind))
        }
        var text = ""
        for (event, host, kind) in rows {
            let sentence = Table.printable(event.text)
            text += Output.styled(WallClock.local(event.atMs), .dim) + "  "
            text += EventLines.padded(host, hostColumns) + "  "
            text += Output.styled(EventLines.padded(kind, kindColumns), .dim) + "  "
            text += (EventLines.style(event.severity).map { Output.styled(sentence, $0) } ?? sentence) + "\n"
        }
        return text
    }

    private static func padded(_ text: String, _ columns: Int) -> String {
        text + String(repeating: " ", count: max(0, columns - ShownText.width(of: text)))
    }

    private static func style(_ severity: String) -> Output.Style? {
        switch severity {
        case "error": .red
        case "warning": .yellow
        case "info": .dim
        default: nil
        }
    }
}
