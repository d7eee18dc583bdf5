import Glibc

/// All contenders in turn, before the same backend and under the same load: who uses how much CPU time.
struct CPUBench {
    /// One run of one contender.
    private struct Run {
        let load: Load.Result
        /// CPU time of the contender's process for each request.
        let userMicroseconds: Double
        let systemMicroseconds: Double
        let totalMicroseconds: Double
        /// The share of the measured core that somebody else used.
        let othersShare: Double
    }

    /// A proxy that keeps its connections opens fewer new ones than this share of its requests.
    static let newConnectionsShareMax = 0.01
    /// Four system calls take longer than this: a process that used less did not serve the requests.
    static let credibleMicroseconds = 1.0
    static let settleMicroseconds: UInt32 = 200_000

    private let contest: Contest
    private let scenario: CPUScenario
    private let load: Load
    private let places: [Int]

    init(_ scenario: CPUScenario, _ contest: Contest) {
        self.contest = contest
        self.scenario = scenario
        var load = Load(
            connections: scenario.connections, seconds: contest.options.seconds,
            rivals: contest.options.rivals)
        load.bytes = scenario.bytes
        load.isSecure = scenario.isSecure
        self.load = load
        places = contest.contenders.indices.filter {
            !scenario.isSecure || contest.contenders[$0].securePort != nil
        }
    }

    /// Measures and prints; throws when a request failed or the proxies did not forward equal requests.
    func run() throws(BenchFault) {
        Bench.say(
            """

            # \(scenario.scenario.rawValue): one worker each, keep-alive on both sides, \(scenario.title), \
            \(scenario.connections) connections
            """)
        var direct = load
        direct.isSecure = false
        _ = try contest.backend.takeLedger()  // what the start and earlier scenarios have asked
        let alone = try direct.run(
            on: contest.stage, core: contest.machine.helpers, port: contest.backend.port,
            seconds: min(contest.options.seconds, Contest.warmUpSecondsMax))
        guard let expected = try contest.backend.takeLedger().heads.first else {
            throw BenchFault("the backend got no request")
        }
        Bench.say("backend alone, on the load's core: \((rate(alone) / 1000).text(places: 1)) k requests/s")
        for place in places {
            let seconds = min(contest.options.seconds, Contest.warmUpSecondsMax)
            _ = try measure(place, expected, seconds: seconds, isWarmUp: true)
        }
        var runs: [[Run]] = contest.contenders.map { _ in [] }
        for round in 1...contest.options.rounds {
            var line = "round \(round):"
            for place in places {
                let run = try measure(place, expected, seconds: contest.options.seconds)
                runs[place].append(run)
                line += "  \(contest.contenders[place].name) \(run.totalMicroseconds.text(places: 2)) µs"
            }
            Bench.say(line)
        }
        printResults(runs)
        for place in places { try contest.stage.expectRunning(contest.children[place]) }
    }

    private func measure(
        _ place: Int, _ expected: RequestHead, seconds: Int, isWarmUp: Bool = false
    ) throws(BenchFault) -> Run {
        let (contender, child) = (contest.contenders[place], contest.children[place])
        // What the last run left open ends before the ledger starts anew.
        usleep(CPUBench.settleMicroseconds)
        contest.stage.emptyAccessLogs()
        _ = try contest.backend.takeLedger()
        guard let before = CPUTime(of: child.pid) else { throw BenchFault("\(contender.name) has ended") }
        let busyBefore = contest.machine.busyMicroseconds()
        let port = scenario.isSecure ? contender.securePort ?? contender.port : contender.port
        let result: Load.Result
        do {
            result = try load.run(
                on: contest.stage, core: contest.machine.helpers, port: port, seconds: seconds)
        } catch {
            try contest.stage.expectRunning(child)
            throw BenchFault("\(contender.name): \(error)\n\(child.output)")
        }
        guard let after = CPUTime(of: child.pid) else {
            throw BenchFault("\(contender.name) has ended:\n\(child.output)")
        }
        let used = after.microseconds(since: before)
        let others = max(0, contest.machine.busyMicroseconds() - busyBefore - used.total)
        let ledger = try contest.backend.takeLedger()
        try check(contender, ledger, result, expected)
        if isWarmUp, scenario.scenario == .small, let head = ledger.heads.first {
            let added = head.added.isEmpty ? "nothing" : head.added.joined(separator: ", ")
            Bench.say("\(contender.name) forwards the load's request unchanged and adds: \(added)")
        }
        let requests = Double(result.requests)
        guard used.total / requests >= CPUBench.credibleMicroseconds else {
            throw BenchFault("\(contender.name): the process that was started is not the one that works")
        }
        return Run(
            load: result, userMicroseconds: used.user / requests, systemMicroseconds: used.system / requests,
            totalMicroseconds: used.total / requests, othersShare: others / (result.seconds * 1e6))
    }

    private func check(
        _ contender: Contender, _ ledger: Ledger, _ result: Load.Result, _ expected: RequestHead
    ) throws(BenchFault) {
        for head in ledger.heads where !head.asksTheSame(as: expected) {
            throw BenchFault(
                """
                \(contender.name) changes the request.
                sent:      \(expected.requestLine) | \(expected.fields.joined(separator: " | "))
                forwarded: \(head.requestLine) | \(head.fields.joined(separator: " | "))
                """)
        }
        guard ledger.served >= result.requests else {
            throw BenchFault(
                "\(contender.name): \(result.requests) answers, but only \(ledger.served) came from the backend"
            )
        }
        let newConnectionsMax =
            Double(2 * scenario.connections) + Double(ledger.served) * CPUBench.newConnectionsShareMax
        guard Double(ledger.accepted) <= newConnectionsMax else {
            throw BenchFault(
                "\(contender.name) does not keep its connections to the backend: "
                    + "\(ledger.accepted) new ones for \(ledger.served) requests")
        }
    }

    private func printResults(_ runs: [[Run]]) {
        var table = Table([
            "", "CPU µs/request", "user", "system", "requests/s", "p50 ms", "p99 ms",
        ])
        for place in places {
            let runs = runs[place]
            table.add([
                contest.contenders[place].name, spread(runs, 2) { $0.totalMicroseconds },
                median(runs) { $0.userMicroseconds },
                median(runs) { $0.systemMicroseconds }, spread(runs, 0) { rate($0.load) },
                spread(runs, 2) { $0.load.p50Milliseconds }, spread(runs, 2) { $0.load.p99Milliseconds },
            ])
        }
        Bench.say(
            "\nmedians (least…most) of \(contest.options.rounds) runs; CPU is the proxy's process alone")
        Bench.say(table.text)
        if scenario.scenario == .bulk {
            for place in places {
                let nanoseconds = runs[place].map { $0.totalMicroseconds * 1000 / Double(scenario.bytes) }
                let text = Spread(nanoseconds)?.text(places: 3) ?? "-"
                Bench.say("CPU for each byte: \(contest.contenders[place].name) \(text) ns")
            }
        }
        var ratios = Table(["ratios, round by round", "CPU", "requests/s", "p50", "p99"])
        for rival in places.dropFirst() {
            let pairs = zip(runs[0], runs[rival])
            ratios.add([
                "\(contest.contenders[0].name) / \(contest.contenders[rival].name)",
                ratio(pairs.map { $0.totalMicroseconds / $1.totalMicroseconds }),
                ratio(pairs.map { rate($0.load) / rate($1.load) }),
                ratio(pairs.map { $0.load.p50Milliseconds / $1.load.p50Milliseconds }),
                ratio(pairs.map { $0.load.p99Milliseconds / $1.load.p99Milliseconds }),
            ])
        }
        Bench.say("\n\(ratios.text)")
        for goal in scenario.goals {
            guard let rival = contest.place(of: goal.name),
                let cpu = Spread(
                    zip(runs[0], runs[rival]).map { $0.totalMicroseconds / $1.totalMicroseconds })
            else { continue }
            Goal.say("CPU beside \(goal.name)", cpu.median, atMost: goal.share, places: 2)
        }
        if let others = Spread(runs.flatMap { $0.map { $0.othersShare * 100 } }), others.most >= 5 {
            Bench.say(
                "note: other processes used \(others.text(places: 0)) % of the measured core; "
                    + "for numbers to keep, run on a quiet machine")
        }
    }

    private func rate(_ result: Load.Result) -> Double { Double(result.requests) / result.seconds }

    private func spread(_ runs: [Run], _ places: Int, _ value: (Run) -> Double) -> String {
        Spread(runs.map(value))?.text(places: places) ?? "-"
    }

    private func median(_ runs: [Run], _ value: (Run) -> Double) -> String {
        Spread(runs.map(value))?.median.text(places: 2) ?? "-"
    }

    private func ratio(_ values: [Double]) -> String { Spread(values)?.text(places: 2) ?? "-" }
}
