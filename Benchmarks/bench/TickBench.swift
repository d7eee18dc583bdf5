import Glibc
import Linux

/// Two agents at a real Redis with nothing to do: what sampling, reporting and the election cost in CPU time.
struct TickBench {
    struct Agent {
        let name: String
        let api: UInt16
        let child: Child

        var leads: Bool { Loopback.status(of: "/leader", port: api) == 200 }
    }

    /// The goal for the tick: sampling and reporting once a second.
    static let goalMicroseconds = 200.0
    /// Ticks asked after for the median; the agent itself measures the CPU time of each.
    static let ticksAsked = 15
    static let startSeconds = 15
    /// Time for caches, connections and the election to come to rest before the measurement.
    static let settleSeconds: UInt32 = 3

    private let options: TickOptions
    private let stage: Stage
    private let machine: Machine

    init(_ options: TickOptions, stage: Stage, machine: Machine) {
        (self.options, self.stage, self.machine) = (options, stage, machine)
    }

    /// Measures and prints; throws when the agents did not elect a leader or did not report all the time.
    func run() throws(BenchFault) {
        Bench.say("\n# tick: two agents at 1 Hz, nothing else to do, \(options.tickSeconds) s")
        let (redis, agents) = try raise()
        let leaders = agents.map(\.leads)
        let sequencesBefore = agents.map { sequence(of: $0, redis) }
        let before = agents.map { CPUTime(of: $0.child.pid) }
        let start = Instant.now()
        sleep(UInt32(options.tickSeconds))
        let after = agents.map { CPUTime(of: $0.child.pid) }
        let seconds = Double(Instant.now().milliseconds(since: start)) / 1000
        for agent in agents { try stage.expectRunning(agent.child) }
        guard agents.map(\.leads) == leaders else {
            throw BenchFault("the leader changed during the measurement")
        }
        for (agent, earlier) in zip(agents, sequencesBefore) {
            let reports = sequence(of: agent, redis) - earlier
            guard reports >= options.tickSeconds - 2 else {
                throw BenchFault("agent \(agent.name) sent \(reports) reports in \(options.tickSeconds) s")
            }
        }
        Bench.say("CPU of each agent: sampling, reporting and everything else that it does when idle")
        for index in agents.indices {
            guard let before = before[index], let after = after[index] else { continue }
            // After the measurement, since asking costs the agent CPU time, too.
            let ticks = try ticks(of: agents[index])
            printAgent(
                leaders[index] ? "leader" : "standby", after, since: before, seconds: seconds, ticks: ticks)
        }
    }

    /// Starts a Redis and two agents; gives them once one leads and both have come to rest.
    func raise() throws(BenchFault) -> (redis: UInt16, agents: [Agent]) {
        let troop = options.troop ?? "\(Bench.programs())/troop"
        guard access(troop, X_OK) == 0 else {
            throw BenchFault("there is no program \(troop); use --troop PATH")
        }
        let redis = try stage.startRedis("redis", on: machine.helpers)
        let agents = [try start("a", troop, redis), try start("b", troop, redis)]
        let hasLeader = try Loopback.wait(seconds: TickBench.startSeconds) { () throws(BenchFault) in
            for agent in agents { try stage.expectRunning(agent.child) }
            return agents.contains { $0.leads }
        }
        guard hasLeader else { throw BenchFault("no agent leads:\n\(agents.map(\.child.output).joined())") }
        sleep(TickBench.settleSeconds)
        return (redis, agents)
    }

    private func printAgent(
        _ role: String, _ after: CPUTime, since before: CPUTime, seconds: Double, ticks: Spread
    ) {
        let whole = after.microseconds(since: before).total / seconds
        let threads = after.threadMicroseconds(since: before).map {
            (name: $0.name, microseconds: $0.microseconds / seconds)
        }
        let verdict = Goal.verdict(ticks.median, atMost: TickBench.goalMicroseconds)
        Bench.say(
            "  \(role): tick \(ticks.text(places: 0)) µs of CPU (goal: a median of at most "
                + "\(TickBench.goalMicroseconds.text(places: 0)): \(verdict)); the whole agent "
                + "\(whole.text(places: 0)) µs a second")
        let busy = threads.filter { $0.microseconds >= 1 }
            .map { "\($0.name) \($0.microseconds.text(places: 0))" }
        Bench.say("    by thread: \(busy.joined(separator: ", "))")
    }

    /// What the agent's latest ticks cost, asked for once a second.
    func ticks(of agent: Agent) throws(BenchFault) -> Spread {
        var ticks: [Double] = []
        for _ in 0..<TickBench.ticksAsked {
            sleep(1)
            let answer = Loopback.exchange(
                "GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", port: agent.api)
            let text = String(decoding: answer ?? [], as: UTF8.self)
            guard let key = text.firstRange(of: "\"tick_us\":"),
                let tick = Double(text[key.upperBound...].prefix { $0.isNumber })
            else { throw BenchFault("agent \(agent.name) does not tell the cost of its ticks") }
            ticks.append(tick)
        }
        guard let spread = Spread(ticks) else { throw BenchFault("no tick was asked for") }
        return spread
    }

    private func start(_ name: String, _ troop: String, _ redis: UInt16) throws(BenchFault) -> Agent {
        let folder = "\(stage.folder)/\(name)"
        try Folder.make(folder)
        let api = try Loopback.freePort()
        let configuration = """
            cluster: bench
            host: {name: \(name), address: 127.0.0.1}
            peer: {listen: "127.0.0.1:\(try Loopback.freePort())"}
            state: \(folder)
            redis: {url: "redis://127.0.0.1:\(redis)/0"}
            api: {listen: "127.0.0.1:\(api)", socket: \(folder)/agent.sock}
            proxy: {listen: "127.0.0.1:\(try Loopback.freePort())", workers: 1, run: leader}
            election: {ttl: 1s, renew: 250ms}
            metrics: {scope: host}

            """
        try TextFile.write(configuration, to: "\(folder)/troop.yaml")
        let child = try stage.start(
            "agent-\(name)", [troop, "agent", "--config", "\(folder)/troop.yaml"], on: machine.measured)
        return Agent(name: name, api: api, child: child)
    }

    /// The number of the agent's latest report; 0 when there is none.
    private func sequence(of agent: Agent, _ redis: UInt16) -> Int {
        let answer = Loopback.exchange("HGET troop:{bench}:host:\(agent.name) seq\r\nQUIT\r\n", port: redis)
        let lines = String(decoding: answer ?? [], as: UTF8.self).split(separator: "\r\n")
        return lines.count > 1 ? Int(lines[1]) ?? 0 : 0
    }
}
