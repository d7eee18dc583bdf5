import Glibc

/// Troop's proxy, HAProxy and nginx in turn, before the same backend and under the same load.
struct ProxyBench {
    /// One run of one proxy.
    private struct Run {
        let load: Load.Result
        /// CPU time of the proxy's process for each request.
        let userMicroseconds: Double
        let systemMicroseconds: Double
        let totalMicroseconds: Double
        /// The share of the measured core that somebody else used.
        let othersShare: Double
    }

    /// The goal for CPU time a request, as a share of HAProxy's.
    static let goal = 0.85
    static let warmUpSecondsMax = 2
    /// A proxy that keeps its connections opens fewer new ones than this share of its requests.
    static let newConnectionsShareMax = 0.01
    /// Four system calls take longer than this: a process that used less did not serve the requests.
    static let credibleMicroseconds = 1.0
    static let settleMicroseconds: UInt32 = 200_000

    private let options: ProxyOptions
    private let stage: Stage
    private let machine: Machine
    private let load: Load

    init(_ options: ProxyOptions, stage: Stage, machine: Machine) {
        (self.options, self.stage, self.machine) = (options, stage, machine)
        load = Load(connections: options.connections, seconds: options.seconds, rivals: options.rivals)
    }

    /// Measures and prints; throws when a request failed or the proxies did not forward equal requests.
    func run() throws(BenchFault) {
        _ = try Contender.program("wrk")
        let backend = try startBackend()
        let contenders = try Contender.all(
            on: stage, core: machine.measured, backend: backend.port, programs: Bench.programs(),
            rivals: options.rivals)
        printPlan(contenders)
        let direct = try load.run(
            on: stage, core: machine.helpers, port: backend.port, seconds: min(options.seconds, 2))
        guard let expected = try backend.takeLedger().heads.first else {
            throw BenchFault("the backend got no request")
        }
        Bench.say(
            "backend alone, on the load's core: \((rate(direct) / 1000).text(places: 1)) k requests/s\n")

        let children = try start(contenders)
        for (contender, child) in zip(contenders, children) {
            let seconds = min(options.seconds, ProxyBench.warmUpSecondsMax)
            _ = try measure(contender, child, backend, expected, seconds: seconds, isWarmUp: true)
        }
        var runs: [[Run]] = contenders.map { _ in [] }
        for round in 1...options.rounds {
            var line = "round \(round):"
            for (index, (contender, child)) in zip(contenders, children).enumerated() {
                let run = try measure(contender, child, backend, expected, seconds: options.seconds)
                runs[index].append(run)
                line += "  \(contender.name) \(run.totalMicroseconds.text(places: 2)) µs"
            }
            Bench.say(line)
        }
        printResults(contenders, runs)
        for child in children { try stage.expectRunning(child) }
    }

    private func startBackend() throws(BenchFault) -> BackendLink {
        let link = BackendLink(port: try Loopback.freePort(), control: try Loopback.freePort())
        let words = [
            "\(Bench.programs())/bench-backend", "127.0.0.1:\(link.port)", "127.0.0.1:\(link.control)",
        ]
        let child = try stage.start("backend", words, on: machine.helpers)
        let isReady = try Loopback.wait(seconds: 5) { () throws(BenchFault) in
            try stage.expectRunning(child)
            return (try? link.takeLedger()) != nil
        }
        guard isReady else { throw BenchFault("the backend does not answer:\n\(child.output)") }
        return link
    }

    private func start(_ contenders: [Contender]) throws(BenchFault) -> [Child] {
        var children: [Child] = []
        for contender in contenders {
            let child = try stage.start(contender.name, contender.words, on: machine.measured)
            let isReady = try Loopback.wait(seconds: 10) { () throws(BenchFault) in
                try stage.expectRunning(child)
                return Loopback.status(of: "/", port: contender.port) == 200
            }
            guard isReady else {
                throw BenchFault(
                    "\(contender.name) does not answer 200 through the backend:\n\(child.output)")
            }
            children.append(child)
        }
        return children
    }

    private func measure(
        _ contender: Contender, _ child: Child, _ backend: BackendLink, _ expected: RequestHead, seconds: Int,
        isWarmUp: Bool = false
    ) throws(BenchFault) -> Run {
        // What the last run left open ends before the ledger starts anew.
        usleep(ProxyBench.settleMicroseconds)
        _ = try backend.takeLedger()
        guard let before = CPUTime(of: child.pid) else { throw BenchFault("\(contender.name) has ended") }
        let busyBefore = machine.busyMicroseconds()
        let result: Load.Result
        do {
            result = try load.run(on: stage, core: machine.helpers, port: contender.port, seconds: seconds)
        } catch {
            try stage.expectRunning(child)
            throw BenchFault("\(contender.name): \(error)\n\(child.output)")
        }
        guard let after = CPUTime(of: child.pid) else {
            throw BenchFault("\(contender.name) has ended:\n\(child.output)")
        }
        let used = after.microseconds(since: before)
        let others = max(0, machine.busyMicroseconds() - busyBefore - used.total)
        let ledger = try backend.takeLedger()
        try check(contender, ledger, result, expected)
        if isWarmUp, let head = ledger.heads.first {
            let added = head.added.isEmpty ? "nothing" : head.added.joined(separator: ", ")
            Bench.say("\(contender.name) forwards the load's request unchanged and adds: \(added)")
        }
        let requests = Double(result.requests)
        guard used.total / requests >= ProxyBench.credibleMicroseconds else {
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
            Double(2 * options.connections) + Double(ledger.served) * ProxyBench.newConnectionsShareMax
        guard Double(ledger.accepted) <= newConnectionsMax else {
            throw BenchFault(
                "\(contender.name) does not keep its connections to the backend: "
                    + "\(ledger.accepted) new ones for \(ledger.served) requests")
        }
    }

    private func printPlan(_ contenders: [Contender]) {
        Bench.say(
            """

            # proxy: one worker each, keep-alive on both sides, 128-byte body, \(options.connections) connections
            \(options.rounds) rounds of \(options.seconds) s for each proxy in turn, after a warm-up
            """)
        for contender in contenders {
            Bench.say("  \(contender.name): \(contender.version); access log: \(contender.accessLog)")
        }
    }

    private func printResults(_ contenders: [Contender], _ runs: [[Run]]) {
        var table = Table([
            "", "CPU µs/request", "user", "system", "requests/s", "p50 ms", "p99 ms",
        ])
        for (contender, runs) in zip(contenders, runs) {
            table.add([
                contender.name, spread(runs, 2) { $0.totalMicroseconds },
                median(runs) { $0.userMicroseconds },
                median(runs) { $0.systemMicroseconds }, spread(runs, 0) { rate($0.load) },
                spread(runs, 2) { $0.load.p50Milliseconds }, spread(runs, 2) { $0.load.p99Milliseconds },
            ])
        }
        Bench.say("\nmedians (least…most) of \(options.rounds) runs; CPU is the proxy's process alone")
        Bench.say(table.text)
        var ratios = Table(["ratios, round by round", "CPU", "requests/s", "p50", "p99"])
        for rival in 1..<contenders.count {
            let pairs = zip(runs[0], runs[rival])
            ratios.add([
                "\(contenders[0].name) / \(contenders[rival].name)",
                ratio(pairs.map { $0.totalMicroseconds / $1.totalMicroseconds }),
                ratio(pairs.map { rate($0.load) / rate($1.load) }),
                ratio(pairs.map { $0.load.p50Milliseconds / $1.load.p50Milliseconds }),
                ratio(pairs.map { $0.load.p99Milliseconds / $1.load.p99Milliseconds }),
            ])
        }
        Bench.say("\n\(ratios.text)")
        if let cpu = Spread(zip(runs[0], runs[1]).map { $0.totalMicroseconds / $1.totalMicroseconds }) {
            let verdict = cpu.median <= ProxyBench.goal ? "met" : "missed"
            Bench.say("goal: CPU at most \(ProxyBench.goal.text(places: 2)) of HAProxy's: \(verdict)")
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
