import ArgumentParser
import Glibc
import Peer

/// `troop upgrade`: a new agent in the place of the one that runs, without a lost request.
struct UpgradeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade",
        abstract: "Put a new agent in the running one's place, without a lost request.",
        discussion: """
            The agent of this host starts its program anew, as it is on disk now and with the same arguments, leaves \
            it all listening sockets and the lease, finishes its open connections and ends. If the new program does \
            not become ready, the old agent goes on, and this command says why and exits with 1.
            """)

    @Option(
        help: "Another program than the agent was started from; it must belong to root or the agent's user.")
    var binary: String?
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let form = UpgradeForm(binary: try binary.map(UpgradeCommand.absolute))
        let document = try agent.client.upgrade(JSONForm.bytes(form) ?? [])
        switch output.output {
        case .json: Output.json(document)
        case .table:
            Output.line("upgraded: version \(document.version) serves, process \(document.pid)")
        }
    }

    /// The agent has another working folder.
    private static func absolute(_ path: String) throws -> String {
        guard let resolved = realpath(path, nil) else {
            throw ValidationError("--binary \(path): \(String(cString: strerror(errno)))")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
