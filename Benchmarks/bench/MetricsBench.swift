import ArgumentParser
import Glibc
import Linux

/// What measuring costs: the tick, the memory and a scrape of an agent, beside node_exporter.
struct MetricsBench {
    /// The goal for the memory of an idle agent, in megabytes.
    static let residentGoal = 20.0
    /// The goal for the CPU time of one scrape of the agent, in milliseconds.
    static let scrapeGoal = 0.5
    static let scrapes = 30
    /// Scrapes before the measurement.
    static let warmScrapes = 5
    /// Scrapes one after the other.
    static let scrapesInARow = 100

    private let options: TickOptions
    private let stage: Stage
    private let machine: Machine

    init(_ options: TickOptions, stage: Stage, machine: Machine) {
        (self.options, self.stage, self.machine) = (options, stage, machine)
    }

    /// Measures and prints.
    func run() throws(BenchFault) {
        Bench.say("\n# metrics: an agent and node_exporter, \(MetricsBench.scrapes) scrapes at 1 Hz each")
        try floor()
        try allocations()
        let tick = TickBench(options, stage: stage, machine: machine)
        let agents = try tick.raise().agents
        for agent in agents {
            let ticks = try tick.ticks(of: agent)
            let resident = try resident(agent.child)
            Bench.say(
                "  \(agent.leads ? "leader" : "standby"): tick \(ticks.text(places: 0)) µs of CPU (goal: at most "
                    + "\(TickBench.goalMicroseconds.text(places: 0)): "
                    + "\(Goal.verdict(ticks.median, atMost: TickBench.goalMicroseconds))); resident \(resident.text(places: 1)) MB "
                    + "(goal: at most \(MetricsBench.residentGoal.text(places: 0)): "
                    + "\(Goal.verdict(resident, atMost: MetricsBench.residentGoal)))")
        }
        if let leader = agents.first(where: \.leads) {
            let scrape = try scrape("troop", leader.child, port: leader.api)
            Bench.say(
                "    a scrape is \(Goal.verdict(scrape, atMost: MetricsBench.scrapeGoal)): goal at most "
                    + "\(MetricsBench.scrapeGoal.text(places: 1)) ms")
        }
        let port = try Loopback.freePort()
        let exporter = try stage.start(
            "node_exporter",
            [
                try Contender.program("prometheus-node-exporter"), "--web.listen-address=127.0.0.1:\(port)",
                "--log.level=error",
            ], on: machine.measured)
        let isReady = try Loopback.wait(seconds: 10) { () throws(BenchFault) in
            try stage.expectRunning(exporter)
            return Loopback.status(of: "/metrics", port: port) == 200
        }
        guard isReady else { throw BenchFault("node_exporter does not answer:\n\(exporter.output)") }
        _ = try scrape("node_exporter", exporter, port: port)
        Bench.say("  node_exporter: resident \(try resident(exporter).text(places: 1)) MB")
    }

    /// What a tick costs at the least on this machine, while no agent runs.
    private func floor() throws(BenchFault) {
        let redis = try stage.startRedis("floor-redis", on: machine.helpers)
        let output = try stage.output(
            of: "tick-floor", ["\(Bench.programs())/bench", "tick-floor", "--port", "\(redis)"],
            on: machine.measured, withinSeconds: 60)
        let numbers = output.split(whereSeparator: \.isWhitespace).dropFirst().compactMap { Double($0) }
        guard let spread = Spread(numbers) else {
            throw BenchFault("the floor's output cannot be read:\n\(output)")
        }
        Bench.say(
            "  the floor, plain system calls that read two files and write such a report: "
                + "\(spread.text(places: 0)) µs of CPU")
    }

    /// How often the sampler asks for memory, in a program that counts it.
    private func allocations() throws(BenchFault) {
        let output = try stage.output(
            of: "looks", ["\(Bench.programs())/bench-looks"], on: machine.measured, withinSeconds: 60)
        let counts = output.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard counts.count == 4 else { throw BenchFault("the counts of looks cannot be read:\n\(output)") }
        Bench.say(
            "  a look at the host allocates \(counts[2].text(places: 0)) to \(counts[3].text(places: 0)) times once in five "
                + "seconds")
        Goal.say("allocations of the look of each second", counts[1], atMost: 0, places: 0)
    }

    /// Scrapes once a second, then one after the other; prints, and gives the CPU time of one of the latter, in
    /// milliseconds. The former find all caches cold, which says as much of the machine as of the program.
    ///
    /// What the program does between two scrapes is measured before, over as many seconds, and taken off.
    private func scrape(_ name: String, _ child: Child, port: UInt16) throws(BenchFault) -> Double {
        let request = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        for _ in 0..<MetricsBench.warmScrapes { _ = Loopback.exchange(request, port: port) }
        func spent(_ body: () throws(BenchFault) -> Void) throws(BenchFault) -> Double {
            guard let before = CPUTime(of: child.pid) else { throw BenchFault("\(name) has ended") }
            for _ in 0..<MetricsBench.scrapes {
                sleep(1)
                try body()
            }
            guard let after = CPUTime(of: child.pid) else { throw BenchFault("\(name) has ended") }
            return after.microseconds(since: before).total / 1000
        }
        let idle = try spent {}
        var times: [Double] = []
        var bytes = 0
        let busy = try spent { () throws(BenchFault) in
            let start = Instant.now()
            guard let answer = Loopback.exchange(request, port: port) else {
                throw BenchFault("\(name) does not answer:\n\(child.output)")
            }
            times.append(Double(Instant.now().nanoseconds - start.nanoseconds) / 1e6)
            bytes = answer.count
        }
        let each = max(0, busy - idle) / Double(MetricsBench.scrapes)
        guard let before = CPUTime(of: child.pid) else { throw BenchFault("\(name) has ended") }
        for _ in 0..<MetricsBench.scrapesInARow { _ = Loopback.exchange(request, port: port) }
        guard let after = CPUTime(of: child.pid) else { throw BenchFault("\(name) has ended") }
        let inARow = after.microseconds(since: before).total / 1000 / Double(MetricsBench.scrapesInARow)
        guard let spread = Spread(times) else { throw BenchFault("no scrape was made") }
        Bench.say(
            "  \(name): a scrape takes \(inARow.text(places: 2)) ms of CPU, one after the other; once a second "
                + "\(each.text(places: 2)) ms of CPU, \(spread.text(places: 2)) ms by the clock, "
                + "\(bytes) bytes; without scrapes \((idle / Double(MetricsBench.scrapes)).text(places: 2)) ms of CPU a second"
        )
        return inARow
    }

    /// The resident memory of a program, in megabytes.
    private func resident(_ child: Child) throws(BenchFault) -> Double {
        let line = TextFile.read("/proc/\(child.pid)/status")?.split(separator: "\n")
            .first { $0.hasPrefix("VmRSS:") }
        guard let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap({ Double($0) }) else {
            throw BenchFault("the memory of \(child.name) cannot be read")
        }
        return kilobytes * 1024 / 1e6
    }
}

struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics", abstract: "What measuring costs, beside node_exporter.")
    @OptionGroup var options: TickOptions
    @OptionGroup var goals: GoalOptions

    func run() throws {
        try Bench.onStage { try MetricsBench(options, stage: $0, machine: $1).run() }
        try goals.hold()
    }
}
