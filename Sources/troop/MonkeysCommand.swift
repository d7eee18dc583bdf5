import ArgumentParser
import Peer

/// `troop monkeys`: what the two policies see, think and would do; pause, resume, mode.
struct MonkeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "monkeys",
        abstract: "Show what the gift and the doctor monkey see, think and would do now.",
        usage: """
            troop monkeys [show]
            troop monkeys pause|resume [--reason TEXT]
            troop monkeys mode gift|doctor observe|approve|enforce|default
            """,
        subcommands: [ShowMonkeys.self, PauseMonkeys.self, ResumeMonkeys.self, SetMode.self],
        defaultSubcommand: ShowMonkeys.self)
}

/// `troop monkeys show`
struct ShowMonkeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show what the monkeys see, think and would do now.")

    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let document = try agent.client.get(MonkeysDocument.self, "/v1/monkeys")
        switch output.output {
        case .json: Output.json(document)
        case .table: Output.write(ShowMonkeys.text(document))
        }
    }

    private static func text(_ document: MonkeysDocument) -> String {
        var text = "leader \(Table.printable(document.leader)) (epoch \(document.epoch))"
        if let paused = document.paused {
            text +=
                Output.styled("   PAUSED", .yellow) + (paused.isEmpty ? "" : ": \(Table.printable(paused))")
        }
        let machines = document.machines.map { ", \($0) machines" } ?? ""
        text += "   provider \(document.provider ?? "none")\(machines)\n"
        text += "last hour: \(document.launchesLastHour) launches, \(document.remediesLastHour) remedies\n"
        for policy in document.policies {
            text += "\n\(Output.styled(policy.name, .bold)) (\(policy.mode))\n"
            text += "  sees    \(Table.printable(policy.sees))\n  thinks  \(Table.printable(policy.thinks))\n"
            guard let would = policy.would else { continue }
            text += "  would   \(Table.printable(would))\n"
            if let why = policy.heldBack {
                text += Output.styled("  but     ", .yellow) + Table.printable(why) + "\n"
            }
        }
        for mark in document.holds {
            text += "\nheld: \(Table.printable(mark.host)): \(Table.printable(mark.reason))"
        }
        for mark in document.quarantine {
            text +=
                Output.styled("\nquarantine: ", .red)
                + "\(Table.printable(mark.host)): \(Table.printable(mark.reason))"
        }
        if !document.holds.isEmpty || !document.quarantine.isEmpty { text += "\n" }
        if !document.operations.isEmpty { text += "\n" + OperationsText.table(document.operations) }
        return text
    }
}

/// `troop monkeys pause`
struct PauseMonkeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Let the monkeys begin nothing new; what is under way goes on.")

    @OptionGroup var ask: RemedyOptions

    func run() async throws { try ask.send("monkeys-pause") }
}

/// `troop monkeys resume`
struct ResumeMonkeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Let the monkeys work again.")

    @OptionGroup var ask: RemedyOptions

    func run() async throws { try ask.send("monkeys-resume") }
}

/// `troop monkeys mode`
struct SetMode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mode", abstract: "Set how far a monkey may go by itself, for the whole troop.",
        usage: "troop monkeys mode gift|doctor observe|approve|enforce|default")

    @Argument(help: "gift or doctor.") var monkey: String
    @Argument(help: "observe, approve, enforce, or default for what the configuration says.") var mode: String
    @OptionGroup var ask: RemedyOptions

    func validate() throws {
        let monkeys = ["gift", "doctor"]
        guard monkeys.contains(monkey) else {
            throw ValidationError(
                "there is no monkey '\(Table.printable(monkey))'; there are \(monkeys.joined(separator: ", "))"
            )
        }
        let modes = ["observe", "approve", "enforce", "default"]
        guard modes.contains(mode) else {
            throw ValidationError(
                "there is no mode '\(Table.printable(mode))'; there are \(modes.joined(separator: ", "))")
        }
    }

    func run() async throws { try ask.send("mode", target: monkey, value: mode) }
}

/// What all commands about remedies take, and how they are asked.
struct RemedyOptions: ParsableArguments {
    @Option(help: "Why; kept with what is done.") var reason: String?
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    private struct Form: Encodable {
        var `do`: String
        var target: String?
        var value: String?
        var reason: String?
        var by: String
    }

    /// Asks the leader and shows what came of it.
    func send(_ kind: String, target: String? = nil, value: String? = nil) throws {
        let form = Form(do: kind, target: target, value: value, reason: reason, by: "cli:" + Person.name)
        let document = try agent.client.send(
            RemedyDocument.self, "POST", "/v1/remedies", JSONForm.bytes(form) ?? [])
        switch output.output {
        case .json: Output.json(document)
        case .table: Output.line(Table.printable(document.text))
        }
    }
}
