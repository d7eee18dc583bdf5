import Glibc

/// System calls for each request, counted by strace.
struct SyscallBench {
    static let seconds = 2
    static let goal = 4.1

    private let contest: Contest

    init(_ contest: Contest) { self.contest = contest }

    /// Measures and prints; throws when strace is not allowed to look.
    func run() throws(BenchFault) {
        let strace = try Contender.program("strace")
        let connections = contest.options.connections
        Bench.say("\n# syscalls: \(connections) connections, 128-byte bodies, counted by strace")
        var table = Table(["", "calls/request", "which"])
        var own = 0.0
        for (place, contender) in contest.contenders.enumerated() {
            let file = "\(contest.stage.folder)/\(contender.name).strace"
            let tracer = try contest.stage.start(
                "strace", [strace, "-f", "-c", "-o", file, "-p", String(contest.children[place].pid)],
                on: contest.machine.helpers)
            usleep(300_000)
            try contest.stage.expectRunning(tracer)
            let load = Load(
                connections: connections, seconds: SyscallBench.seconds, rivals: contest.options.rivals)
            let result = try load.run(on: contest.stage, core: contest.machine.helpers, port: contender.port)
            kill(tracer.pid, SIGINT)
            try contest.stage.awaitEnd(of: tracer, withinSeconds: 10, mayFail: true)
            let counts = SyscallBench.counts(TextFile.read(file) ?? "")
            let total = counts.reduce(0) { $0 + $1.calls }
            guard total > 0 else { throw BenchFault("strace counted nothing:\n\(tracer.output)") }
            let each = Double(total) / Double(result.requests)
            if place == 0 { own = each }
            let which = counts.sorted { $0.calls > $1.calls }.prefix(4).map {
                "\($0.name) \((Double($0.calls) / Double(result.requests)).text(places: 2))"
            }
            table.add([contender.name, each.text(places: 2), which.joined(separator: ", ")])
        }
        Bench.say(table.text)
        Goal.say("system calls for each request", own, atMost: SyscallBench.goal, places: 2)
    }

    /// Reads strace's summary.
    static func counts(_ summary: String) -> [(name: String, calls: Int)] {
        summary.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count >= 5, words[0].contains("."), let calls = Int(words[3]), let name = words.last,
                name != "total"
            else { return nil }
            return (String(name), calls)
        }
    }
}
