import ArgumentParser
import Glibc
import Peer

/// The command line: one file per subcommand.
@main
struct Troop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "troop",
        abstract: "Keeps a group of production hosts serving.",
        discussion: """
            An agent on every host reports its metrics to Redis; the agents elect a leader, which runs the HTTP \
            proxy over the server list. When the leader dies, a standby takes over.

            Exit codes: 0 fine, 1 degraded or failed, 2 no leader, 3 Redis unreachable, 64 usage, 69 no agent \
            answers.
            """,
        version: Version.text,
        subcommands: [
            AgentCommand.self, StatusCommand.self, ServersCommand.self, FlagsCommand.self,
            HistoryCommand.self, HostsCommand.self, HostCommand.self, TopCommand.self, EventsCommand.self,
            ConfigCommand.self, CompletionsCommand.self,
            SwitchoverCommand.self, PauseCommand.self, ResumeCommand.self, CheckCommand.self,
            ResignCommand.self, UpgradeCommand.self,
            MonkeysCommand.self, OperationsCommand.self, GiftCommand.self, DoctorCommand.self,
            DrainCommand.self,
            UndrainCommand.self, HoldCommand.self, UnholdCommand.self, QuarantineCommand.self,
            ForgetCommand.self,
            ProviderCommand.self,
            DemoCommand.self, BenchCommand.self,
            SampleAppCommand.self, SampleCommand.self, VersionCommand.self, DemoChildCommand.self,
        ])

    static func main() async {
        // A peer that goes away must be an error of one write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        // Whoever started this program may ignore it, and then no child's end could be waited for.
        signal(SIGCHLD, SIG_DFL)
        Output.reserveNumbers()
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let error as ValidationError {
            // Found by a command that ran already: the parser would add how to use 'troop' without one.
            ExitStatus.complain(error.message)
            exit(withError: ExitCode.validationFailure)
        } catch {
            guard exitCode(for: error).isSuccess else {
                _ = Output.hasArrived()
                exit(withError: error)
            }
            // Help and the like: the parser would not notice that it could not be written.
            let text = fullMessage(for: error)
            if !text.isEmpty { Output.line(text) }
        }
        if !Output.hasArrived() { exit(withError: ExitStatus.degraded) }
    }
}
