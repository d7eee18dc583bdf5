import ArgumentParser
import Peer

/// `troop gift`: launches servers now.
struct GiftCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gift", abstract: "Launch a server now, as the gift monkey would.",
        usage: "troop gift [--count N] [--reason TEXT]")

    @Option(help: "How many, 1 to 100.") var count = 1
    @OptionGroup var ask: RemedyOptions

    func validate() throws {
        guard (1...100).contains(count) else {
            throw ValidationError("--count is \(count); expected 1 to 100")
        }
    }

    func run() async throws { try ask.send("gift", value: "\(count)") }
}

/// `troop doctor`: treats a host now.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Treat a host now, as the doctor monkey would: drain, reboot, verify, return.",
        usage: "troop doctor HOST [--reason TEXT]")

    @Argument(help: "The host, as in 'troop status'.") var host: String
    @OptionGroup var ask: RemedyOptions

    func run() async throws { try ask.send("doctor", target: host) }
}

/// `troop drain`: a server gets no new requests.
struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Give a server no new requests; those in flight are finished.",
        usage: "troop drain ADDRESS:PORT|HOST [--reason TEXT]")

    @Argument(help: "The server, by its address or its host.") var server: String
    @OptionGroup var ask: RemedyOptions

    func run() async throws { try ask.send("drain", target: server) }
}

/// `troop undrain`: a server gets requests again.
struct UndrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undrain", abstract: "Give a server requests again.",
        usage: "troop undrain ADDRESS:PORT|HOST")

    @Argument(help: "The server, by its address or its host.") var server: String
    @OptionGroup var ask: RemedyOptions

    func run() async throws { try ask.send("undrain", target: server) }
}

/// `troop hold`: the monkeys leave a host alone.
struct HoldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold", abstract: "Keep the monkeys from touching a host until 'troop unhold'.",
        usage: "troop hold HOST [--reason TEXT]")

    @Argument(help: "The host, as in 'troop status'.") var host: String
    @OptionGroup var ask: RemedyOptions

    func run() async throws { try ask.send("hold", target: host) }
}

/// `troop unhold`: the monkeys may treat a host again.
struct UnholdCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unhold", abstract: "Let the monkeys treat a host again.", usage: "troop unhold HOST")

    @Argument(help: "The host.") var host: String
    @OptionGroup var ask: RemedyOptions

    func run() async throws { try ask.send("unhold", target: host) }
}

/// `troop forget`: a host that is gone for good.
struct ForgetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Take a host that is gone for good out of the troop.",
        usage: "troop forget HOST [--reason TEXT]",
        discussion:
            "Only a host that is silent is forgotten, and whose servers are off the list ('troop servers remove')."
    )

    @Argument(help: "The host, as in 'troop status'.") var host: String
    @OptionGroup var ask: RemedyOptions

    func run() async throws { try ask.send("forget", target: host) }
}

/// `troop quarantine`: hosts that no remedy has helped.
struct QuarantineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine", abstract: "Show and release hosts that two remedies have not helped.",
        usage: """
            troop quarantine [list]
            troop quarantine release HOST
            """, subcommands: [ListQuarantine.self, ReleaseQuarantine.self],
        defaultSubcommand: ListQuarantine.self)
}

/// `troop quarantine list`
struct ListQuarantine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show who is in quarantine.")

    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let marks = try agent.client.get(MonkeysDocument.self, "/v1/monkeys").quarantine
        switch output.output {
        case .json: Output.json(marks)
        case .table:
            var table = Table(["HOST", "WHY"])
            for mark in marks { table.add([.init(mark.host), .init(mark.reason)]) }
            Output.write(marks.isEmpty ? "nobody is in quarantine\n" : table.text)
        }
    }
}

/// `troop quarantine release`
struct ReleaseQuarantine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Let a host out of quarantine; its server stays off the list until 'troop undrain'.")

    @Argument(help: "The host.") var host: String
    @OptionGroup var ask: RemedyOptions

    func run() async throws { try ask.send("release", target: host) }
}
