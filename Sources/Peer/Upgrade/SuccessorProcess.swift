import CLinux
import Glibc
import Linux

/// Why an upgrade did not happen: a sentence that says what to do.
struct UpgradeFault: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// The program that is to follow this agent, from its start until it was told to lead.
final class SuccessorProcess: Sendable {
    /// Its process id.
    let id: pid_t
    private let control: Int32

    /// How long a program that was killed, or has closed its line, may take to end, in milliseconds.
    private static let endMilliseconds: Int64 = 1000

    private init(id: pid_t, control: Int32) {
        self.id = id
        self.control = control
    }

    deinit { _ = close(control) }

    /// Starts a program with these arguments, this process's environment, and the sockets by name; everything else
    /// that is open here is closed there. The sockets stay the caller's.
    static func start(
        _ program: String, arguments: [String], listeners: [HandoverNote.Name: [Int32]]
    ) throws(UpgradeFault) -> SuccessorProcess {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw UpgradeFault(description: SystemFault("socketpair").description)
        }
        let note = HandoverNote(
            parent: getpid(), control: ends[1],
            listeners: Dictionary(
                uniqueKeysWithValues: listeners.filter { !$0.value.isEmpty }.map { ($0.rawValue, $1) }))
        var id: pid_t = 0
        let code = spawn(program, arguments, note, &id)
        _ = close(ends[1])
        guard code == 0 else {
            _ = close(ends[0])
            throw UpgradeFault(
                description: "\(program) cannot be started: \(String(cString: strerror(code)))")
        }
        return SuccessorProcess(id: id, control: ends[0])
    }

    private static func spawn(
        _ program: String, _ arguments: [String], _ note: HandoverNote, _ id: inout pid_t
    ) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // A copy onto itself means: not closed at exec (posix_spawn(3), glibc 2.29).
        for descriptor in note.descriptors {
            posix_spawn_file_actions_adddup2(&actions, descriptor, descriptor)
        }
        // Nothing that this process opened outlives the exec; what it was given itself without that mark must not either.
        for descriptor in strays() where !note.descriptors.contains(descriptor) {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Signals that this process handles are ignored in its children until they handle them: so a stop reaches
        // the program from its first moment on.
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGTERM, SIGINT, SIGPIPE] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        var nothing = sigset_t()
        sigemptyset(&nothing)
        posix_spawnattr_setsigmask(&attributes, &nothing)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        guard let json = JSONForm.bytes(note) else { return EINVAL }
        var own: [String] = []
        var next = environ
        while let entry = next.pointee {
            own.append(String(cString: entry))
            next += 1
        }
        let variables: [UnsafeMutablePointer<CChar>?] =
            environment(own, note: String(decoding: json, as: UTF8.self)).map { strdup($0) } + [nil]
        let words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words + variables { free(word) } }
        // A name without a slash is looked up in PATH, as the shell did for this process.
        return posix_spawnp(&id, program, &actions, &attributes, words, variables)
    }

    /// The successor's environment: this process's, with the note, and without what is meant for this process alone. The
    /// service manager's watchdog is (`WATCHDOG_PID`, sd_watchdog_enabled(3)): a successor that found another's number
    /// there would not feed it, and be killed.
    static func environment(_ own: [String], note: String) -> [String] {
        own.filter { entry in
            !["WATCHDOG_PID", HandoverNote.variable].contains { entry.hasPrefix($0 + "=") }
        } + ["\(HandoverNote.variable)=\(note)"]
    }

    /// Descriptors beyond the standard streams that stay open at exec.
    private static func strays() -> [Int32] {
        guard let folder = opendir("/proc/self/fd") else { return [] }
        defer { closedir(folder) }
        var strays: [Int32] = []
        while let entry = readdir(folder) {
            let number = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { Int32(String(cString: $0)) }
            }
            guard let number, number > STDERR_FILENO else { continue }
            let flags = fcntl(number, F_GETFD)
            if flags >= 0, flags & FD_CLOEXEC == 0 { strays.append(number) }
        }
        return strays
    }

    /// Waits until the program says that it is ready; throws when it says why not, ends, or takes too long. It may run
    /// still when this throws.
    func becomesReady(within milliseconds: Int64) async throws(UpgradeFault) -> SuccessorWord {
        let deadline = Instant.now().advanced(milliseconds: milliseconds)
        let line = await ControlLine.blocking(named: "troop-upgrade") { [self] in
            ControlLine.read(from: control, until: deadline)
        }
        guard let line else {
            // In whole milliseconds, as the reading counts: it gives up within the last one.
            if deadline.milliseconds(since: .now()) <= 0 {
                throw UpgradeFault(
                    description: "the new program was not ready within \(milliseconds / 1000) s")
            }
            let how = await end()
            throw UpgradeFault(description: "the new program ended before it was ready: \(how)")
        }
        guard let word = try? JSONForm.document(SuccessorWord.self, from: Array(line.utf8)) else {
            throw UpgradeFault(description: "the new program is no troop agent: it said '\(shown(line))'")
        }
        if let fault = word.fault { throw UpgradeFault(description: "the new program gave up: \(fault)") }
        return word
    }

    /// Tells the program to go on.
    func tell(_ cue: Cue) { ControlLine.write(cue.rawValue, to: control) }

    /// Ends the program by force.
    func kill() { _ = Glibc.kill(id, SIGKILL) }

    /// Waits for the program's end, which it has begun or is brought to; says how it ended.
    @discardableResult func end() async -> String {
        await ControlLine.blocking(named: "troop-upgrade") { [self] in
            let patience = Instant.now().advanced(milliseconds: SuccessorProcess.endMilliseconds)
            var status: Int32 = 0
            while true {
                let ended = waitpid(id, &status, WNOHANG)
                if ended == id { break }
                if ended < 0, errno != EINTR { return "it is not this agent's child" }
                if Instant.now() >= patience { kill() }
                usleep(2000)
            }
            let signal = status & 0x7f
            return signal == 0 ? "exit code \((status >> 8) & 0xff)" : "killed by signal \(signal)"
        }
    }
}
