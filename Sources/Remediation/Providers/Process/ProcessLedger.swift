import CLinux
import FoundationEssentials
import Glibc
import Linux

/// The folder that the machines of a `process` provider are kept in, so that another leader on this machine finds
/// them: `machines.json`, `log.jsonl` (a line for each effect) and each machine's output and boot id.
struct ProcessLedger: ~Copyable {
    let folder: String
    private let lock: Descriptor
    private(set) var machines: [String: ProcessMachine]

    private static let fileBytesMax = 4 * 1024 * 1024
    private var stateFile: String { "\(folder)/machines.json" }

    /// Opens the folder, made where it is missing, and keeps all other processes out until this value ends.
    init(folder: String) throws(ProviderFault) {
        let lock = try ProcessLedger.lock(folder)
        let machines = try ProcessLedger.read("\(folder)/machines.json")
        self.folder = folder
        self.lock = lock
        self.machines = machines
    }

    private static func lock(_ folder: String) throws(ProviderFault) -> Descriptor {
        if mkdir(folder, 0o700) != 0, errno != EEXIST {
            throw .permanent("\(SystemFault("mkdir", on: folder)); mend remediation.provider.folder")
        }
        var status = stat()
        guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(),
            status.st_mode & (S_IWGRP | S_IWOTH) == 0
        else {
            throw .permanent(
                "\(folder) is not a folder of this user's alone; remove it or set remediation.provider.folder"
            )
        }
        let raw = open("\(folder)/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard raw >= 0 else { throw .permanent("\(SystemFault("open", on: "\(folder)/lock"))") }
        let descriptor = Descriptor(owning: raw)
        while flock(descriptor.raw, LOCK_EX) != 0 {
            guard errno == EINTR else { throw .permanent("\(SystemFault("flock", on: folder))") }
        }
        return descriptor
    }

    private static func read(_ path: String) throws(ProviderFault) -> [String: ProcessMachine] {
        guard access(path, F_OK) == 0 else { return [:] }
        guard let bytes = SmallFile.read(path, bytesMax: ProcessLedger.fileBytesMax),
            let found = try? JSONDecoder().decode([String: ProcessMachine].self, from: Data(bytes))
        else {
            throw .permanent(
                "\(path) makes no sense; end the machines' processes by hand and remove the file")
        }
        return found
    }

    /// Keeps a machine as it is now, and tells the log what was done to it.
    mutating func keep(_ machine: ProcessMachine, _ effect: String? = nil, operation: String = "")
        throws(ProviderFault)
    {
        machines[machine.id] = machine
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do throws(SystemFault) {
            guard let json = try? encoder.encode(machines) else {
                throw SystemFault("encode", on: stateFile, code: EINVAL)
            }
            try SmallFile.write(Array(json), to: stateFile)
            if let effect { try log(machine, effect, operation, encoder) }
        } catch {
            throw .retryable("\(error)", mayHaveHappened: true)
        }
    }

    private func log(
        _ machine: ProcessMachine, _ effect: String, _ operation: String, _ encoder: JSONEncoder
    ) throws(SystemFault) {
        let line = [
            "effect": effect, "id": machine.id, "name": machine.name, "operation": operation,
            "atMs": "\(WallClock.milliseconds())",
        ]
        let path = "\(folder)/log.jsonl"
        guard let json = try? encoder.encode(line) else { return }
        let raw = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard raw >= 0 else { throw SystemFault("open", on: path) }
        let descriptor = Descriptor(owning: raw)
        let bytes = Array(json) + [UInt8(ascii: "\n")]
        guard Glibc.write(descriptor.raw, bytes, bytes.count) == bytes.count else {
            throw SystemFault("write", on: path)
        }
    }

    // MARK: - Processes

    /// Starts a machine's process with a new boot id, and keeps its number.
    mutating func boot(
        _ machine: ProcessMachine, _ command: [String], _ environment: [String: String], effect: String,
        operation: String
    ) throws(ProviderFault) {
        if machine.process == nil, try adopt(machine, effect: effect, operation: operation) != nil { return }
        var machine = machine
        let bootFile = "\(folder)/\(machine.id).boot"
        do throws(SystemFault) {
            try SmallFile.write(Array("\(UUID().uuidString.lowercased())\n".utf8), to: bootFile)
        } catch {
            throw .retryable("\(error)", mayHaveHappened: false)
        }
        let variables = [
            "TROOP_MACHINE_ID": machine.id, "TROOP_MACHINE_NAME": machine.name,
            "TROOP_MACHINE_ADDRESS": machine.address, "TROOP_OPERATION": machine.operation,
            "TROOP_CLUSTER": machine.cluster, "TROOP_BOOT_ID": bootFile,
        ]
        let words = command.map { ProcessLedger.filled($0, machine, bootFile) }
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        let output = open(
            "\(folder)/\(machine.id).log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        defer { for descriptor in [nothing, output] where descriptor >= 0 { _ = close(descriptor) } }
        var child: pid_t = 0
        let code = ChildRun.spawn(
            words, environment.merging(variables) { $1 }, nil, input: nothing, output: output,
            errors: output, &child)
        guard code == 0 else {
            let why = SystemFault("start", on: words.first ?? "", code: code)
            throw .permanent("\(why); mend remediation.provider.command")
        }
        machine.process = ProcessMark(running: child) ?? ProcessMark(id: child, start: 0)
        try keep(machine, effect, operation: operation)
    }

    /// Keeps the process that was started for a machine just before its starter died, found by its environment; nil
    /// when there is none.
    mutating func adopt(
        _ machine: ProcessMachine, effect: String, operation: String
    ) throws(ProviderFault) -> ProcessMachine? {
        guard let stray = processes(of: machine.id).first else { return nil }
        var machine = machine
        machine.process = stray
        try keep(machine, effect, operation: operation)
        return machine
    }

    private static func filled(_ word: String, _ machine: ProcessMachine, _ bootFile: String) -> String {
        word.replacing("{id}", with: machine.id).replacing("{name}", with: machine.name)
            .replacing("{address}", with: machine.address).replacing("{cluster}", with: machine.cluster)
            .replacing("{operation}", with: machine.operation).replacing("{boot_id_file}", with: bootFile)
    }

    /// Ends all that a machine has started, as a power cut would: gently at first; returns when it is gone.
    func end(_ machine: ProcessMachine) {
        let leader = machine.process.flatMap { $0.isAlive ? $0 : nil }
        if let leader {
            _ = kill(-leader.id, SIGTERM)
            let patience = Instant.now().advanced(milliseconds: ProcessLedger.graceMilliseconds)
            while leader.isAlive, Instant.now() < patience { usleep(5000) }
            // The leader is not reaped yet, or still runs: the number is still the group's.
            _ = kill(-leader.id, SIGKILL)
        }
        let deadline = Instant.now().advanced(milliseconds: ProcessLedger.graceMilliseconds)
        // What left the session is known by its environment; what it starts meanwhile is found in the next turn.
        while Instant.now() < deadline {
            let left = processes(of: machine.id)
            if left.isEmpty { break }
            for mark in left { _ = kill(mark.id, SIGKILL) }
            usleep(2000)
        }
        if let mark = machine.process { ProcessLedger.reap(mark) }
    }

    private static let graceMilliseconds: Int64 = 2000

    /// Takes note of the machines whose processes have ended.
    func reapEnded() {
        for machine in machines.values {
            if let mark = machine.process, !mark.isAlive { ProcessLedger.reap(mark) }
        }
    }

    /// Takes note of the end of a process that this one started; others' are nobody's business here.
    static func reap(_ mark: ProcessMark) {
        var status: Int32 = 0
        _ = waitpid(mark.id, &status, WNOHANG)
    }

    /// The processes that were started for a machine, by their environment, the oldest first.
    private func processes(of id: String) -> [ProcessMark] {
        // The file is this folder's alone: another ledger may have a machine of the same name.
        let wanted = Array("TROOP_BOOT_ID=\(folder)/\(id).boot".utf8)
        guard let numbers = opendir("/proc") else { return [] }
        defer { closedir(numbers) }
        var found: [ProcessMark] = []
        while let entry = readdir(numbers) {
            let number = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { Int32(String(cString: $0)) }
            }
            guard let number, number != getpid(),
                let bytes = SmallFile.read("/proc/\(number)/environ", bytesMax: 1 << 20),
                bytes.split(separator: 0).contains(where: { $0.elementsEqual(wanted) }),
                let mark = ProcessMark(running: number)
            else { continue }
            found.append(mark)
        }
        return found.sorted { $0.start < $1.start }
    }
}
