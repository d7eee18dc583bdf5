import CLinux
import Glibc
import Linux
import Synchronization

/// Everything that the bench starts or makes; all of it goes at the end, on a failure and on Ctrl-C.
final class Stage: Sendable {
    private struct State {
        var children: [pid_t] = []
        var isCleared = false
    }

    /// How long a child may take to end after SIGTERM before it is killed.
    static let patienceMilliseconds: Int64 = 3000

    /// Open files of each child: two for each connection, and some.
    static let descriptorsMax: rlim_t = 16 * 1024

    /// What the contenders call their access logs, after the name.
    static let accessLogSuffix = ".access"

    /// A folder of the bench's own for configurations, logs and state.
    let folder: String
    private let state = Mutex(State())

    /// Makes the folder and takes charge of the ending signals; call it once, before any other thread starts.
    init() throws {
        folder = try Folder.makeTemporary(named: "troop-bench")
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, Stage.descriptorsMax)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        _ = signal(SIGPIPE, SIG_IGN)  // it would end the bench before it has cleared the stage
        var signals = Stage.endingSignals()
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let watcher = try Thread.start(named: "signals") { [self] in
            var signals = Stage.endingSignals()
            var signal: Int32 = 0
            sigwait(&signals, &signal)
            clear {
                Bench.say("bench: stopped by signal \(signal)")
                _exit(128 + signal)
            }
        }
        watcher.detach()
    }

    /// Starts a program on one core, its output in `NAME.log` in the bench's folder.
    /// With no core named the scheduler decides.
    func start(_ name: String, _ words: [String], on core: Int?) throws(BenchFault) -> Child {
        let log = "\(folder)/\(name).log"
        // setpriv: the child dies with the bench, even when the bench is killed. Each step replaces the one before.
        let pinned = core.map { ["taskset", "-c", String($0)] } ?? []
        let all = ["setpriv", "--pdeathsig", "KILL"] + pinned + words
        // Under the lock, so that a signal finds every child that was started.
        let result: Result<pid_t, BenchFault> = state.withLock { state in
            if state.isCleared { return .failure(BenchFault("stopped")) }
            return Stage.spawn(all, log: log).map {
                state.children.append($0)
                return $0
            }
        }
        return Child(name: name, pid: try result.get(), log: log)
    }

    /// Runs a program to its end and returns its output; throws when it fails or takes too long.
    func output(
        of name: String, _ words: [String], on core: Int?, withinSeconds limit: Int
    ) throws(BenchFault) -> String {
        let child = try start(name, words, on: core)
        try awaitEnd(of: child, withinSeconds: limit)
        return child.output
    }

    /// Waits for the end of a child; throws when it fails, unless it may, or takes too long.
    func awaitEnd(of child: Child, withinSeconds limit: Int, mayFail: Bool = false) throws(BenchFault) {
        let deadline = Instant.now().advanced(milliseconds: Int64(limit) * 1000)
        while Instant.now() < deadline {
            if let status = reap(child) {
                guard status == 0 || mayFail else {
                    throw BenchFault("\(child.name) failed:\n\(child.output)")
                }
                return
            }
            usleep(5000)
        }
        throw BenchFault("\(child.name) did not end within \(limit) s:\n\(child.output)")
    }

    /// Waits for a child's end without a pause in between; its exit status as of a shell.
    func wait(for child: Child) -> Int32 {
        var info = siginfo_t()
        while waitid(P_PID, id_t(child.pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        return reap(child) ?? 255
    }

    /// Empties the access logs, which would grow by gigabytes: when the kernel writes them to the disk, it takes its
    /// time from whoever is measured just then.
    func emptyAccessLogs() {
        for name in Folder.names(in: folder) where name.hasSuffix(Stage.accessLogSuffix) {
            truncate("\(folder)/\(name)", 0)  // one that cannot be emptied only grows
        }
    }

    /// Throws, with the last of its output, when a child that should serve has ended.
    func expectRunning(_ child: Child) throws(BenchFault) {
        guard reap(child) == nil else { throw BenchFault("\(child.name) has ended:\n\(child.output)") }
    }

    /// Ends all children, waits for them, removes the folder and calls `last`; safe to call twice and from two threads.
    func clear(last: () -> Void = {}) {
        state.withLock { state in  // a second caller waits here until the first has finished
            if state.isCleared { return }
            state.isCleared = true
            for child in state.children { kill(-child, SIGTERM) }
            let deadline = Instant.now().advanced(milliseconds: Stage.patienceMilliseconds)
            var left = state.children
            while !left.isEmpty {
                if Instant.now() > deadline { for child in left { kill(-child, SIGKILL) } }
                left.removeAll { waitpid($0, nil, WNOHANG) != 0 }
                if !left.isEmpty { usleep(5000) }
            }
            state.children = []
            Folder.remove(folder)
            last()
        }
    }

    /// The exit status of a child that has ended (a signal counts as 128 + its number); nil while it runs.
    private func reap(_ child: Child) -> Int32? {
        state.withLock { state in
            guard state.children.contains(child.pid) else { return 255 }
            var status: Int32 = 0
            guard waitpid(child.pid, &status, WNOHANG) == child.pid else { return nil }
            state.children.removeAll { $0 == child.pid }
            return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
        }
    }

    private static func endingSignals() -> sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
        return signals
    }

    private static func spawn(_ words: [String], log: String) -> Result<pid_t, BenchFault> {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own: Ctrl-C in the terminal reaches the bench alone, which then ends its children.
        posix_spawnattr_setpgroup(&attributes, 0)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var pipe = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &pipe)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETPGROUP) | Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, words[0], &actions, &attributes, &arguments, environ)
        guard code == 0 else {
            return .failure(BenchFault("cannot start \(words[0]): \(String(cString: strerror(code)))"))
        }
        return .success(pid)
    }
}
