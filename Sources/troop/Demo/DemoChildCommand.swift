import ArgumentParser
import CLinux
import Glibc
import Linux

/// `troop demo-child PARENT PROGRAM ARGUMENTS…`: becomes a program that dies with the demo, however that ends.
///
/// The kernel sends the signal when the *thread* ends that started the process: the demo's children are started by
/// the one worker thread of Subprocess, which lives as long as the demo.
struct DemoChildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: DemoChildCommand.name, abstract: "Run a program that dies with the demo.",
        shouldDisplay: false)

    static let name = "demo-child"

    @Argument var parent: Int32
    @Argument(parsing: .captureForPassthrough) var words: [String]

    func run() throws {
        guard let program = words.first else { throw ValidationError("no program is named") }
        guard clinux_signal_on_parent_death(SIGKILL) == 0 else { throw SystemFault("prctl") }
        // A parent that died before the call above sends nothing any more.
        guard getppid() == parent else { throw ExitStatus.degraded }
        _ = signal(SIGPIPE, SIG_DFL)  // an ignored signal would stay so in the program
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        execv(program, arguments)
        throw SystemFault("execv", on: program)
    }
}
