import Fixtures
import Glibc
import Linux
import Peer
import Synchronization
import Transfer

/// A troop of real processes on loopback: one Redis, agents, and a sample application for each.
final class Ensemble: Sendable {
    struct Member: Sendable {
        let name: String
        let appPort: UInt16
        let apiPort: UInt16
        let proxyPort: UInt16
        /// Of `peer.listen`.
        let doorPort: UInt16
        let socket: String
        let config: String
    }

    private struct Running {
        var agents: [String: Program] = [:]
        var apps: [String: Program] = [:]
        var runs = 0
        /// When agents were killed, which their logs cannot tell.
        var kills: [(log: String, at: Instant)] = []
        var logs: [(name: String, path: String)] = []
    }

    let folder: String
    let redis: RedisServer
    let proxyPort: UInt16
    let members: [Member]
    /// Each agent's wire to Redis, where the troop is wired.
    let wires: [String: Relay]
    private let running = Mutex(Running())

    /// Lays a troop out and starts Redis and the applications; agents are started one by one.
    ///
    /// `proxy` are lines for its section. `store` is another Redis than a plain one, with the lines of `redis:` that reach it. With `everywhere` each
    /// agent's proxy serves, at a port of its own; with `wired` each reaches Redis through a relay of its own.
    /// `host`, `api` and `metrics` are further members of these sections, `@` standing for what all of a member's files
    /// begin with.
    init(
        _ names: [String] = ["a", "b", "c"], election: String = "", host: String = "", api: String = "",
        metrics: String = "", store: (server: RedisServer, lines: String)? = nil, everywhere: Bool = false,
        proxy: [String] = [], workers: Int = 1, wired: Bool = false
    ) throws {
        var template = Array("/tmp/troop-e2e-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Program.Fault(description: "mkdtemp") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.folder = folder
        // Agents get by with the rights that the documentation gives them.
        redis = try store?.server ?? RedisServer(configuration: [LeastRights.line(cluster: "test")])
        let user = store == nil ? "\(LeastRights.user):\(LeastRights.password)@" : ""
        let redisLines = store?.lines ?? "{url: \"redis://\(user)127.0.0.1:\(redis.port)/0\"}"
        let port = redis.port
        let relays = Dictionary(
            wired ? try names.map { ($0, try Relay(to: port)) } : [], uniquingKeysWith: { first, _ in first })
        wires = relays
        proxyPort = try RedisServer.freePort()
        let proxyPort = proxyPort
        let proxyLines = proxy.map { "  \($0)" }.joined(separator: "\n")
        members = try names.map { name in
            let member = Member(
                name: name, appPort: try RedisServer.freePort(), apiPort: try RedisServer.freePort(),
                proxyPort: everywhere ? try RedisServer.freePort() : proxyPort,
                doorPort: try RedisServer.freePort(),
                socket: "\(folder)/\(name).sock",
                config: "\(folder)/\(name).yaml")
            let host = host.replacing("@", with: "\(folder)/\(name)")
            let api = api.replacing("@", with: "\(folder)/\(name)")
            let text = """
                cluster: test
                host: {name: \(name), address: 127.0.0.1\(host)}
                peer: {listen: "127.0.0.1:\(member.doorPort)"}
                state: \(folder)/\(name).state
                redis: \(relays[name].map { "{url: \"redis://\(user)127.0.0.1:\($0.port)/0\"}" } ?? redisLines)
                api: {listen: "127.0.0.1:\(member.apiPort)", socket: \(member.socket)\(api)}
                server: {listen: "127.0.0.1:\(member.appPort)", health: /healthz}
                proxy:
                  listen: "127.0.0.1:\(member.proxyPort)"
                  workers: \(workers)
                  run: \(everywhere ? "every" : "leader")
                  access_log: {path: \(folder)/\(name).access}
                \(proxyLines)
                metrics: {scope: process, pid_file: \(folder)/\(name).pid\(metrics)}
                \(election.replacing("@", with: folder))
                """
            try Ensemble.write(text, to: member.config)
            return member
        }
        for member in members { try startApp(member.name) }
    }

    deinit {
        running.withLock { running in
            running.agents = [:]
            running.apps = [:]
        }
        Ensemble.removeTree(folder)
    }

    func member(_ name: String) throws -> Member {
        guard let member = members.first(where: { $0.name == name }) else {
            throw Program.Fault(description: "no member \(name)")
        }
        return member
    }

    func startApp(_ name: String) throws {
        let member = try member(name)
        let program = try Program(
            ["sample-app", "--port", "\(member.appPort)", "--name", "app-\(name)"],
            log: "\(folder)/app-\(name).log")
        try Ensemble.write("\(program.id)\n", to: "\(folder)/\(name).pid")
        running.withLock { $0.apps[name] = program }
    }

    /// Whether the application was ended by somebody.
    func appHasEnded(_ name: String) -> Bool { running.withLock { $0.apps[name]?.exitCode != nil } }

    func stopApp(_ name: String) {
        let program = running.withLock { $0.apps.removeValue(forKey: name) }
        program?.signal(SIGTERM)
        _ = program?.wait()
    }

    /// The application's process.
    func app(_ name: String) throws -> Program {
        guard let program = running.withLock({ $0.apps[name] }) else {
            throw Program.Fault(description: "application \(name) does not run")
        }
        return program
    }

    func startAgent(_ name: String, environment: [String] = []) throws {
        let member = try member(name)
        let log = running.withLock { running in
            running.runs += 1
            let path = "\(folder)/\(name)-\(running.runs).log"
            running.logs.append((name, path))
            return path
        }
        let program = try Program(["agent", "--config", member.config], log: log, environment: environment)
        running.withLock { $0.agents[name] = program }
    }

    func startAgents() throws { for member in members { try startAgent(member.name) } }

    /// The agent's process.
    func agent(_ name: String) throws -> Program {
        guard let program = running.withLock({ $0.agents[name] }) else {
            throw Program.Fault(description: "agent \(name) does not run")
        }
        return program
    }

    /// `kill -9`, and the instant before it.
    func killAgent(_ name: String) throws -> Instant {
        let program = try agent(name)
        let at = Instant.now()
        program.signal(SIGKILL)
        _ = program.wait()
        running.withLock { running in
            running.agents[name] = nil
            running.kills.append((program.logPath, Instant.now()))
        }
        return at
    }

    /// SIGTERM, and its exit code.
    func terminateAgent(_ name: String) throws -> Int32? {
        let program = try agent(name)
        program.signal(SIGTERM)
        let code = program.wait()
        running.withLock { $0.agents[name] = nil }
        return code
    }

    /// The status that one agent tells, by default any that answers.
    func status(of name: String? = nil) -> Status? {
        for member in members where name == nil || member.name == name {
            var transfer = Transfer(url: "http://localhost/v1/status")
            transfer.socket = member.socket
            transfer.timeoutMilliseconds = 2000
            guard let answer = try? transfer.perform(), answer.status == 200 else { continue }
            if let status = try? JSONForm.document(Status.self, from: answer.body) { return status }
        }
        return nil
    }

    /// A request through the proxy; its status and body, nil when nobody answers.
    func get(
        _ path: String = "/", port: UInt16? = nil, within milliseconds: Int = 3000
    ) -> (status: Int, body: String)? {
        var transfer = Transfer(url: "http://127.0.0.1:\(port ?? proxyPort)\(path)")
        transfer.timeoutMilliseconds = milliseconds
        guard let answer = try? transfer.perform() else { return nil }
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    /// Runs a subcommand against one agent's socket.
    func command(_ name: String, _ arguments: String...) throws -> (code: Int32?, output: String) {
        try Program.run(arguments, environment: ["TROOP_SOCKET=\(try member(name).socket)"])
    }

    /// True once a leader serves and `servers` servers are healthy.
    func isUp(servers: Int) -> Bool {
        guard let status = status(), status.leader != nil,
            status.servers.filter({ $0.healthy == true }).count == servers
        else { return false }
        return get()?.status == 200
    }

    /// True once every agent answers, all name the same leader, which knows it, and every server is healthy.
    func isWhole(leader: String) -> Bool {
        members.allSatisfy { member in
            guard let status = status(of: member.name), status.leader?.host == leader else { return false }
            if member.name == leader, status.agent.election != "leader" { return false }
            return status.servers.filter { $0.healthy == true }.count == members.count
        }
    }

    /// The spans in which agents believed to lead, from their own records and the times of kills.
    func reigns() -> [Reign] {
        let (logs, kills) = running.withLock { ($0.logs, $0.kills) }
        return logs.flatMap { log in
            Reign.read(
                Program.text(of: log.path), host: log.name, killedAt: kills.first { $0.log == log.path }?.at)
        }
    }

    /// All agents' logs, for the report of a failed test.
    var logs: String {
        running.withLock { $0.logs }.map { "--- \($0.path)\n\(Program.text(of: $0.path))" }.joined()
    }

    static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw Program.Fault(description: "cannot write \(path)") }
        fputs(text, file)
        fclose(file)
    }

    private static func removeTree(_ path: String) {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name == "." || name == ".." { continue }
                if unlink("\(path)/\(name)") != 0 { removeTree("\(path)/\(name)") }
            }
            closedir(directory)
        }
        rmdir(path)
    }
}

/// A span in which one agent believed to lead.
struct Reign: Sendable, CustomStringConvertible {
    let host: String
    let epoch: Int64
    let from: Instant
    /// nil while it lasts.
    let until: Instant?

    var description: String {
        "\(host) \(epoch) \(from.nanoseconds / 1_000_000)…\(until.map { "\($0.nanoseconds / 1_000_000)" } ?? "")"
    }

    /// Reads the elector's changes off an agent's log.
    static func read(_ log: String, host: String, killedAt: Instant?) -> [Reign] {
        var reigns: [Reign] = []
        var open: (epoch: Int64, from: Instant)?
        for line in log.split(separator: "\n") {
            guard let at = number("at_ns", in: line).map({ Instant(nanoseconds: $0) }) else { continue }
            // Said within a standing, not at its end.
            if line.hasSuffix(" election in order") || line.hasSuffix(" election trouble") { continue }
            let leads = line.hasSuffix(" leading")
            if leads, let begun = open, begun.epoch == number("epoch", in: line) { continue }  // it goes on
            if let begun = open {
                reigns.append(Reign(host: host, epoch: begun.epoch, from: begun.from, until: at))
                open = nil
            }
            if leads { open = (number("epoch", in: line) ?? 0, at) }
        }
        if let begun = open {
            reigns.append(Reign(host: host, epoch: begun.epoch, from: begun.from, until: killedAt))
        }
        return reigns
    }

    private static func number(_ key: String, in line: Substring) -> Int64? {
        guard let range = line.firstRange(of: " \(key)=") else { return nil }
        return Int64(line[range.upperBound...].prefix { $0.isNumber })
    }
}
