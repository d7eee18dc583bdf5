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
    private let running = Mutex(Running())

    /// Starts a Sentinel that watches `master` (on 127.0.0.1) under a name, alone able to fail it over, and waits until it
    /// answers on its port. `configuration` holds further lines.
    package init(
        watching name: String = "mymaster", at master: UInt16, downAfterMilliseconds: Int = 500,
        password: String? = nil, tls: RedisServer.TLSFiles? = nil, configuration: [String] = []
    ) throws {
        var template = Array("/tmp/troop-sentinel-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw RedisServer.Fault(description: "mkdtemp: \(errno)") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        port = try RedisServer.freePort()
        var lines = [
            "bind 127.0.0.1", "dir \(folder)", "daemonize no", "protected-mode no",
            "sentinel monitor \(name) 127.0.0.1 \(master) 1",
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
                ["redis-server", "\(folder)/sentinel.conf", "--sentinel"], input: nil, log: "\(folder)/log")
            running.guardian = try RedisServer.spawn(
                ["sh", "-c", "trap '' INT TERM; read x; kill -9 \(running.server)"], input: ends[0],
                log: "/dev/null")
        }
        let deadline = RedisServer.milliseconds() + 10_000
        while !isListening() {
            guard RedisServer.milliseconds() < deadline else {
                stop()
                throw RedisServer.Fault(
                    description: "the Sentinel does not start: \(RedisServer.text(of: "\(folder)/log"))")
            }
            usleep(5_000)
        }
    }

    private func isListening() -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { _ = close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
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
