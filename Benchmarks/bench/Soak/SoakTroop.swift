import Glibc
import Linux

/// The troop of a soak: three agents that share the proxy's address, four applications, one Redis that keeps its data.
final class SoakTroop {
    /// One agent, and the process that it is now.
    struct Agent {
        let name: String
        let configuration: String
        let socket: String
        let api: UInt16
        var child: Child
        var runs = 1
    }

    static let names = ["a", "b", "c"]
    /// One for each agent, and the guest.
    static let applications = 4
    private static let startSeconds = 20
    /// A change of a flag is seen by all agents within this time, in milliseconds.
    static let flagMilliseconds: Int64 = 1000

    private let stage: Stage
    private let program: String
    private let folder: String
    let proxyPort: UInt16
    private let redisPort: UInt16
    private(set) var redis: Child
    private var redisRuns = 1
    private(set) var agents: [Agent] = []
    /// The application of no host: it comes and goes.
    let guest: UInt16

    /// Raises the troop; it serves when this returns.
    init(program: String, stage: Stage) throws(BenchFault) {
        self.stage = stage
        self.program = program
        folder = "\(stage.folder)/soak"
        try Folder.make(folder)
        redisPort = try Loopback.freePort()
        proxyPort = try Loopback.freePort()
        guest = try Loopback.freePort()
        redis = try stage.startRedis(
            "soak-redis-1", port: redisPort, data: folder, on: nil, appendOnly: true)
        _ = try stage.start(
            "soak-app-guest", [program, "sample-app", "--port", "\(guest)", "--name", "guest"], on: nil)
        for name in SoakTroop.names { try add(name) }
        try awaitWhole("the start")
    }

    private func add(_ name: String) throws(BenchFault) {
        let application = try Loopback.freePort()
        _ = try stage.start(
            "soak-app-\(name)", [program, "sample-app", "--port", "\(application)", "--name", name], on: nil)
        let api = try Loopback.freePort()
        let socket = "\(folder)/\(name).sock"
        let text = """
            cluster: soak
            host: {name: \(name), address: 127.0.0.1}
            peer: {listen: "127.0.0.1:\(try Loopback.freePort())"}
            state: \(folder)/\(name).state
            redis: {url: "redis://127.0.0.1:\(redisPort)/0"}
            api: {listen: "127.0.0.1:\(api)", socket: \(socket)}
            server: {listen: "127.0.0.1:\(application)", health: /healthz}
            proxy: {listen: "127.0.0.1:\(proxyPort)", workers: 1, run: leader}
            metrics: {scope: host}

            """
        let path = "\(folder)/\(name).yaml"
        try TextFile.write(text, to: path)
        let child = try stage.start("soak-\(name)-1", [program, "agent", "--config", path], on: nil)
        agents.append(Agent(name: name, configuration: path, socket: socket, api: api, child: child))
    }

    /// The index of the agent that leads; nil while none does.
    var leader: Int? { agents.indices.first { Loopback.status(of: "/leader", port: agents[$0].api) == 200 } }

    /// Waits until one leads, its proxy answers and all applications are on its list; throws, with the logs, when that takes too long.
    func awaitWhole(_ after: String) throws(BenchFault) {
        let isWhole = try Loopback.wait(seconds: SoakTroop.startSeconds) { () throws(BenchFault) in
            for agent in agents { try stage.expectRunning(agent.child) }
            guard let leader, Loopback.status(of: "/", port: proxyPort) == 200,
                let answer = Loopback.exchange(
                    "GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
                    port: agents[leader].api)
            else { return false }
            let text = String(decoding: answer, as: UTF8.self)
            return text.ranges(of: "\"healthy\":true").count >= SoakTroop.names.count
        }
        guard isWhole else {
            throw BenchFault("the troop is not whole after \(after):\n\(agents.map(\.child.output).joined())")
        }
    }

    /// Runs a command of an agent's host to its end.
    func command(_ agent: Int, _ words: [String]) throws(BenchFault) {
        _ = try stage.output(
            of: "soak-command", [program] + words + ["--socket", agents[agent].socket], on: nil,
            withinSeconds: 10)
    }

    /// Ends the agent with kill -9.
    func kill(_ index: Int) { _ = Glibc.kill(agents[index].child.pid, SIGKILL) }

    /// Starts an agent again that was killed.
    func restart(_ index: Int) throws(BenchFault) {
        _ = stage.wait(for: agents[index].child)
        agents[index].runs += 1
        let agent = agents[index]
        agents[index].child = try stage.start(
            "soak-\(agent.name)-\(agent.runs)", [program, "agent", "--config", agent.configuration], on: nil)
    }

    /// Stops Redis in good order, leaves it out for a moment, and starts it with its data.
    func restartRedis(afterMilliseconds pause: UInt32) throws(BenchFault) {
        _ = Glibc.kill(redis.pid, SIGTERM)
        _ = stage.wait(for: redis)
        usleep(pause * 1000)
        redisRuns += 1
        redis = try stage.startRedis(
            "soak-redis-\(redisRuns)", port: redisPort, data: folder, on: nil, appendOnly: true)
    }

    /// Whether every agent evaluates the flag to this value.
    func allSay(_ flag: String, _ value: Int) -> Bool {
        let request =
            "POST /ofrep/v1/evaluate/flags/\(flag) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        return agents.allSatisfy { agent in
            guard let answer = Loopback.exchange(request, port: agent.api) else { return false }
            return String(decoding: answer, as: UTF8.self).contains("\"value\":\(value)")
        }
    }
}
