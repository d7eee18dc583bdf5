import Glibc
import Synchronization

/// What `POST /v1/upgrade` answers once the successor serves.
package struct UpgradeDocument: Codable, Sendable, Equatable {
    /// The successor's process id.
    package var pid: Int32
    /// The successor's version.
    package var version: String
}

/// How an upgrade ended.
package enum UpgradeOutcome: Sendable, Equatable {
    case done(UpgradeDocument)
    /// Nothing has changed: this agent goes on. The status of HTTP and why.
    case refused(Int, String)
}

/// Where upgrades are asked for, by the API and by signal: one at a time, and none while the agent starts or stops.
package final class UpgradeDesk: Sendable {
    /// Carries an upgrade out, to a program or (nil) to this agent's own, started anew.
    typealias Work = @Sendable (String?) async -> UpgradeOutcome

    private enum Phase {
        case starting
        case open(Work)
        case busy(Work, SuccessorProcess?)
        /// A successor has taken over.
        case succeeded
        case closed
    }

    private let phase = Mutex(Phase.starting)

    /// A desk that is not open yet.
    package init() {}

    /// Takes upgrades from now on.
    func open(_ work: @escaping Work) {
        phase.withLock { phase in
            guard case .starting = phase else { return }
            phase = .open(work)
        }
    }

    /// Takes no more upgrades: the agent stops. One under way is broken off, its program ended.
    func close() {
        let successor: SuccessorProcess? = phase.withLock { phase in
            switch phase {
            case .starting, .open, .closed:
                phase = .closed
                return nil
            case .busy(_, let successor):
                phase = .closed
                return successor
            case .succeeded: return nil
            }
        }
        successor?.kill()
    }

    /// Notes the program of the upgrade under way; false when the agent stops.
    func note(_ successor: SuccessorProcess) -> Bool {
        phase.withLock { phase in
            guard case .busy(let work, _) = phase else { return false }
            phase = .busy(work, successor)
            return true
        }
    }

    /// From here on the successor is the agent; false when this agent was told to stop meanwhile.
    func commit() -> Bool {
        phase.withLock { phase in
            guard case .busy = phase else { return false }
            phase = .succeeded
            return true
        }
    }

    /// True once a successor has taken over.
    var isSucceeded: Bool {
        phase.withLock { phase in
            guard case .succeeded = phase else { return false }
            return true
        }
    }

    /// Upgrades, and answers once the successor serves or the try was given up.
    package func upgrade(to binary: String? = nil) async -> UpgradeOutcome {
        if let binary, let fault = UpgradeDesk.fault(of: binary) { return .refused(400, fault) }
        let (work, refusal): (Work?, String) = phase.withLock { phase in
            switch phase {
            case .starting: return (nil, "the agent is still starting; ask again in a second")
            case .busy: return (nil, "an upgrade is under way already; wait for its end")
            case .succeeded: return (nil, "a new agent has taken over already; ask that one")
            case .closed: return (nil, "the agent is stopping")
            case .open(let work):
                phase = .busy(work, nil)
                return (work, "")
            }
        }
        guard let work else { return .refused(409, refusal) }
        let outcome = await work(binary)
        phase.withLock { phase in
            if case .busy(let work, _) = phase { phase = .open(work) }
        }
        return outcome
    }

    /// Why a program is not started. Who may open the agent's socket need not be able to choose what runs as the
    /// agent's user: the program belongs to that user or to root, and nobody else may write it.
    static func fault(of binary: String) -> String? {
        guard binary.hasPrefix("/"), binary.utf8.count < Int(PATH_MAX), !binary.utf8.contains(0) else {
            return "binary: expected an absolute path, got '\(shown(binary))'"
        }
        var status = stat()
        guard stat(binary, &status) == 0 else {
            return "binary: \(shown(binary)): \(String(cString: strerror(errno)))"
        }
        guard status.st_mode & S_IFMT == S_IFREG, access(binary, X_OK) == 0 else {
            return "binary: \(shown(binary)) is no program that this agent's user may run; chmod 755 it"
        }
        guard status.st_uid == 0 || status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
            return
                "binary: \(shown(binary)) may be written by others; it must belong to root or to the agent's user (chown root, chmod 755)"
        }
        return nil
    }
}
