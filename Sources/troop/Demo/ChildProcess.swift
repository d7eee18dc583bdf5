import Glibc
import Peer
import Subprocess
import SystemPackage

/// A program that the demo keeps running: in a session of its own, with its output in a file.
struct ChildProcess: Sendable {
    let name: String
    /// This program: it becomes the child's program and lets it die with the demo (`DemoChildCommand`).
    let starter: String
    let program: String
    let arguments: [String]
    /// Where its output goes; appended to.
    let logPath: String
    /// Started again this long after its death, in milliseconds; nil: never.
    let restartMilliseconds: Int64?

    /// How long a child may take to stop in good order, in seconds.
    private static let stopSeconds = 15

    /// Runs the child until the task is cancelled; then stops it, gently at first.
    func keep(_ register: Register) async {
        while !Task.isCancelled {
            do {
                let log = try FileDescriptor.open(
                    FilePath(logPath), .writeOnly, options: [.create, .append, .closeOnExec],
                    permissions: .ownerReadWrite)
                defer { try? log.close() }
                var options = PlatformOptions()
                options.createSession = true  // Ctrl-C is the demo's alone; it stops its children in order
                options.teardownSequence = [
                    .gracefulShutDown(allowedDurationToNextStep: .seconds(ChildProcess.stopSeconds))
                ]
                _ = try await Subprocess.run(
                    .path(FilePath(starter)),
                    arguments: Arguments([DemoChildCommand.name, "\(getpid())", program] + arguments),
                    platformOptions: options,
                    input: .none,
                    output: .fileDescriptor(log, closeAfterSpawningProcess: false),
                    error: .fileDescriptor(log, closeAfterSpawningProcess: false)
                ) { [name] execution in
                    await register.started(name, execution.processIdentifier.value)
                }
            } catch {
                await register.failed(name, "\(error)")
            }
            await register.ended(name)
            guard let restartMilliseconds, !Task.isCancelled else { return }
            try? await Task.sleep(for: .milliseconds(restartMilliseconds))
        }
    }

    /// Who runs, under which process id.
    actor Register {
        private(set) var running: [String: pid_t] = [:]
        /// Why a child could not be started.
        private(set) var faults: [String: String] = [:]

        func started(_ name: String, _ id: pid_t) { running[name] = id }
        func ended(_ name: String) { running[name] = nil }
        func failed(_ name: String, _ why: String) { faults[name] = why }
    }
}
