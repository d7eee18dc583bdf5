package import Glibc
import Synchronization

/// A real redis-server for tests, in a folder of its own, on a free port and a unix socket; it depends on nothing
/// but libc, so that other test targets may use this file too. It ends with its last reference, and also when the
/// test process is killed.
package final class RedisServer: Sendable {
    package struct Fault: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    /// PEM files for the server's TLS port.
    package struct TLSFiles: Sendable {
        let authority: String
        let certificate: String
        let key: String
        package var asksForClientCertificate: Bool

        package init(
            authority: String, certificate: String, key: String, asksForClientCertificate: Bool = false
        ) {
            self.authority = authority
            self.certificate = certificate
            self.key = key
            self.asksForClientCertificate = asksForClientCertificate
        }
    }

    private struct Running {
        var server: pid_t = 0
        var guardian: pid_t = 0
        var lifeline: Int32 = -1
    }

    /// The TCP port on 127.0.0.1: plain, or TLS where the server has TLS files.
    package let port: UInt16
    package let folder: String
    package let socketPath: String
    private let password: String?
    private let environment: [String]
    private let namespace: String?
    private let running = Mutex(Running())

    /// Starts a server and waits until it answers. `configuration` holds further lines of redis.conf, `environment`
    /// variables as `NAME=value`; `namespace` is the network that it lives in.
    package init(
        password: String? = nil, tls: TLSFiles? = nil, configuration: [String] = [],
        environment: [String] = [], namespace: String? = nil
    ) throws {
        self.environment = environment
        self.namespace = namespace
        var template = Array("/tmp/troop-redis-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Fault(description: "mkdtemp: \(errno)") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        socketPath = "\(folder)/redis.sock"
        self.password = password
        port = try RedisServer.freePort()
        var lines = [
            "bind 127.0.0.1", "unixsocket \(socketPath)", "dir \(folder)", "save \"\"", "appendonly no",
            "daemonize no", "databases 16", "loglevel warning",
        ]
        if let password { lines.append("requirepass \(password)") }
        if let tls {
            lines += [
                "port 0", "tls-port \(port)", "tls-ca-cert-file \(tls.authority)",
                "tls-cert-file \(tls.certificate)", "tls-key-file \(tls.key)",
                "tls-auth-clients \(tls.asksForClientCertificate ? "yes" : "no")",
            ]
        } else {
            lines.append("port \(port)")
        }
        try RedisServer.write((lines + configuration).joined(separator: "\n"), to: "\(folder)/redis.conf")
        do {
            try start()
        } catch {
            RedisServer.removeFolder(folder)
            throw error
        }
    }

    deinit {
        stop()
        RedisServer.removeFolder(folder)
    }

    /// `redis://…` or `rediss://…` for the port, without credentials.
    package func url(tls: Bool = false, host: String = "127.0.0.1") -> String {
        "\(tls ? "rediss" : "redis")://\(host):\(port)"
    }

    /// Starts the server again after `stop`, on the same port, with nothing of its old data.
    package func start() throws {
        try running.withLock { running in
            guard running.server == 0 else { return }
            var ends: [Int32] = [-1, -1]
            // A pipe would leak into other children.
            let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
            guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
                throw Fault(description: "socketpair: \(errno)")
            }
            running.lifeline = ends[1]
            defer { _ = close(ends[0]) }
            running.server = try RedisServer.spawn(
                RedisServer.entering(namespace) + (environment.isEmpty ? [] : ["env"] + environment) + [
                    "redis-server", "\(folder)/redis.conf",
                ],
                input: nil, log: "\(folder)/log")
            // When this process dies, however, its end of the pair closes and the guardian ends the server.
            running.guardian = try RedisServer.spawn(
                ["sh", "-c", "trap '' INT TERM; read x; kill -9 \(running.server)"], input: ends[0],
                log: "/dev/null")
        }
        let deadline = RedisServer.milliseconds() + 10_000
        while true {
            // A server that asks for a user first has started, too.
            if let answer = try? command("PING"), answer.hasPrefix("+PONG") || answer.hasPrefix("-NOAUTH") {
                return
            }
            let server = running.withLock { $0.server }
            var status: Int32 = 0
            let hasEnded = waitpid(server, &status, WNOHANG) == server
            if hasEnded { running.withLock { $0.server = 0 } }
            if hasEnded || RedisServer.milliseconds() > deadline {
                stop()
                throw Fault(
                    description: "redis-server does not start: \(RedisServer.text(of: "\(folder)/log"))")
            }
            usleep(5_000)
        }
    }

    /// Kills the server, as a power cut would; also a paused one.
    package func stop() {
        running.withLock { running in
            for pid in [running.guardian, running.server] where pid > 0 {
                var status: Int32 = 0
                _ = kill(pid, SIGKILL)
                while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            }
            if running.lifeline >= 0 { _ = close(running.lifeline) }
            running = Running()
        }
    }

    /// Freezes the server: it accepts connections (the kernel does) and answers nothing.
    package func pause() {
        running.withLock { running in
            guard running.server > 0, kill(running.server, SIGSTOP) == 0 else { return }
            var status: Int32 = 0
            _ = waitpid(running.server, &status, WUNTRACED)  // until it has really stopped
        }
    }

    /// Lets a paused server go on.
    package func resume() { running.withLock { _ = $0.server > 0 ? kill($0.server, SIGCONT) : 0 } }

    /// Sends one command over the unix socket, as the default user; the raw RESP answer.
    @discardableResult
    package func command(_ words: String...) throws -> String { try command(words) }

    /// The same for words in a list.
    @discardableResult
    package func command(_ words: [String]) throws -> String {
        try RedisServer.command(words, at: socketPath, password: password)
    }

    /// Sends one command to the server of a unix socket; the raw RESP answer.
    package static func command(_ words: [String], at socketPath: String, password: String?) throws -> String
    {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Fault(description: "socket: \(errno)") }
        defer { _ = close(descriptor) }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socketPath.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw Fault(description: "connect: \(errno)") }
        if let password {
            let answer = try RedisServer.ask(descriptor, ["AUTH", password])
            guard answer.hasPrefix("+OK") else { throw Fault(description: answer) }
        }
        return try RedisServer.ask(descriptor, words)
    }

    private static func ask(_ descriptor: Int32, _ words: [String]) throws -> String {
        let text = words.reduce("*\(words.count)\r\n") { $0 + "$\($1.utf8.count)\r\n\($1)\r\n" }
        let bytes = Array(text.utf8)
        guard send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Fault(description: "send: \(errno)")
        }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var answer: [UInt8] = []
        repeat {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { throw Fault(description: "no answer to \(words.first ?? ""): \(errno)") }
            answer += buffer[..<count]
        } while RawReply.length(answer) == nil
        return String(decoding: answer, as: UTF8.self)
    }
}

extension RedisServer {
    /// What a program's words begin with that is to live in another network.
    package static func entering(_ namespace: String?) -> [String] {
        namespace.map { ["ip", "netns", "exec", $0] } ?? []
    }

    /// Starts a program found in PATH; its output goes to the end of a file.
    package static func spawn(_ words: [String], input: Int32?, log: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, words[0], &actions, nil, &arguments, environ)
        guard code == 0 else { throw Fault(description: "\(words[0]): \(String(cString: strerror(code)))") }
        return pid
    }

    /// Runs a program to its end; throws its output when it fails.
    package static func runToEnd(_ words: [String], log: String) throws {
        let pid = try spawn(words, input: nil, log: log)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else {
            throw Fault(description: "\(words.joined(separator: " ")): \(text(of: log))")
        }
    }

    package static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "we") else { throw Fault(description: "\(path): \(errno)") }
        fputs(text + "\n", file)
        fclose(file)
    }

    package static func text(of path: String) -> String {
        guard let file = fopen(path, "re") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    package static func removeFolder(_ folder: String) {
        try? runToEnd(["rm", "-rf", folder], log: "/dev/null")
    }

    package static func milliseconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
