import Fixtures
import Glibc
import Linux
import Synchronization

/// One run of the real `troop` program.
final class Program: Sendable {
    struct Fault: Error, CustomStringConvertible { let description: String }

    let id: pid_t
    let logPath: String
    private let ended = Mutex<Int32?>(nil)

    /// The program that was built beside these tests.
    static var path: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let own = String(decoding: buffer[..<max(0, length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/troop"
    }

    /// Starts `troop` with these arguments; its output goes to a file. `descriptors` limits its open files;
    /// `namespace` is the network that it lives in.
    init(
        _ arguments: [String], log: String, environment: [String] = [], descriptors: Int? = nil,
        namespace: String? = nil
    ) throws {
        logPath = log
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let limited = descriptors.map { ["/bin/sh", "-c", "ulimit -n \($0) && exec \"$@\"", "sh"] } ?? []
        let inside = namespace.map { ["/bin/sh", "-c", "exec ip netns exec \($0) \"$@\"", "sh"] } ?? []
        let line = limited + inside + [Program.path] + arguments
        let words: [UnsafeMutablePointer<CChar>?] = line.map { strdup($0) } + [nil]
        let inherited = ["PATH", "HOME", "TMPDIR"].compactMap { (name: String) -> String? in
            getenv(name).map { "\(name)=\(String(cString: $0))" }
        }
        let variables: [UnsafeMutablePointer<CChar>?] = (inherited + environment).map { strdup($0) } + [nil]
        defer { for word in words + variables { free(word) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, line[0], &actions, nil, words, variables)
        guard code == 0 else {
            throw Fault(description: "\(Program.path): \(String(cString: strerror(code)))")
        }
        id = child
    }

    deinit {
        if exitCode == nil {
            kill(id, SIGKILL)
            _ = wait()
        }
    }

    /// The exit code (128 + signal after a signal), once the program has ended; nil before.
    var exitCode: Int32? {
        ended.withLock { ended in
            if let code = ended { return code }
            var status: Int32 = 0
            guard waitpid(id, &status, WNOHANG) == id else { return nil }
            let code = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
            ended = code
            return code
        }
    }

    /// Waits for the end; nil when it does not come within the time.
    func wait(within milliseconds: Int64 = 20_000) -> Int32? {
        let deadline = Instant.now().advanced(milliseconds: milliseconds)
        while Instant.now() < deadline {
            if let code = exitCode { return code }
            usleep(2000)
        }
        return exitCode
    }

    /// Sends a signal.
    func signal(_ signal: Int32) { if exitCode == nil { kill(id, signal) } }

    /// What it has printed so far.
    var output: String { Program.text(of: logPath) }

    static func text(of path: String) -> String {
        let raw = open(path, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { return "" }
        let descriptor = Descriptor(owning: raw)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor.raw, &chunk, chunk.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk.prefix(count)
        }
    }

    /// Runs a command to its end: exit code and output.
    static func run(
        _ arguments: [String], environment: [String] = [], within milliseconds: Int64 = 20_000,
        namespace: String? = nil
    ) throws -> (code: Int32?, output: String) {
        var template = Array("/tmp/troop-run-XXXXXX".utf8CString)
        let raw = mkstemp(&template)
        guard raw >= 0 else { throw Fault(description: "mkstemp") }
        close(raw)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        let program = try Program(arguments, log: path, environment: environment, namespace: namespace)
        let code = program.wait(within: milliseconds)
        if code == nil { program.signal(SIGKILL) }
        return (code, program.output)
    }
}
