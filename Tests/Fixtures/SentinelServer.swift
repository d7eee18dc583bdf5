import Glibc
import Synchronization

/// A real Sentinel for tests, in a folder of its own; it ends with its last reference, and also when the test process
/// is killed.
package final class SentinelServer: Sendable {
    private struct Running {
        var server: pid_t = 0
        var guardian: pid_t = 0
        var lifeline: Int32 = -1
    }

    package let port: UInt16
    private let folder: String
    private let namespace: String?
    private let password: String?
    private let running = Mutex(Running())

    /// Starts a Sentinel that watches `master` (on `address`) under a name and waits until it answers on its port;
    /// `quorum` of them must agree that it is down. `configuration` holds further lines; `namespace` is the network that
    /// it lives in.
    package init(
        watching name: String = "mymaster", at master: UInt16, on address: String = "127.0.0.1",
        quorum: Int = 1,
        downAfterMilliseconds: Int = 500, password: String? = nil, tls: RedisServer.TLSFiles? = nil,
        configuration: [String] = [], namespace: String? = nil
    ) throws {
        self.namespace = namespace
        self.password = password
        var template = Array("/tmp/troop-sentinel-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw RedisServer.Fault(description: "mkdtemp: \(errno)") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        port = try RedisServer.freePort()
        var lines = [
            "bind \(namespace == nil ? "127.0.0.1" : "0.0.0.0")", "dir \(folder)",
            "unixsocket \(folder)/sentinel.sock", "daemonize no", "protected-mode no",
            "sentinel monitor \(name) \(address) \(master) \(quorum)",
            "sentinel down-after-milliseconds \(name) \(downAfterMilliseconds)",
            "sentinel failover-timeout \(name) 3000",
        ]
        if let password { lines.append("requirepass \(password)") }
        if let tls {
            lines += [
                "port 0", "tls-port \(port)", "tls-ca-cert-file \(tls.authority)",
                "tls-cert-file \(tls.certificate)", "tls-key-file \(tls.key)", "tls-auth-clients no",
            ]
        } else {
            lines.append("port \(port)")
        }
        try RedisServer.write((lines + configuration).joined(separator: "\n"), to: "\(folder)/sentinel.conf")
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

    private func start() throws {
        try running.withLock { running in
            var ends: [Int32] = [-1, -1]
            let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
            guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
                throw RedisServer.Fault(description: "socketpair: \(errno)")
            }
            running.lifeline = ends[1]
            defer { _ = close(ends[0]) }
            running.server = try RedisServer.spawn(
                RedisServer.entering(namespace) + ["redis-server", "\(folder)/sentinel.conf", "--sentinel"],
                input: nil, log: "\(folder)/log")
            running.guardian = try RedisServer.spawn(
                ["sh", "-c", "trap '' INT TERM; read x; kill -9 \(running.server)"], input: ends[0],
                log: "/dev/null")
        }
        let deadline = RedisServer.milliseconds() + 10_000
        while !((try? command("PING"))?.hasPrefix("+PONG") ?? false) {
            guard RedisServer.milliseconds() < deadline else {
                stop()
                throw RedisServer.Fault(
                    description: "the Sentinel does not start: \(RedisServer.text(of: "\(folder)/log"))")
            }
            usleep(5_000)
        }
    }

    /// Sends one command over its unix socket; the raw RESP answer.
    package func command(_ words: String...) throws -> String {
        try RedisServer.command(words, at: "\(folder)/sentinel.sock", password: password)
    }

    /// What it has logged.
    package var log: String { RedisServer.text(of: "\(folder)/log") }

    /// Kills it.
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

    /// Freezes it: it accepts connections and answers nothing.
    package func pause() {
        running.withLock { running in
            guard running.server > 0, kill(running.server, SIGSTOP) == 0 else { return }
            var status: Int32 = 0
            _ = waitpid(running.server, &status, WUNTRACED)
        }
    }
}
