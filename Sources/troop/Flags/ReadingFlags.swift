import ArgumentParser
import Flags
import Linux
import Peer

/// `troop flags list`
struct ListFlags: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show all flags.", usage: "troop flags [list] [-o json]")

    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions
    /// What is no subcommand ends up here, since this is the default one.
    @Argument(help: .hidden) var words: [String] = []

    func validate() throws {
        guard let word = words.first else { return }
        throw ValidationError(
            "'\(Table.printable(word))' is no command of 'troop flags'; there are list, get, set, on, off, rollout, eval, history, rollback, export, import and delete"
        )
    }

    func run() async throws {
        let answer = try agent.client.json("GET", "/v1/flags")
        switch output.output {
        case .json: Output.line(answer.prettyText)
        case .table:
            if case .array(let flags) = answer.members?["flags"], flags.isEmpty {
                Output.line("no flags: make one with 'troop flags set KEY JSON'")
            } else {
                Output.write(ListFlags.table(answer).text)
            }
        }
        var isSound = true
        if case .array(let faults) = answer.members?["faults"] {
            isSound = faults.isEmpty
            for fault in faults {
                let key = fault.members?["key"]?.text?.quotable ?? ""
                let meaning =
                    fault.members?["in_force"] == .bool(true)
                    ? "its last good value stays in force" : "it is not there"
                ExitStatus.complain(
                    Table.printable("flag '\(key)': \(fault.members?["why"]?.text ?? ""); \(meaning)"))
            }
        }
        try FlagOutput.checkStanding(answer)
        if !isSound { throw ExitStatus.degraded }
    }

    private static func table(_ answer: JSON) -> Table {
        var table = Table(["FLAG", "STATE", "TYPE", "DEFAULT", "TARGETING", "VARIANTS"])
        guard case .array(let flags) = answer.members?["flags"] else { return table }
        for flag in flags {
            guard let flag = flag.members else { continue }
            let isOn = flag["state"]?.text == "ENABLED"
            var variants: [String] = []
            if case .array(let names) = flag["variants"] { variants = names.compactMap(\.text) }
            table.add([
                .init((flag["key"]?.text ?? "").quotable), .init(isOn ? "on" : "off", isOn ? .green : .dim),
                .init(flag["type"]?.text ?? "-"), .init((flag["default_variant"]?.text ?? "-").quotable),
                .init(targeting(flag)), .init(variants.joined(separator: " ").quotable),
            ])
        }
        return table
    }

    private static func targeting(_ flag: JSONObject) -> String {
        guard let share = flag["rollout"]?.number else {
            let word = flag["targeting"]?.text ?? "none"
            return word == "none" ? "-" : word
        }
        let percent = share == share.rounded() ? "\(Int(share))" : "\(share)"
        return "\(percent) % \((flag["rollout_variant"]?.text ?? "").quotable)"
    }
}

/// `troop flags get`
struct GetFlag: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show a flag's definition, as JSON.", usage: "troop flags get KEY")

    @OptionGroup var flag: FlagName
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let answer = try agent.client.json("GET", flag.path)
        switch output.output {
        case .json: Output.line(answer.prettyText)
        case .table: Output.line((answer.members?["definition"] ?? .null).prettyText)
        }
        if let why = answer.members?["fault"]?.text {
            ExitStatus.complain(
                Table.printable("what Redis holds makes no sense (\(why)); this is the last good definition"))
        }
        try FlagOutput.checkStanding(answer)
    }
}

/// `troop flags eval`
struct EvaluateFlag: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval", abstract: "Evaluate a flag as an application would.",
        usage: "troop flags eval KEY [--key TARGETING-KEY] [--context JSON|@FILE]")

    @OptionGroup var flag: FlagName
    @Option(name: .customLong("key"), help: "The targeting key: who or what the flag is evaluated for.")
    var targetingKey: String?
    @Option(help: "Further attributes, as a JSON object or @FILE.")
    var context: String?
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var attributes = JSONObject()
        if let context {
            attributes = try EvaluateFlag.attributes(context)
        }
        if let targetingKey { attributes["targetingKey"] = .string(targetingKey) }
        let body = JSON.object(JSONObject([("context", .object(attributes))])).bytes
        let answer = try agent.client.json(
            "POST", "/ofrep/v1/evaluate/flags/" + FlagName.encoded(flag.key), body)
        switch output.output {
        case .json: Output.line(answer.prettyText)
        case .table:
            var table = Table(["FLAG", "VALUE", "VARIANT", "REASON"])
            let members = answer.members
            let variant = members?["variant"]?.text ?? ""
            table.add([
                .init(flag.key), .init(FlagOutput.value(members?["value"])),
                .init(variant.isEmpty ? "-" : variant), .init(members?["reason"]?.text ?? "-"),
            ])
            Output.write(table.text)
        }
    }

    /// The attributes of an argument: an object, or the file that holds one.
    private static func attributes(_ context: String) throws -> JSONObject {
        let bytes = try FlagInput.argument(context)
        let json: JSON
        do throws(JSONFault) {
            json = try JSONReader.read(bytes)
        } catch {
            throw refusal(context, "no JSON (\(error))")
        }
        guard let members = json.members else { throw refusal(context, json.kind) }
        return members
    }

    private static func refusal(_ context: String, _ what: String) -> ExitCode {
        let sentence = "--context is \(what); expected an object such as {\"plan\":\"free\"}, or @FILE"
        guard context.hasPrefix("@") else { return FlagInput.misuse(sentence) }
        return FlagInput.fault(String(context.dropFirst()), sentence)
    }
}

/// `troop flags history`
struct FlagHistory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Show who changed which flag when, and why.",
        usage: "troop flags history [KEY] [--count N] [-o json]")

    @Argument(help: .init("Only this flag.", valueName: "key")) var key: String?
    @Option(name: [.short, .long], help: "How many of the latest changes, 1 to 200.")
    var count = 20
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...200).contains(count) else {
            throw ValidationError("--count is \(count); expected 1 to 200")
        }
    }

    func run() async throws {
        let only = key.map { "&key=" + FlagName.encoded($0) } ?? ""
        let answer = try agent.client.json("GET", "/v1/flag-history?count=\(count)\(only)")
        switch output.output {
        case .json: Output.line(answer.prettyText)
        case .table:
            var table = Table(["WHEN", "ID", "FLAG", "ACTION", "BY", "WHY"])
            guard case .array(let entries) = answer.members?["entries"] else { return }
            guard !entries.isEmpty else {
                return Output.line(
                    key.map { "there is no history of '\(Table.printable($0))'" } ?? "no changes yet")
            }
            for entry in entries {
                guard let entry = entry.members else { continue }
                var when = "-"
                let reason = entry["reason"]?.text ?? ""
                if case .integer(let time) = entry["at_ms"] { when = WallClock.local(time) }
                table.add([
                    .init(when), .init(entry["id"]?.text ?? "-"), .init((entry["key"]?.text ?? "").quotable),
                    .init(entry["what"]?.text ?? entry["action"]?.text ?? "-"),
                    .init(entry["by"]?.text ?? "-"), .init(reason.isEmpty ? "-" : reason),
                ])
            }
            Output.write(table.text)
        }
    }
}

/// `troop flags export`
struct ExportFlags: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Print all flags as one flagd file.",
        usage: "troop flags export > flags.json")

    @OptionGroup var agent: AgentOptions

    func run() async throws {
        Output.line(try agent.client.json("GET", "/v1/flagset").prettyText)
        // The file has no place for how old it is. After a loss it is whole, and the way back.
        let list = try agent.client.json("GET", "/v1/flags")
        if !FlagOutput.complainsOfLoss(list) { try FlagOutput.checkStanding(list) }
    }
}
