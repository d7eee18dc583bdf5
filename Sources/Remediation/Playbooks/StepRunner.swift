import FoundationEssentials
import Glibc
import Linux
import Synchronization

/// How `ansible-playbook` reaches machines.
package struct AnsibleSettings: Sendable, Equatable {
    /// The program, looked up in PATH unless it has a slash.
    package var program = "ansible-playbook"
    /// Who signs in; nil leaves it to ansible.
    package var user: String?
    package var privateKeyFile: String?
    /// The host keys that are trusted; nil trusts the key that a machine shows first, anew in each run.
    package var knownHostsFile: String?
    /// Files of variables (YAML or JSON), passed as `--extra-vars @FILE`.
    package var variableFiles: [String] = []
    package var vaultPasswordFile: String?

    /// Nothing but defaults.
    package init() {}
}

/// Runs playbooks and commands, each as a child in a session of its own.
package struct StepRunner: PlaybookRunner {
    private let ansible: AnsibleSettings
    private let environment: [String: String]

    /// All variables that lead to Redis begin so.
    private static let redisPrefix = "TROOP_REDIS_"
    /// Variables of the agent that no step is to see, besides those: the cloud's keys.
    private static let hidden: Set = [
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    ]

    /// A runner whose children get this environment, secrets left out.
    package init(_ ansible: AnsibleSettings, environment: [String: String] = ChildRun.ownEnvironment()) {
        self.ansible = ansible
        self.environment = StepRunner.withoutSecrets(environment)
    }

    /// An environment for programs that have no business with the agent's secrets.
    package static func withoutSecrets(_ environment: [String: String]) -> [String: String] {
        environment.filter { !hidden.contains($0.key) && !$0.key.hasPrefix(redisPrefix) }
    }

    package func run(
        _ step: PlaybookStep, on target: PlaybookTarget, deadlineSeconds: Int,
        output: @escaping @Sendable (String) -> Void
    ) async throws(PlaybookFault) {
        try StepRunner.check(target)
        switch step {
        case .command(let words):
            var run = ChildRun(words, environment: environment, deadlineMilliseconds: 0)
            run.environment.merge(StepRunner.variables(target)) { $1 }
            try await perform(run, deadlineSeconds, output)
        case .playbook(let path):
            guard access(path, R_OK) == 0 else {
                throw .unstartable("\(path): \(SystemFault("open").reason); mend remediation.playbooks")
            }
            let folder: PlayFolder
            do throws(SystemFault) {
                folder = try PlayFolder(ansible, target)
            } catch {
                throw .unstartable("no private folder for the inventory: \(error)")
            }
            defer { folder.remove() }
            try await perform(folder.run(path, ansible, environment), deadlineSeconds, output)
        }
    }

    private func perform(
        _ run: ChildRun, _ seconds: Int, _ output: @escaping @Sendable (String) -> Void
    ) async throws(PlaybookFault) {
        var run = run
        run.deadlineMilliseconds = Int64(max(1, seconds)) * 1000
        let lines = Mutex(LineSplitter())
        let ending: ChildRun.Ending
        do throws(SystemFault) {
            ending = try await run.run(output: { bytes in
                lines.withLock { $0.take(bytes, pass: output) }
            })
        } catch {
            throw .unstartable(
                "\(run.words.first ?? "") cannot be started: \(error.reason); install it, or name another")
        }
        lines.withLock { $0.finish(pass: output) }
        let tail = lines.withLock { $0.tail }
        switch ending {
        case .exited(0): return
        case .exited(let status): throw .failed(status: status, tail: tail)
        case .killed(let signal): throw .failed(status: 128 + signal, tail: tail)
        case .deadline: throw .deadline(seconds: seconds)
        case .cancelled: throw .cancelled
        }
    }

    /// What steps know of the machine.
    static func variables(_ target: PlaybookTarget) -> [String: String] {
        [
            "TROOP_HOST": target.host, "TROOP_ADDRESS": target.address, "TROOP_CLUSTER": target.cluster,
            "TROOP_OPERATION": target.operation, "TROOP_EPOCH": "\(target.epoch)",
            "TROOP_MACHINE": target.machine,
        ]
    }

    /// Ansible reads its variables as templates: nothing of a target may be one, nor an option.
    private static func check(_ target: PlaybookTarget) throws(PlaybookFault) {
        let texts = [target.host, target.cluster, target.operation]
        guard texts.allSatisfy(Machine.isID), target.machine.isEmpty || Machine.isID(target.machine),
            !target.host.hasPrefix("-")
        else {
            throw .unstartable(
                "host, cluster, operation and machine must be 1 to 64 of 'A-Z a-z 0-9 . _ -'; these are not")
        }
        guard Machine.numeric(target.address) != nil else {
            throw .unstartable("'\(EC2Reply.plain(target.address))' is no numeric address of a machine")
        }
    }
}
