import CLinux
import Glibc
package import Linux
import Synchronization

/// A program run to its end in a session of its own: nothing of its process group outlives it, and nothing that it or
/// its children do can hold up whoever waits for it.
///
/// swift-subprocess waits for the end of the output as long as any descendant keeps it open; a playbook's stray
/// children must not have that power.
package struct ChildRun: Sendable {
    /// How it ended.
    package enum Ending: Sendable, Equatable {
        case exited(Int32)
        case killed(signal: Int32)
        /// It took longer than it may, and was ended.
        case deadline
        /// The task that waited was cancelled; it was ended.
        case cancelled
    }

    /// The program, looked up in PATH unless it has a slash, and its arguments.
    package var words: [String]
    package var environment: [String: String]
    /// The folder it starts in; nil is this process's own.
    package var folder: String?
    /// What it reads from its standard input.
    package var input: [UInt8] = []
    package var deadlineMilliseconds: Int64
    /// How long it may take to stop in good order, in milliseconds.
    package var graceMilliseconds: Int64 = 3000

    /// After its end, how long what it has written is still read, in milliseconds.
    private static let drainMilliseconds: Int64 = 500

    /// A run of a program.
    package init(_ words: [String], environment: [String: String], deadlineMilliseconds: Int64) {
        self.words = words
        self.environment = environment
        self.deadlineMilliseconds = deadlineMilliseconds
    }

    /// Runs it; `output` is given what it writes, on another thread, and must not block; `errors` what it writes to the
    /// error stream, where that is to be told apart. Throws when it cannot be started.
    package func run(
        output: @escaping @Sendable (UnsafeRawBufferPointer) -> Void,
        errors: (@Sendable (UnsafeRawBufferPointer) -> Void)? = nil
    ) async throws(SystemFault) -> Ending {
        let bell = try Doorbell()
        let result: Result<Ending, SystemFault> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                do throws(SystemFault) {
                    let thread = try Thread.start(named: "troop-child") {
                        do throws(SystemFault) {
                            continuation.resume(returning: .success(try perform(bell, output, errors)))
                        } catch {
                            continuation.resume(returning: .failure(error))
                        }
                    }
                    thread.detach()
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        } onCancel: {
            bell.ring()
        }
        return try result.get()
    }

    /// The same on the calling thread, which it blocks.
    package func blocking(
        output: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
    ) throws(SystemFault) -> Ending { try perform(nil, output, nil) }

    private func perform(
        _ bell: Doorbell?, _ output: @escaping @Sendable (UnsafeRawBufferPointer) -> Void,
        _ errors: (@Sendable (UnsafeRawBufferPointer) -> Void)?
    ) throws(SystemFault) -> Ending {
        let deadline = Instant.now().advanced(milliseconds: deadlineMilliseconds)
        var watch = try ChildWatch(self, output, errors)
        let reason = watch.wait(until: deadline, bell: bell)
        if reason != nil {
            _ = kill(-watch.child, SIGTERM)
            _ = watch.wait(until: Instant.now().advanced(milliseconds: graceMilliseconds), bell: nil)
        }
        watch.drain(until: Instant.now().advanced(milliseconds: ChildRun.drainMilliseconds))
        // Whoever is left of the group, before its leader is reaped and its number is free again.
        _ = kill(-watch.child, SIGKILL)
        var status: Int32 = 0
        while waitpid(watch.child, &status, 0) < 0, errno == EINTR {}
        if let reason { return reason }
        let signal = status & 0x7f
        return signal == 0 ? .exited(status >> 8 & 0xff) : .killed(signal: signal)
    }

    /// The environment of this process.
    package static func ownEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "="), equals != text.startIndex {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return variables
    }

    /// Starts a program as the leader of a session. 0 or an errno.
    static func spawn(
        _ words: [String], _ environment: [String: String], _ folder: String?, input: Int32, output: Int32,
        errors: Int32, _ child: inout pid_t
    ) -> Int32 {
        guard let program = words.first, !program.isEmpty, !words.contains(where: { $0.utf8.contains(0) })
        else { return EINVAL }
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for word in arguments + variables { free(word) } }
        return clinux_spawn_session(&child, program, &arguments, &variables, folder, input, output, errors)
    }
}
