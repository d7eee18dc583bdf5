import ArgumentParser
import Glibc
import Linux
import Peer

/// `troop operations`: what the monkeys do and did.
struct OperationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operations",
        abstract: "Show, approve and cancel operations: launches, reboots, replacements.",
        usage: """
            troop operations [list] [--count N]
            troop operations show ID [--log]
            troop operations approve|cancel ID
            """,
        subcommands: [ListOperations.self, ShowOperation.self, ApproveOperation.self, CancelOperation.self],
        defaultSubcommand: ListOperations.self)
}

/// `troop operations list`
struct ListOperations: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show operations under way, then the latest that ended.")

    @Option(name: [.short, .long], help: "How many of those that ended, 0 to 1000.") var count = 20
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (0...1000).contains(count) else {
            throw ValidationError("--count is \(count); expected 0 to 1000")
        }
    }

    func run() async throws {
        let document = try agent.client.get(OperationsDocument.self, "/v1/operations?count=\(count)")
        switch output.output {
        case .json: Output.json(document.operations)
        case .table:
            Output.write(
                document.operations.isEmpty ? "no operations\n" : OperationsText.table(document.operations))
        }
    }
}

/// `troop operations show`
struct ShowOperation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one operation: why, each step, and what its playbooks printed.")

    @Argument(help: "The operation's id, as in the list.") var id: String
    @Flag(help: "Also what its playbooks printed.") var log = false
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard OperationJournal.isID(id) else {
            throw ValidationError("'\(Table.printable(id))' is no operation's id")
        }
    }

    func run() async throws {
        let document = try agent.client.get(
            OperationDocument.self, "/v1/operations/\(id)\(log ? "?log=1" : "")")
        switch output.output {
        case .json: Output.json(document)
        case .table: Output.write(OperationsText.text(document))
        }
    }
}

/// `troop operations approve`
struct ApproveOperation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Let an operation begin that waits for approval.")

    @Argument(help: "The operation's id, as in the list.") var id: String
    @OptionGroup var ask: RemedyOptions

    func run() async throws { try ask.send("approve", target: id) }
}

/// `troop operations cancel`
struct CancelOperation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "End an operation and take back what it began, while that is possible.")

    @Argument(help: "The operation's id, as in the list.") var id: String
    @OptionGroup var ask: RemedyOptions

    func run() async throws { try ask.send("cancel", target: id) }
}

/// Operations as tables for people.
enum OperationsText {
    static func table(_ operations: [OperationLine]) -> String {
        var table = Table(["OPERATION", "KIND", "TARGET", "STATE", "STEP", "STARTED", "WHY"])
        for line in operations {
            table.add([
                .init(line.id), .init(line.kind), .init(line.target), .init(line.state, style(line.state)),
                .init(line.step), .init(local(line.started)), .init(line.reason),
            ])
        }
        return table.text
    }

    /// Columns that a narrow terminal does without, the first of them first.
    private static let leastUnderWay = ["ID", "SINCE", "STEP", "STATE"]

    /// The operations under way for `troop status`, whose first column can be cut where a terminal is narrow; nothing
    /// without any. Who asks for the wide table gets every column.
    static func underWay(
        _ operations: [OperationLine], wide: Bool, columns: Int? = Table.columns,
        atMilliseconds now: Int64 = WallClock.milliseconds()
    ) -> String {
        guard !operations.isEmpty else { return "" }
        var table = Table(
            ["OPERATIONS", "STATE", "STEP", "SINCE", "ID", "WHY"], leastFirst: wide ? [] : leastUnderWay)
        for line in operations {
            let since = milliseconds(line.started).map { HostText.age(max(0, now - $0)) } ?? "-"
            table.add([
                .init("\(line.kind) \(line.target)", .bold), .init(line.state, style(line.state)),
                .init(line.step), .init(since), .init(line.id), .init(line.reason),
            ])
        }
        return table.text(columns: columns)
    }

    /// The longest part of a name or a step that stands in a line with others, in columns.
    private static let wordColumnsMax = 24

    /// The operations under way in one line, for `troop top`; nil without any.
    static func line(_ operations: [OperationLine]) -> String? {
        guard !operations.isEmpty else { return nil }
        let each = operations.map { line in
            let words = [line.kind, line.target, line.state == "waiting" ? line.state : line.step]
                .map { ShownText.clean($0, columns: wordColumnsMax) }
            return "\(words[0]) \(words[1]) (\(words[2]))"
        }
        return "\(each.count) operation\(each.count == 1 ? "" : "s"): " + each.joined(separator: ", ")
    }

    static func text(_ document: OperationDocument) -> String {
        var text = "\(Output.styled("\(document.kind) \(Table.printable(document.target))", .bold))"
        text +=
            "   \(Output.styled(document.state, style(document.state) ?? .bold)) at '\(document.step)'   epoch \(document.epoch)\n"
        text += "why      \(Table.printable(document.reason)) (\(Table.printable(document.by)))\n"
        let ended = document.ended.map { ", ended \(local($0))" } ?? ""
        text += "began    \(local(document.started))\(ended)\n"
        if !document.server.isEmpty { text += "server   \(Table.printable(document.server))\n" }
        let machines = [document.machine, document.launched].filter { !$0.isEmpty }.joined(separator: ", ")
        if !machines.isEmpty { text += "machine  \(Table.printable(machines))\n" }
        if !document.fault.isEmpty {
            text += Output.styled("fault    ", .red) + Table.printable(document.fault) + "\n"
        }
        var table = Table(["WHEN", "STEP", "EPOCH", "WHAT"], numeric: [2])
        for line in document.lines {
            table.add([.init(local(line.at)), .init(line.step), .init("\(line.epoch)"), .init(line.text)])
        }
        text += "\n" + table.text
        if !document.log.isEmpty { text += "\n" + document.log.map { Table.printable($0) + "\n" }.joined() }
        return text
    }

    /// A moment of the API, which is UTC, in the host's own time as all tables show it; what is none stays as it is.
    static func local(_ moment: String) -> String {
        milliseconds(moment).map(WallClock.local) ?? Table.printable(moment)
    }

    /// A moment of the API in milliseconds since 1970; nil for what is none.
    private static func milliseconds(_ moment: String) -> Int64? {
        let numbers = moment.split { !$0.isNumber }.compactMap { Int32($0) }
        guard moment.utf8.count == "2026-11-23T19:44:52Z".utf8.count, moment.hasSuffix("Z"),
            numbers.count == 6,
            (1970...9999).contains(numbers[0]), numbers.dropFirst().allSatisfy({ (0...60).contains($0) })
        else { return nil }
        var parts = tm()
        parts.tm_year = numbers[0] - 1900
        parts.tm_mon = numbers[1] - 1
        parts.tm_mday = numbers[2]
        parts.tm_hour = numbers[3]
        parts.tm_min = numbers[4]
        parts.tm_sec = numbers[5]
        return Int64(timegm(&parts)) * 1000
    }

    private static func style(_ state: String) -> Output.Style? {
        switch state {
        case "done": .green
        case "failed": .red
        case "running", "waiting": .yellow
        default: .dim
        }
    }
}
