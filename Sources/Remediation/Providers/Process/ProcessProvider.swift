import Glibc
package import Linux

/// Machines that are process groups on this host: for the demo and for tests.
///
/// A machine is started by a command, in a session of its own that outlives the agent; rebooting ends the session and
/// starts it again with another boot id. Everything is kept in one folder, so that another leader finds it.
package actor ProcessProvider: Provider {
    package nonisolated let kind = "process"

    private let executor: ThreadExecutor
    private let command: [String]
    private let folder: String
    private let environment: [String: String]

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// A provider that starts machines by `command`, with the placeholders `{id}`, `{name}`, `{address}`, `{cluster}`,
    /// `{operation}` and `{boot_id_file}` in its words, and keeps them in `folder`.
    package init(
        command: [String], folder: String, environment: [String: String] = ChildRun.ownEnvironment()
    ) throws(SystemFault) {
        executor = try ThreadExecutor(named: "troop-machines")
        self.command = command
        self.folder = folder
        self.environment = environment
    }

    deinit { executor.finish() }

    /// The folder where none is configured: the same for all agents of a cluster that one user runs.
    package static func defaultFolder(cluster: String) -> String {
        "/tmp/troop-machines-\(geteuid())-\(cluster)"
    }

    package func launch(
        _ order: LaunchOrder, permit: @escaping Permit
    ) async throws(ProviderFault) -> Machine {
        guard Machine.isID(order.token), Machine.isID(order.name) else {
            throw .permanent("operation and name must be 1 to 64 of 'A-Z a-z 0-9 . _ -'")
        }
        var ledger = try ProcessLedger(folder: folder)
        var machine: ProcessMachine
        if let known = ledger.machines.values.first(where: { $0.operation == order.token }) {
            guard known.process == nil, known.wanted == .running else { return known.machine }
            machine = known
            guard permit() else { throw .notPermitted }
        } else {
            guard permit() else { throw .notPermitted }
            let taken = ledger.machines.keys.compactMap { Int32($0.dropFirst(2)) }.max() ?? 0
            let number = Int(taken) + 1
            machine = ProcessMachine(
                id: "m-\(number)", name: order.name, cluster: order.cluster, operation: order.token,
                address: ProcessProvider.address(number), launchedAt: WallClock.milliseconds() / 1000 * 1000,
                wanted: .running)
            // First its intent: the next leader starts or finds it.
            try ledger.keep(machine)
        }
        try ledger.boot(machine, command, environment, effect: "launch", operation: order.token)
        return ledger.machines[machine.id]?.machine ?? machine.machine
    }

    /// An address of the loopback network for each machine.
    private static func address(_ number: Int) -> String {
        "127.80.\(number / 250 % 250).\(number % 250 + 1)"
    }

    package func machine(launchedBy token: String) async throws(ProviderFault) -> Machine? {
        var ledger = try ProcessLedger(folder: folder)
        ledger.reapEnded()
        guard let found = ledger.machines.values.first(where: { $0.operation == token }) else { return nil }
        guard found.process == nil, found.wanted == .running else { return found.machine }
        // Its starter died: after the process had begun, or before; then it is still to be launched.
        return try ledger.adopt(found, effect: "launch", operation: token)?.machine
    }

    package func machine(_ id: String) async throws(ProviderFault) -> Machine {
        guard let machine = try look().first(where: { $0.id == id }) else { throw .missing(id) }
        return machine.machine
    }

    package func machines(of cluster: String) async throws(ProviderFault) -> [Machine] {
        try look().filter { $0.cluster == cluster }.map(\.machine).filter(\.state.isAlive)
    }

    package func machine(at address: String) async throws(ProviderFault) -> Machine? {
        try look().first { $0.address == address && $0.machine.state.isAlive }?.machine
    }

    private func look() throws(ProviderFault) -> [ProcessMachine] {
        let ledger = try ProcessLedger(folder: folder)
        ledger.reapEnded()
        return ledger.machines.values.sorted { ($0.launchedAt, $0.id) < ($1.launchedAt, $1.id) }
    }

    package func reboot(
        _ id: String, operation: String, permit: @escaping Permit
    ) async throws(ProviderFault) {
        var ledger = try ProcessLedger(folder: folder)
        var machine = try find(id, in: ledger)
        if machine.reboot == ProcessMachine.Reboot(operation: operation, isDone: true) { return }
        guard machine.wanted == .running else { throw .permanent("\(id) is \(machine.wanted.rawValue)") }
        guard permit() else { throw .notPermitted }
        machine.reboot = ProcessMachine.Reboot(operation: operation, isDone: false)
        try ledger.keep(machine)
        ledger.end(machine)
        machine.process = nil
        machine.reboot?.isDone = true
        try ledger.boot(machine, command, environment, effect: "reboot", operation: operation)
    }

    package func stop(
        _ id: String, operation: String, permit: @escaping Permit
    ) async throws(ProviderFault) { try end(id, .stopped, "stop", operation, permit) }

    package func start(
        _ id: String, operation: String, permit: @escaping Permit
    ) async throws(ProviderFault) {
        var ledger = try ProcessLedger(folder: folder)
        var machine = try find(id, in: ledger)
        if machine.wanted == .running, machine.process?.isAlive ?? false { return }
        guard machine.wanted != .terminated else { throw .permanent("\(id) is terminated") }
        guard permit() else { throw .notPermitted }
        machine.wanted = .running
        machine.process = nil
        try ledger.boot(machine, command, environment, effect: "start", operation: operation)
    }

    package func terminate(
        _ id: String, operation: String, permit: @escaping Permit
    ) async throws(ProviderFault) { try end(id, .terminated, "terminate", operation, permit) }

    private func end(
        _ id: String, _ wanted: ProcessMachine.Wanted, _ effect: String, _ operation: String, _ permit: Permit
    ) throws(ProviderFault) {
        var ledger = try ProcessLedger(folder: folder)
        var machine = try find(id, in: ledger)
        if machine.wanted == .terminated { return }
        if machine.wanted == wanted, !(machine.process?.isAlive ?? false) { return }
        guard permit() else { throw .notPermitted }
        machine.wanted = wanted
        try ledger.keep(machine)
        ledger.end(machine)
        try ledger.keep(machine, effect, operation: operation)
    }

    private func find(
        _ id: String, in ledger: borrowing ProcessLedger
    ) throws(ProviderFault) -> ProcessMachine {
        guard let machine = ledger.machines[id] else { throw .missing(id) }
        return machine
    }

    package func findings(cluster: String) async -> [ProviderFinding] {
        do throws(ProviderFault) {
            let count = try await machines(of: cluster).count
            let program = command.first ?? ""
            let isThere = !program.contains("/") || access(program, X_OK) == 0
            return [
                .init(subject: "folder", verdict: .fine, text: "\(folder), \(count) of cluster '\(cluster)'"),
                .init(
                    subject: "command", verdict: isThere ? .fine : .failed,
                    text: isThere
                        ? program : "\(program) cannot be run; mend remediation.provider.command"),
            ]
        } catch {
            return [.init(subject: "folder", verdict: .failed, text: error.description)]
        }
    }

    /// Ends every machine of a folder: for whoever ends the whole.
    package static func endAll(folder: String) throws(ProviderFault) {
        guard access(folder, F_OK) == 0 else { return }
        var ledger = try ProcessLedger(folder: folder)
        for var machine in Array(ledger.machines.values) where machine.wanted != .terminated {
            machine.wanted = .terminated
            ledger.end(machine)
            try ledger.keep(machine, "terminate")
        }
    }
}
