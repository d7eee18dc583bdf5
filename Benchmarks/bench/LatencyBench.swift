import Glibc

/// How long answers take below the limit: all contenders at one rate, 70 % of the most that HAProxy manages here.
struct LatencyBench {
    static let share = 0.7
    static let probeSeconds = 3
    /// How far the rate may be from what was aimed at.
    static let tolerance = 0.05
    static let corrections = 4

    private let contest: Contest

    init(_ contest: Contest) { self.contest = contest }

    /// Measures and prints; throws when a request failed.
    func run() throws(BenchFault) {
        let options = contest.options
        guard let rival = contest.place(of: "haproxy") else { return }
        var load = Load(
            connections: options.connections, seconds: LatencyBench.probeSeconds, rivals: options.rivals)
        let most = rate(try run(load, rival))
        let wanted = most * LatencyBench.share
        // Each connection's round is its pause and the answer's time: the former is found by trying.
        var pause = Double(options.connections) * 1000 / wanted - 0.2
        for _ in 0..<LatencyBench.corrections {
            load.pause = max(0.05, pause)
            let got = rate(try run(load, rival))
            if abs(got / wanted - 1) <= LatencyBench.tolerance { break }
            pause += Double(options.connections) * 1000 * (1 / wanted - 1 / got)
        }
        Bench.say(
            """

            # latency: \(options.connections) connections at \(wanted.text(places: 0)) requests/s, \
            70 % of HAProxy's \(most.text(places: 0)); 128-byte bodies
            """)
        load = Load(connections: options.connections, seconds: options.seconds, rivals: options.rivals)
        load.pause = max(0.05, pause)
        var runs: [[Load.Result]] = contest.contenders.map { _ in [] }
        for _ in 0..<options.rounds {
            for place in contest.contenders.indices { runs[place].append(try run(load, place)) }
        }
        var table = Table(["", "requests/s", "p50 ms", "p99 ms"])
        for (contender, runs) in zip(contest.contenders, runs) {
            table.add([
                contender.name, Spread(runs.map(rate))?.text(places: 0) ?? "-",
                Spread(runs.map(\.p50Milliseconds))?.text(places: 2) ?? "-",
                Spread(runs.map(\.p99Milliseconds))?.text(places: 2) ?? "-",
            ])
        }
        Bench.say(table.text)
        if let ratio = Spread(zip(runs[0], runs[rival]).map { $0.p99Milliseconds / $1.p99Milliseconds }) {
            Goal.say("p99 beside haproxy", ratio.median, atMost: 1, places: 2)
        }
    }

    private func run(_ load: Load, _ place: Int) throws(BenchFault) -> Load.Result {
        try load.run(
            on: contest.stage, core: contest.machine.helpers, port: contest.contenders[place].port)
    }

    private func rate(_ result: Load.Result) -> Double { Double(result.requests) / result.seconds }
}
