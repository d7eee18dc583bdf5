import ArgumentParser
import Glibc
import Linux

/// What the measurement of flags can be told.
struct FlagOptions: ParsableArguments {
    @Option(
        name: .customLong("flag-troop"), help: "The troop binary; by default the one beside this program.")
    var troop: String?

    @Option(name: .customLong("flag-rounds"), help: "Runs of the load of flags, of five seconds each.")
    var rounds = 5

    func validate() throws {
        guard (1...100).contains(rounds) else { throw ValidationError("--flag-rounds: 1 to 100") }
    }
}

struct FlagsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flags", abstract: "Evaluation of feature flags by OFREP on loopback.")
    @OptionGroup var options: FlagOptions
    @OptionGroup var goals: GoalOptions

    func run() throws {
        try Bench.onStage { try FlagBench(options, stage: $0, machine: $1).run() }
        try goals.hold()
    }
}

/// One agent with a hundred flags, asked by OFREP at a steady pace.
struct FlagBench {
    /// Requests a second.
    static let rate = 5000
    static let seconds = 5
    static let flags = 100
    /// The goal for the 99th percentile, in milliseconds.
    static let goalMilliseconds = 1.0
    static let startSeconds = 15

    private let options: FlagOptions
    private let stage: Stage
    private let machine: Machine

    init(_ options: FlagOptions, stage: Stage, machine: Machine) {
        (self.options, self.stage, self.machine) = (options, stage, machine)
    }

    /// Measures and prints; throws when an evaluation failed.
    func run() throws(BenchFault) {
        let troop = options.troop ?? "\(Bench.programs())/troop"
        guard access(troop, X_OK) == 0 else {
            throw BenchFault("there is no program \(troop); use --flag-troop PATH")
        }
        Bench.say(
            """

            # flags: OFREP on loopback, \(FlagBench.rate) evaluations a second of a flag with rules, out of \(FlagBench.flags) flags
            \(options.rounds) rounds of \(FlagBench.seconds) s after a warm-up; latency from the moment a request is due;
            beside a bare server that answers without any work
            """)
        let redis = try stage.startRedis("flags-redis", on: machine.helpers)
        try fill(redis)
        let (port, agent) = try start(troop, redis)
        let bare = try Contest.startBackend(stage, on: machine.measured).port
        _ = try measure(port)
        var used = 0.0
        var (runs, floors): ([[Double]], [[Double]]) = ([], [])
        for round in 1...options.rounds {
            floors.append(try measure(bare, isBare: true))
            guard let before = CPUTime(of: agent.pid) else { throw BenchFault("the agent has ended") }
            runs.append(try measure(port))
            used += CPUTime(of: agent.pid)?.microseconds(since: before).total ?? 0
            for (name, run) in [("troop", runs.last ?? []), ("bare server", floors.last ?? [])] {
                Bench.say(
                    "round \(round): \(name): p50 \(run[1].text(places: 2)) ms  p99 \(run[2].text(places: 2)) ms  "
                        + "p99.9 \(run[3].text(places: 2)) ms  most \(run[4].text(places: 2)) ms")
            }
        }
        try stage.expectRunning(agent)
        let each = used / runs.reduce(0) { $0 + $1[0] }
        Bench.say("CPU of the whole agent: \(each.text(places: 1)) µs an evaluation")
        guard let spread = Spread(runs.map { $0[2] }), let floor = Spread(floors.map { $0[2] }) else {
            return
        }
        Goal.say("p99 of an evaluation in ms", spread.median, atMost: FlagBench.goalMilliseconds, places: 2)
        if floor.median > FlagBench.goalMilliseconds {
            Bench.say(
                "note: on this machine a bare server, which answers at once without any work, has a p99 of "
                    + "\(floor.median.text(places: 2)) ms: the goal cannot be reached here")
        }
    }

    /// One run of the load: requests, then p50, p99, p99.9 and the most in milliseconds.
    private func measure(_ port: UInt16, isBare: Bool = false) throws(BenchFault) -> [Double] {
        let words =
            [
                "\(Bench.programs())/bench", "flag-load", "--port", "\(port)", "--rate", "\(FlagBench.rate)",
                "--seconds",
                "\(FlagBench.seconds)",
            ] + (isBare ? ["--bare"] : [])
        let output = try stage.output(
            of: "flag-load", words, on: machine.helpers, withinSeconds: FlagBench.seconds + 20)
        let numbers = output.split(whereSeparator: { $0 == " " || $0 == "\n" }).dropFirst().compactMap {
            Double($0)
        }
        guard output.hasPrefix("summary "), numbers.count == 5 else {
            throw BenchFault("the load's output cannot be read:\n\(output)")
        }
        return [numbers[0]] + numbers[1...].map { $0 / 1000 }
    }

    private func fill(_ redis: UInt16) throws(BenchFault) {
        let definition =
            #"{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"if":[{"and":[{"ends_with":[{"var":"email"},"@faas.com"]},{"in":[{"var":"plan"},["free","premium"]]},{"sem_ver":[{"var":"version"},">=","1.2.0"]}]},{"fractional":[["on",30],["off",70]]},"off"]}}"#
        for number in 0..<FlagBench.flags {
            let words = ["HSET", "troop:{bench}:flags", "flag-\(number)", definition]
            let text = words.reduce("*\(words.count)\r\n") { $0 + "$\($1.utf8.count)\r\n\($1)\r\n" }
            guard Loopback.exchange(text + "QUIT\r\n", port: redis)?.starts(with: ":1".utf8) ?? false else {
                throw BenchFault("Redis did not take a flag")
            }
        }
    }

    private func start(_ troop: String, _ redis: UInt16) throws(BenchFault) -> (UInt16, Child) {
        let folder = "\(stage.folder)/flags-agent"
        try Folder.make(folder)
        let api = try Loopback.freePort()
        let configuration = """
            cluster: bench
            host: {name: flags, address: 127.0.0.1}
            peer: {listen: "127.0.0.1:\(try Loopback.freePort())"}
            state: \(folder)
            redis: {url: "redis://127.0.0.1:\(redis)/0"}
            api: {listen: "127.0.0.1:\(api)", socket: \(folder)/agent.sock}
            proxy: {listen: "127.0.0.1:\(try Loopback.freePort())", workers: 1, run: leader}
            metrics: {scope: host}

            """
        try TextFile.write(configuration, to: "\(folder)/troop.yaml")
        let child = try stage.start(
            "flags-agent", [troop, "agent", "--config", "\(folder)/troop.yaml"], on: machine.measured)
        let isReady = try Loopback.wait(seconds: FlagBench.startSeconds) { () throws(BenchFault) in
            try stage.expectRunning(child)
            let answer = Loopback.exchange(
                "POST /ofrep/v1/evaluate/flags/flag-7 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                port: api)
            return answer?.starts(with: "HTTP/1.1 200".utf8) ?? false
        }
        guard isReady else { throw BenchFault("the agent evaluates no flag:\n\(child.output)") }
        return (api, child)
    }
}
