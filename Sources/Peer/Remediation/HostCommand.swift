import Linux
import Remediation
import Synchronization

/// A program that this host's own configuration names, run when the leader asks for its effect.
enum HostCommand {
    /// How long it may take, in milliseconds.
    private static let deadlineMilliseconds: Int64 = 60_000
    /// What is kept of its output, in bytes.
    private static let outputBytesMax = 2000

    /// Runs it to its end; returns what went wrong, nil for nothing.
    static func run(_ words: [String], environment: [String: String]) async -> String? {
        let tail = Mutex<[UInt8]>([])
        let inherited = StepRunner.withoutSecrets(ChildRun.ownEnvironment())
        let child = ChildRun(
            words, environment: inherited.merging(environment) { $1 },
            deadlineMilliseconds: deadlineMilliseconds)
        let name = words.first ?? ""
        do throws(SystemFault) {
            let ending = try await child.run(output: { bytes in
                tail.withLock { $0 = Array(($0 + bytes).suffix(HostCommand.outputBytesMax)) }
            })
            let said = tail.withLock { printable($0) }
            switch ending {
            case .exited(0): return nil
            case .exited(let status): return "\(name) ended with status \(status)\(said)"
            case .killed(let signal): return "\(name) was ended by signal \(signal)\(said)"
            case .deadline:
                return "\(name) was ended: it took longer than \(deadlineMilliseconds / 1000) s\(said)"
            case .cancelled: return "\(name) was ended with the agent"
            }
        } catch {
            return "\(name) cannot be started: \(error)"
        }
    }

    private static func printable(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self).unicodeScalars.map {
            $0.value < 0x20 ? " " : String($0)
        }
        .joined()
        return text.isEmpty ? "" : ": \(text.suffix(300))"
    }
}
