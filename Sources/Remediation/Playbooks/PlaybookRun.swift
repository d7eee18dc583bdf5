/// One step that a machine is prepared by: a playbook of ansible, or a command.
package enum PlaybookStep: Sendable, Equatable {
    /// `ansible-playbook FILE` with an inventory of just the target.
    case playbook(path: String)
    /// A program with its arguments; the target is in its environment.
    case command([String])
}

/// The machine that a step is run on.
package struct PlaybookTarget: Sendable, Equatable {
    /// The host's name in the troop.
    package var host: String
    /// Where it is reached, a numeric address.
    package var address: String
    package var cluster: String
    package var operation: String
    /// The leader's epoch: the machine refuses older ones.
    package var epoch: Int64
    /// The provider's name of the machine; empty when it has none.
    package var machine: String

    /// A target from its parts.
    package init(
        host: String, address: String, cluster: String, operation: String, epoch: Int64, machine: String
    ) {
        self.host = host
        self.address = address
        self.cluster = cluster
        self.operation = operation
        self.epoch = epoch
        self.machine = machine
    }
}

/// Why a step did not succeed.
package enum PlaybookFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// The program cannot be started; what to do.
    case unstartable(String)
    /// It ended with this status; the last lines of its output.
    case failed(status: Int32, tail: String)
    /// It took longer than it may; its whole process group was ended.
    case deadline(seconds: Int)
    /// It was cancelled; its whole process group was ended.
    case cancelled

    package var description: String {
        switch self {
        case .unstartable(let text): text
        case .failed(let status, let tail): "ended with status \(status): \(tail)"
        case .deadline(let seconds): "was ended: it took longer than \(seconds) s"
        case .cancelled: "was cancelled"
        }
    }
}

/// Runs steps as children in a session of their own; cancelling the task ends the whole group.
package protocol PlaybookRunner: Sendable {
    /// Runs a step to its end. `output` takes each line as it comes, cleaned of control characters.
    func run(
        _ step: PlaybookStep, on target: PlaybookTarget, deadlineSeconds: Int,
        output: @escaping @Sendable (String) -> Void
    ) async throws(PlaybookFault)
}
