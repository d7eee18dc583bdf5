import ArgumentParser
import Flags
import Peer

/// `troop flags set`
struct SetFlag: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Make a flag, or give it another definition.",
        usage: "troop flags set KEY JSON|@FILE [--reason TEXT]",
        discussion: """
            For example:

              troop flags set new-ui '{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off"}'

            A definition that does not validate is not stored.
            """)

    @OptionGroup var flag: FlagName
    @Argument(
        help: .init(
            "The definition in flagd's format; @FILE reads a file, @- standard input.", valueName: "json"))
    var definition: String
    @OptionGroup var reason: ReasonOptions
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let bytes = try FlagInput.argument(definition)
        guard !bytes.isEmpty else {
            throw FlagInput.misuse("the definition is empty; expected JSON, @FILE, or @- for standard input")
        }
        FlagOutput.outcome(try agent.client.json("PUT", flag.path + reason.query, bytes), output.output)
    }
}

/// `troop flags on`
struct TurnFlagOn: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "on", abstract: "Let a flag be evaluated (state ENABLED).",
        usage: "troop flags on KEY [--reason TEXT]")

    @OptionGroup var flag: FlagName
    @OptionGroup var reason: ReasonOptions
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try FlagWish.send([("state", .string("ENABLED"))], flag, reason, agent, output)
    }
}

/// `troop flags off`
struct TurnFlagOff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "off",
        abstract: "Let a flag not be evaluated (state DISABLED): applications use their own defaults.",
        usage: "troop flags off KEY [--reason TEXT]")

    @OptionGroup var flag: FlagName
    @OptionGroup var reason: ReasonOptions
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try FlagWish.send([("state", .string("DISABLED"))], flag, reason, agent, output)
    }
}

/// `troop flags rollout`
struct RollFlagOut: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout", abstract: "Give a share of all targeting keys a variant, the others another.",
        usage:
            "troop flags rollout KEY PERCENT [--variant NAME] [--otherwise NAME] [--force] [--reason TEXT]",
        discussion: """
            Whoever is in at 10 percent is still in at 20. The variant is by default the one whose value is true, the \
            others get the default variant. Rules of another kind are replaced only with --force.
            """)

    @OptionGroup var flag: FlagName
    @Argument(help: "0 to 100, with at most three decimals.") var percent: String
    @Option(help: "The variant that is rolled out.") var variant: String?
    @Option(help: "The variant that the others get.") var otherwise: String?
    @ArgumentParser.Flag(help: "Replace rules that are there.") var force = false
    @OptionGroup var reason: ReasonOptions
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    private var share: Double? {
        let text = percent.hasSuffix("%") ? String(percent.dropLast()) : percent
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }) else {
            return nil
        }
        if let point = text.firstIndex(of: ".") {
            var decimals = text[text.index(after: point)...]
            while decimals.last == "0" { decimals.removeLast() }
            guard decimals.count <= 3 else { return nil }
        }
        return Double(text).flatMap { (0...100).contains($0) ? $0 : nil }
    }

    func validate() throws {
        guard share != nil else {
            throw ValidationError(
                "the share is '\(Table.printable(percent))'; expected 0 to 100 percent with at most three decimals"
            )
        }
    }

    func run() async throws {
        var wish: [(String, JSON)] = [("rollout", .number(share ?? 0))]
        if let variant { wish.append(("variant", .string(variant))) }
        if let otherwise { wish.append(("otherwise", .string(otherwise))) }
        if force { wish.append(("force", .bool(true))) }
        try FlagWish.send(wish, flag, reason, agent, output)
    }
}

/// `troop flags rollback`
struct RollFlagBack: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Make a flag what it was before its last change, or after an earlier one.",
        usage: "troop flags rollback KEY [--to ID] [--reason TEXT]")

    @OptionGroup var flag: FlagName
    @Option(help: "An entry of 'troop flags history': the flag becomes what it was right after it.")
    var to: String?
    @OptionGroup var reason: ReasonOptions
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard let to, !FlagHistoryEntry.isID(to) else { return }
        throw ValidationError(
            "--to is '\(Table.printable(to))'; expected an ID such as 1763900000000-0, as 'troop flags history' shows them"
        )
    }

    func run() async throws {
        try FlagWish.send(
            [("rollback", .bool(true))] + (to.map { [("to", .string($0))] } ?? []), flag, reason, agent,
            output)
    }
}

/// `troop flags delete`
struct DeleteFlag: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Take a flag away: applications use their own defaults.",
        usage: "troop flags delete KEY [--reason TEXT]")

    /// Whatever stands in Redis can be named.
    @Argument(help: .init("The flag's name.", valueName: "key")) var key: String
    @OptionGroup var reason: ReasonOptions
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = "/v1/flags/" + FlagName.encoded(key) + reason.query
        FlagOutput.outcome(try agent.client.json("DELETE", path), output.output)
    }
}

/// `troop flags import`
struct ImportFlags: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Take flags from a flagd file; all of it or nothing.",
        usage: "troop flags import FILE|- [--replace] [--reason TEXT]")

    @Argument(help: .init("A flagd file; - reads standard input.", valueName: "file")) var file: String
    @ArgumentParser.Flag(help: "Take flags away that the file does not have.") var replace = false
    @OptionGroup var reason: ReasonOptions
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let bytes = try FlagInput.file(file)
        let path = "/v1/flagset" + reason.query + (replace ? "&replace=true" : "")
        let answer = try agent.client.json("POST", path, bytes)
        switch output.output {
        case .json: Output.line(answer.prettyText)
        case .table:
            let count = { (name: String) in FlagOutput.count(name, in: answer) }
            let restored = count("restored")
            let more = restored == 0 ? "" : ", \(restored) written back that Redis had lost"
            Output.line("definitions: \(count("flags")) in the file, \(count("changed")) changed\(more)")
        }
    }
}

/// What is asked of a flag that is there.
private enum FlagWish {
    static func send(
        _ wish: [(String, JSON)], _ flag: FlagName, _ reason: ReasonOptions, _ agent: AgentOptions,
        _ output: OutputOptions
    ) throws {
        let body = JSON.object(JSONObject(wish + reason.members)).bytes
        FlagOutput.outcome(try agent.client.json("POST", flag.path, body), output.output)
    }
}
