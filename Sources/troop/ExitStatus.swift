import ArgumentParser
import Glibc
import Peer

/// What a command ends with, besides 0 and the parser's own 64 for wrong usage.
enum ExitStatus {
    /// Something is not as it should be, or the command failed.
    static let degraded = ExitCode(1)
    static let noLeader = ExitCode(2)
    static let storeUnreachable = ExitCode(3)
    /// EX_UNAVAILABLE: no agent answers.
    static let noAgent = ExitCode(69)

    /// Writes one line to standard error.
    static func complain(_ line: String) {
        let bytes = Array(("troop: " + line + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}

extension Status.Verdict {
    /// The exit code that tells this verdict to scripts; nil when all is fine.
    var exitCode: ExitCode? {
        switch self {
        case .fine: nil
        case .degraded: ExitStatus.degraded
        case .noLeader: ExitStatus.noLeader
        case .storeUnreachable: ExitStatus.storeUnreachable
        }
    }
}
