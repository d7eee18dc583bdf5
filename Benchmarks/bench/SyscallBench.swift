import Glibc

/// System calls for each request, counted by strace.
struct SyscallBench {
    static let briefSeconds = 1
    static let longSeconds = 5
    static let goal = 4.1
    static let attachMicroseconds: UInt32 = 300_000

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
            // What opening the connections costs is in both runs, and in their difference is nothing of it.
            let brief = try trace(strace, place, seconds: SyscallBench.briefSeconds)
            let long = try trace(strace, place, seconds: SyscallBench.longSeconds)
            let requests = Double(long.requests - brief.requests)
            guard requests > 0 else { throw BenchFault("\(contender.name) got slower under strace") }
            let rates = long.calls.map { name, calls in
                (name: name, each: Double(calls - (brief.calls[name] ?? 0)) / requests)
            }
            let each = rates.reduce(0) { $0 + $1.each }
            if place == 0 { own = each }
            let which = rates.sorted { $0.each > $1.each }.prefix(4).map {
                "\($0.name) \($0.each.text(places: 2))"
            }
            table.add([contender.name, each.text(places: 2), which.joined(separator: ", ")])
        }
        Bench.say(table.text)
        Goal.say("system calls for each request", own, atMost: SyscallBench.goal, places: 2)
    }

    private func trace(
        _ strace: String, _ place: Int, seconds: Int
    ) throws(BenchFault) -> (requests: Int, calls: [String: Int]) {
        let contender = contest.contenders[place]
        let file = "\(contest.stage.folder)/\(contender.name).strace"
        let tracer = try contest.stage.start(
            "strace", [strace, "-f", "-c", "-o", file, "-p", String(contest.children[place].pid)],
            on: contest.machine.helpers)
        usleep(SyscallBench.attachMicroseconds)
        try contest.stage.expectRunning(tracer)
        let load = Load(
            connections: contest.options.connections, seconds: seconds, rivals: contest.options.rivals)
        let result = try load.run(on: contest.stage, core: contest.machine.helpers, port: contender.port)
        kill(tracer.pid, SIGINT)
        try contest.stage.awaitEnd(of: tracer, withinSeconds: 10, mayFail: true)
        let counts = SyscallBench.counts(TextFile.read(file) ?? "")
        guard !counts.isEmpty else { throw BenchFault("strace counted nothing:\n\(tracer.output)") }
        return (result.requests, Dictionary(counts.map { ($0.name, $0.calls) }) { $0 + $1 })
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
