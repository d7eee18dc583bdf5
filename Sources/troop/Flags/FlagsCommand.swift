import ArgumentParser
import Flags
import Glibc
import Peer
import Transfer

/// `troop flags`: feature flags in flagd's format.
struct FlagsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flags",
        abstract: "Show and change feature flags; applications read them by OFREP from any agent.",
        usage: """
            troop flags [list]
            troop flags get KEY
            troop flags set KEY JSON|@FILE
            troop flags on|off KEY
            troop flags rollout KEY PERCENT [--variant NAME] [--otherwise NAME]
            troop flags eval KEY [--key TARGETING-KEY] [--context JSON|@FILE]
            troop flags history [KEY]
            troop flags rollback KEY [--to ID]
            troop flags export
            troop flags import FILE|- [--replace]
            troop flags delete KEY
            """,
        subcommands: [
            ListFlags.self, GetFlag.self, SetFlag.self, TurnFlagOn.self, TurnFlagOff.self, RollFlagOut.self,
            EvaluateFlag.self, FlagHistory.self, RollFlagBack.self, ExportFlags.self, ImportFlags.self,
            DeleteFlag.self,
        ],
        defaultSubcommand: ListFlags.self)
}

/// The name of one flag, as the first argument.
struct FlagName: ParsableArguments {
    @Argument(help: .init("The flag's name; '$evaluators' are the shared rules.", valueName: "key"))
    var key: String

    func validate() throws {
        if let fault = FlagKey.fieldFault(key) { throw ValidationError(fault) }
    }

    /// The path of the flag in the API.
    var path: String { "/v1/flags/" + FlagName.encoded(key) }

    /// A text as one part of a URL.
    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."):
                result.unicodeScalars.append(UnicodeScalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }
}

/// Why a flag is changed.
struct ReasonOptions: ParsableArguments {
    @Option(help: "Why; kept in the history.")
    var reason: String?

    /// The query that tells who changes it, and why.
    var query: String {
        "?by=" + FlagName.encoded("cli:" + Person.name)
            + (reason.map { "&reason=" + FlagName.encoded($0) } ?? "")
    }

    /// The same as members of a body.
    var members: [(String, JSON)] {
        [("by", .string("cli:" + Person.name))] + (reason.map { [("reason", .string($0))] } ?? [])
    }
}

/// Where JSON comes from on a command line.
enum FlagInput {
    /// The longest text that is read, in bytes.
    private static let bytesMax = 1024 * 1024

    /// The bytes of an argument: itself, or with `@` the file of that name (`@-`: standard input).
    static func argument(_ text: String) throws -> [UInt8] {
        guard text.hasPrefix("@") else { return Array(text.utf8) }
        return try file(String(text.dropFirst()))
    }

    /// Complains of an argument; the exit code to end with. A ValidationError would show the usage of the whole program
    /// where it is not thrown by `validate`.
    static func misuse(_ sentence: String) -> ExitCode {
        ExitStatus.complain(Table.printable(sentence))
        return .validationFailure
    }

    /// Complains of what a file holds; the exit code to end with.
    static func fault(_ path: String, _ why: String) -> ExitCode {
        ExitStatus.complain(Table.printable("\(path == "-" ? "standard input" : path): \(why)"))
        return ExitStatus.degraded
    }

    /// A file's bytes; `-` is standard input.
    static func file(_ path: String) throws -> [UInt8] {
        guard !path.isEmpty else {
            throw misuse("no file is named; expected its path, or - for standard input")
        }
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw fault(path, reason()) }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw fault(path, reason()) }
            if count == 0 {
                guard !bytes.isEmpty else { throw fault(path, "there is nothing in it; expected JSON") }
                guard String(validating: bytes, as: UTF8.self) != nil else {
                    throw fault(path, "no UTF-8 text")
                }
                return bytes
            }
            bytes += chunk[..<count]
            guard bytes.count <= bytesMax else {
                throw fault(path, "longer than \(bytesMax) bytes")
            }
        }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}

/// How flags are printed.
enum FlagOutput {
    /// Prints the outcome of a change in words, or as JSON.
    static func outcome(_ answer: JSON, _ format: OutputFormat) {
        switch format {
        case .json: Output.line(answer.prettyText)
        case .table:
            let key = Table.printable(answer.members?["key"]?.text ?? "")
            switch answer.members?["outcome"]?.text {
            case "created": Output.line("flag '\(key)' is there now")
            case "changed": Output.line("flag '\(key)' is changed")
            case "deleted": Output.line("flag '\(key)' is gone")
            default: Output.line("flag '\(key)' is as before")
            }
            let restored = count("restored", in: answer)
            if restored > 0 {
                Output.line("what Redis had lost is written back: \(restored) of the flags' definitions")
            }
        }
    }

    /// A number of an answer; 0 where it has none.
    static func count(_ name: String, in answer: JSON) -> Int64 {
        if case .integer(let number) = answer.members?[name] { return number }
        return 0
    }

    /// Complains where Redis has lost what was shown; true then.
    static func complainsOfLoss(_ answer: JSON) -> Bool {
        let lost = count("lost", in: answer)
        guard lost > 0 else { return false }
        ExitStatus.complain(
            "Redis has lost \(lost == 1 ? "1 definition" : "\(lost) definitions"), with the history: what was known last stays in force; 'troop flags export | troop flags import -' writes them back"
        )
        return true
    }

    /// Complains where what was shown may be old, and ends with the exit code for it.
    static func checkStanding(_ answer: JSON) throws {
        if complainsOfLoss(answer) { throw ExitStatus.degraded }
        switch answer.members?["standing"]?.text {
        case "stale", "cached":
            let age: String
            if case .integer(let milliseconds) = answer.members?["age_ms"] {
                age = "read \(milliseconds / 1000) s ago"
            } else {
                age = "from the copy on disk"
            }
            ExitStatus.complain(
                "the flags cannot be read from Redis now: these are the last known ones, \(age)")
            throw ExitStatus.storeUnreachable
        default: break
        }
    }

    /// A value in few words.
    static func value(_ json: JSON?) -> String {
        guard let json else { return "-" }
        return json.compactText
    }
}

extension AgentClient {
    /// Asks the agent and reads JSON as it stands; a refusal is told and ends the command.
    func json(_ method: String, _ path: String, _ body: [UInt8] = []) throws -> JSON {
        let answer = try exchange(method, path, body)
        guard let json = try? JSONReader.read(answer.body, duplicates: .lastCounts) else {
            ExitStatus.complain("the agent answered \(answer.status); do agent and command have one version?")
            throw ExitStatus.degraded
        }
        if answer.status == 200 { return json }
        let members = json.members
        let sentence =
            members?["error"]?.text ?? members?["errorDetails"]?.text ?? "the agent answered \(answer.status)"
        ExitStatus.complain(Table.printable(sentence))
        throw answer.status == 503 ? ExitStatus.storeUnreachable : ExitStatus.degraded
    }
}
