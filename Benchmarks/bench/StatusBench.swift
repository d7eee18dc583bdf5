import Glibc
import Linux

/// `troop status` as a person waits for it: the whole command, with an agent that leads a troop of many hosts with a
/// server each.
struct StatusBench {
    /// Sizes of the troop, and what the command may take for each, in milliseconds.
    static let goals = [(hosts: 100, milliseconds: 50.0), (hosts: 10_000, milliseconds: 300.0)]
    static let rounds = 21
    /// Between two rounds: no round finds what the one before has just read.
    static let pauseMicroseconds: UInt32 = 337_000
    private static let hostsAtOnce = 200
    private static let startSeconds = 15

    private let options: TickOptions
    private let stage: Stage
    private let machine: Machine

    init(_ options: TickOptions, stage: Stage, machine: Machine) {
        (self.options, self.stage, self.machine) = (options, stage, machine)
    }

    /// Measures and prints; throws when the command does not show all hosts.
    func run() throws(BenchFault) {
        Bench.say("\n# status: 'troop status' from start to end, the agent's work included")
        let troop = options.troop ?? "\(Bench.programs())/troop"
        guard access(troop, X_OK) == 0 else {
            throw BenchFault("there is no program \(troop); use --troop PATH")
        }
        let redis = try stage.startRedis("status-redis", on: machine.helpers)
        let socket = try startAgent(troop, redis)
        for goal in StatusBench.goals {
            try report(goal.hosts, redis)
            // What the agent has just read it does not read again at once.
            let isShown = try Loopback.wait(seconds: StatusBench.startSeconds) { () throws(BenchFault) in
                guard try shown("report_age_ms", troop, socket) >= goal.hosts else { return false }
                return try shown("in_flight", troop, socket) >= goal.hosts
            }
            guard isShown else {
                throw BenchFault("troop status does not show \(goal.hosts) hosts and their servers")
            }
            var times: [Double] = []
            for _ in 0..<StatusBench.rounds {
                usleep(StatusBench.pauseMicroseconds)
                times.append(try time(troop, socket))
            }
            guard let spread = Spread(times) else { continue }
            let verdict = Goal.verdict(spread.median, atMost: goal.milliseconds)
            Bench.say(
                "  \(goal.hosts) hosts and servers: \(spread.text(places: 1)) ms (goal: a median of at most "
                    + "\(goal.milliseconds.text(places: 0)): \(verdict))")
        }
    }

    /// How often the command tells of a member: of hosts' or of servers'.
    private func shown(_ member: String, _ troop: String, _ socket: String) throws(BenchFault) -> Int {
        let text = try stage.output(
            of: "status-json",
            ["sh", "-c", "\(troop) status --socket \(socket) -o json | grep -o \(member) | wc -l"],
            on: machine.helpers, withinSeconds: 20)
        return Int(text.split(separator: "\n").last ?? "") ?? 0
    }

    /// One run of the command in milliseconds, its table thrown away.
    private func time(_ troop: String, _ socket: String) throws(BenchFault) -> Double {
        let start = Instant.now()
        let child = try stage.start("status", [troop, "status", "--socket", socket], on: machine.measured)
        let status = stage.wait(for: child)
        let milliseconds = Double(Instant.now().nanoseconds - start.nanoseconds) / 1e6
        // 1: the hosts are made up, and no server is active.
        guard status == 0 || status == 1 else { throw BenchFault("troop status failed:\n\(child.output)") }
        return milliseconds
    }

    /// Writes as many hosts' reports as the agents of a real troop would, and a server for each. These are out: nobody
    /// checks what does not exist.
    private func report(_ count: Int, _ redis: UInt16) throws(BenchFault) {
        let ahead = 3600 * 1000
        let now = Glibc.time(nil) * 1000
        for start in stride(from: 0, to: count, by: StatusBench.hostsAtOnce) {
            var text = ""
            for number in start..<min(count, start + StatusBench.hostsAtOnce) {
                let name = "host-\(number)"
                let seq = now + number
                let address = "10.\(number >> 16).\(number >> 8 & 255).\(number & 255)"
                text += "HSET troop:{bench}:host:\(name) seq \(seq) at \(seq) address \(address)"
                text +=
                    " boot_id 0b9e9e0e-9d43-4c4e-9f0e-\(100_000_000_000 + number) agent_version 0.1.0 role standby"
                text += " interval_ms 3600000 cpu 0.\(1000 + number % 9000) steal 0.001 iowait 0.002 cores 8"
                text +=
                    " memory_total 16700000000 memory_available \(8_000_000_000 + number) memory_used 0.52"
                text += " load1 1.5 load5 1.4 load15 1.3 psi_cpu_some 2.5 psi_memory_some 0 psi_memory_full 0"
                text += " psi_io_some 0.3 psi_io_full 0.1 server 10.0.0.1:3000\r\n"
                text += "ZADD troop:{bench}:hosts \(seq + ahead) \(name)\r\n"
                let entry = "{\"state\":\"out\",\"host\":\"\(name)\"}"
                text += "HSET troop:{bench}:servers \(address):3000 '\(entry)'\r\n"
            }
            guard let answer = Loopback.exchange(text + "QUIT\r\n", port: redis),
                !answer.contains(UInt8(ascii: "-")), answer.suffix(5).elementsEqual("+OK\r\n".utf8)
            else { throw BenchFault("redis-server does not take the reports") }
        }
    }

    /// Starts the agent and waits until it leads; returns its socket.
    private func startAgent(_ troop: String, _ redis: UInt16) throws(BenchFault) -> String {
        let folder = "\(stage.folder)/status-agent"
        try Folder.make(folder)
        let api = try Loopback.freePort()
        let configuration = """
            cluster: bench
            host: {name: bench, address: 127.0.0.1}
            peer: {listen: "127.0.0.1:\(try Loopback.freePort())"}
            state: \(folder)
            redis: {url: "redis://127.0.0.1:\(redis)/0"}
            api: {listen: "127.0.0.1:\(api)", socket: \(folder)/agent.sock}
            proxy: {listen: "127.0.0.1:\(try Loopback.freePort())", workers: 1}

            """
        try TextFile.write(configuration, to: "\(folder)/troop.yaml")
        let child = try stage.start(
            "status-agent", [troop, "agent", "--config", "\(folder)/troop.yaml"], on: machine.helpers)
        let leads = try Loopback.wait(seconds: StatusBench.startSeconds) { () throws(BenchFault) in
            try stage.expectRunning(child)
            return Loopback.status(of: "/leader", port: api) == 200
        }
        guard leads else { throw BenchFault("the agent does not lead:\n\(child.output)") }
        return "\(folder)/agent.sock"
    }
}
