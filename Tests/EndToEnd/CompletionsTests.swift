import Fixtures
import Glibc
import Peer
import Testing

/// What people install beside the program, held to the shells and to the program itself.
@Suite struct CompletionsTests {
    /// Runs a line with the completions of a shell in `$script`; what it said, and its exit code at the end.
    private func said(_ shell: String, _ line: String) throws -> String {
        var template = Array("/tmp/troop-shell-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Program.Fault(description: "mkdtemp") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { RedisServer.removeFolder(folder) }
        let child = try Shell.start(
            """
            script=\(folder)/script
            exec > \(folder)/said 2>&1
            '\(Program.path)' completions \(shell) > $script || exit 1
            \(line)
            echo "status $?"
            """)
        waitpid(child, nil, 0)
        return Program.text(of: "\(folder)/said")
    }

    /// Whatever shells there are here.
    @Test(arguments: ["bash", "zsh", "fish"]) func theyNameTheCommands(_ shell: String) throws {
        let script = try Program.run(["completions", shell])
        #expect(script.code == 0 && script.output.contains("switchover"))
    }

    @Test func anotherShellIsRefused() throws {
        #expect(try Program.run(["completions", "csh"]).code == 64)
    }

    @Test(.enabled(if: Shell.has("bash"), "needs bash")) func bashReadsThem() throws {
        #expect(try said("bash", "bash -n $script") == "status 0\n")
    }

    @Test(.enabled(if: Shell.has("zsh"), "needs zsh")) func zshReadsThem() throws {
        #expect(try said("zsh", "zsh -n $script") == "status 0\n")
    }

    @Test(.enabled(if: Shell.has("fish"), "needs fish")) func fishReadsThem() throws {
        #expect(try said("fish", "fish -n $script") == "status 0\n")
    }

    @Test(
        .enabled(if: Shell.has("bash"), "needs bash"),
        arguments: [("swi", "troop", "switchover"), ("a", "troop servers", "add")])
    func bashCompletesWords(_ word: String, _ before: String, _ expected: String) throws {
        let words = before.split(separator: " ")
        let complete = """
            . "$1"
            COMP_LINE="\(before) \(word)" COMP_POINT=\(before.utf8.count + 1 + word.utf8.count)
            COMP_WORDS=(\(before) \(word)) COMP_CWORD=\(words.count) COMP_TYPE=9 COMP_KEY=9
            _troop troop \(word) \(words.last ?? "")
            echo "${COMPREPLY[*]}"
            """
        #expect(try said("bash", "bash -c '\(complete)' bash $script") == "\(expected)\nstatus 0\n")
    }

    private struct Tool: Decodable { var command: Command }

    private struct Command: Decodable {
        var commandName: String
        var shouldDisplay: Bool?
        var subcommands: [Command]?

        /// Every command that does something, with the words before it.
        var paths: [String] {
            let inner = (subcommands ?? []).filter { $0.commandName != "help" && $0.shouldDisplay != false }
            return inner.isEmpty
                ? [commandName] : inner.flatMap(\.paths).map { "\(commandName) \($0)" }
        }
    }

    @Test func theManPageHasEveryCommandAndNoOther() throws {
        let help = try Program.run(["--experimental-dump-help"]).output
        let tool = try JSONForm.document(Tool.self, from: Array(help.utf8))
        let page = Program.text(of: Repository.path("packaging/troop.1"))
        let told = page.split(separator: "\n").filter { $0.hasPrefix(".SS ") }
            .map { $0.dropFirst(4).replacing("\\-", with: "-") }
        let paths = tool.command.paths
        #expect(paths.count > 40 && paths.contains("troop servers add"), "\(paths)")
        #expect(Set(told.map { String($0) }) == Set(paths), "'make man' writes the page anew")
        #expect(told.count == paths.count)
    }
}
