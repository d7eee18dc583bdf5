import ArgumentParser
import Glibc

/// Measures Troop where it must be fast: the proxy beside its rivals, the agent's tick, and failover.
@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures Troop's proxy beside HAProxy, nginx and a bare relay, and the agent's tick.",
        subcommands: [
            ProxyCommand.self, TickCommand.self, StatusBenchCommand.self, FlagsCommand.self,
            ElectionCommand.self, MetricsCommand.self, RemedyCommand.self, SoakCommand.self, AllCommand.self,
            FlagLoad.self, TickFloor.self,
        ],
        defaultSubcommand: AllCommand.self)

    /// The folder of the bench's own executables.
    static func programs() -> String {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = max(0, readlink("/proc/self/exe", &path, path.count - 1))
        let text = String(decoding: path.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return String(text.prefix(upTo: text.lastIndex(of: "/") ?? text.startIndex))
    }

    /// Prints a line at once, also into a pipe; when nobody reads it any more, the bench ends.
    static func say(_ line: String) {
        print(line)
        if fflush(nil) != 0 { kill(getpid(), SIGHUP) }
    }

    /// Sets the stage, runs `body`, and clears the stage however that ends.
    static func onStage(_ body: (Stage, Machine) throws -> Void) throws {
        let machine = try Machine()
        let stage = try Stage()
        defer { stage.clear() }
        say(machine.description)
        try body(stage, machine)
    }

    /// Runs the named comparisons of the proxy.
    static func compare(_ options: ProxyOptions, _ stage: Stage, _ machine: Machine) throws {
        let wanted = options.only.isEmpty ? Scenario.allCases : options.only
        let alone: Set<Scenario> = [.idle, .routing]
        if !alone.isSuperset(of: wanted) {
            say("\n# contenders; \(options.rounds) rounds of \(options.seconds) s for each in turn")
            let contest = try Contest(options, stage: stage, machine: machine)
            for scenario in wanted {
                if let cpu = CPUScenario(scenario, connections: options.connections) {
                    try CPUBench(cpu, contest).run()
                }
                switch scenario {
                case .handshakes: try HandshakeBench(contest).run()
                case .latency: try LatencyBench(contest).run()
                case .syscalls: try SyscallBench(contest).run()
                case .small, .medium, .bulk, .tls, .idle, .routing: continue
                }
            }
        }
        if wanted.contains(.idle) { try IdleBench(options, stage: stage, machine: machine).run() }
        if wanted.contains(.routing) { try RoutingBench(stage: stage, machine: machine).run() }
    }
}

/// What the comparison of proxies can be told.
struct ProxyOptions: ParsableArguments {
    @Option(help: "Runs of each proxy, one proxy after the other.")
    var rounds = 5

    @Option(help: "Seconds of one run.")
    var seconds = 4

    @Option(help: "Connections that wrk keeps busy.")
    var connections = 64

    @Option(
        parsing: .upToNextOption,
        help: "What to measure: \(Scenario.allCases.map(\.rawValue).joined(separator: ", ")) (default: all).")
    var only: [Scenario] = []

    @Option(help: "Folder with the rivals' configurations and wrk's script.")
    var rivals = "Benchmarks/rivals"

    func validate() throws {
        guard (1...1000).contains(rounds) else { throw ValidationError("--rounds: 1 to 1000") }
        guard (1...3600).contains(seconds) else { throw ValidationError("--seconds: 1 to 3600") }
        guard (1...1000).contains(connections) else { throw ValidationError("--connections: 1 to 1000") }
    }
}

/// What the measurement of the tick can be told.
struct TickOptions: ParsableArguments {
    @Option(help: "The troop binary; by default the one beside this program.")
    var troop: String?

    @Option(help: "Seconds of the measurement.")
    var tickSeconds = 30

    func validate() throws {
        guard (5...3600).contains(tickSeconds) else { throw ValidationError("--tick-seconds: 5 to 3600") }
    }
}

struct ProxyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxy", abstract: "The proxy beside HAProxy and nginx.")
    @OptionGroup var options: ProxyOptions
    @OptionGroup var goals: GoalOptions

    func run() throws {
        try Bench.onStage { try Bench.compare(options, $0, $1) }
        try goals.hold()
    }
}

struct TickCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tick", abstract: "The agent's CPU time when nothing happens.")
    @OptionGroup var options: TickOptions
    @OptionGroup var goals: GoalOptions

    func run() throws {
        try Bench.onStage { try TickBench(options, stage: $0, machine: $1).run() }
        try goals.hold()
    }
}

struct StatusBenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How long 'troop status' takes in troops of 100 and 10,000 hosts.")
    @OptionGroup var options: TickOptions
    @OptionGroup var goals: GoalOptions

    func run() throws {
        try Bench.onStage { try StatusBench(options, stage: $0, machine: $1).run() }
        try goals.hold()
    }
}

struct AllCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "all", abstract: "All of them, one after the other.")
    @OptionGroup var proxy: ProxyOptions
    @OptionGroup var tick: TickOptions
    @OptionGroup var flags: FlagOptions
    @OptionGroup var goals: GoalOptions

    func run() throws {
        try Bench.onStage { stage, machine in
            try Bench.compare(proxy, stage, machine)
            try TickBench(tick, stage: stage, machine: machine).run()
            try StatusBench(tick, stage: stage, machine: machine).run()
            try FlagBench(flags, stage: stage, machine: machine).run()
            try MetricsBench(tick, stage: stage, machine: machine).run()
            try RemedyBench(tick, stage: stage, machine: machine).run()
        }
        try goals.hold()
    }
}
