import Glibc
import Linux

/// A troop under load to which something happens every few seconds, for a long time: nothing may grow, and no request may fail
/// without a reason that the documentation names.
struct Soak {
    /// What is done, in turn; the whole round happens at least twice in each soak.
    private static let round: [Disturbance] = [
        .flag, .serverComes, .switchover, .serverDrains, .flag, .serverGoes, .storeRestart, .kill,
    ]
    static let clients = 8
    static let requestsPerSecond = 400
    /// The least time from one disturbance to the next, in seconds.
    static let pauseSecondsMin = 3.0
    static let pauseSecondsMax = 20.0
    /// How long Redis stays away, in milliseconds.
    private static let storeGoneMilliseconds: UInt32 = 1500
    /// Unexplained failures that are printed.
    private static let shownMax = 10

    private let seconds: Double
    private let stage: Stage
    private let troop: SoakTroop
    private let clients: SoakClients
    private let start = Instant.now()
    private var blame = Blame()
    private var growths: [String: Growth] = [:]
    private var done: [Disturbance: Int] = [:]
    private var faults: [String] = []
    private var flagValue = 0

    /// Raises the troop and its clients.
    init(seconds: Double, program: String, stage: Stage) throws {
        self.seconds = seconds
        self.stage = stage
        troop = try SoakTroop(program: program, stage: stage)
        clients = try SoakClients(
            port: troop.proxyPort, clients: Soak.clients, requestsPerSecond: Soak.requestsPerSecond)
    }

    /// Soaks and prints; false when something grew, failed or did not happen in time.
    mutating func run() throws -> Bool {
        defer { clients.stop() }
        // Two rounds at least, however short the soak is.
        let pause = min(
            Soak.pauseSecondsMax,
            max(Soak.pauseSecondsMin, seconds / Double(2 * Soak.round.count + 1)))
        var turn = 0
        while elapsed < seconds {
            let next = elapsed + pause
            while elapsed < min(next, seconds) {
                usleep(500_000)
                look()
            }
            guard elapsed < seconds else { break }
            let kind = Soak.round[turn % Soak.round.count]
            try disturb(kind)
            done[kind, default: 0] += 1
            turn += 1
            if turn.isMultiple(of: Soak.round.count) { sayProgress() }
        }
        look()
        return report()
    }

    private var elapsed: Double { Double(Instant.now().milliseconds(since: start)) / 1000 }

    private mutating func look() {
        for failure in clients.takeFailures() { blame.judge(failure) }
        let processes = troop.agents.map { ("agent \($0.name)", $0.child.pid) } + [("redis", troop.redis.pid)]
        for (name, pid) in processes {
            guard let gauge = Gauge(of: pid) else { continue }
            growths[name, default: Growth(name)].note(gauge, at: elapsed)
        }
    }

    private mutating func disturb(_ kind: Disturbance) throws {
        guard let leader = troop.leader else { throw BenchFault("nobody leads before: \(kind.rawValue)") }
        let guest = "127.0.0.1:\(troop.guest)"
        blame.note(kind, at: .now())
        switch kind {
        case .flag: try changeFlag(asking: leader)
        case .serverComes: try troop.command(leader, ["servers", "add", guest])
        case .serverDrains: try troop.command(leader, ["servers", "add", guest, "--state", "draining"])
        case .serverGoes: try troop.command(leader, ["servers", "remove", guest])
        case .switchover:
            let next = SoakTroop.names[(leader + 1) % SoakTroop.names.count]
            try troop.command(leader, ["switchover", "--to", next])
        case .storeRestart: try troop.restartRedis(afterMilliseconds: Soak.storeGoneMilliseconds)
        case .kill:
            troop.kill(leader)
            try troop.restart(leader)
        }
        try troop.awaitWhole(kind.rawValue)
    }

    private mutating func changeFlag(asking leader: Int) throws {
        flagValue += 1
        let definition = #"{"state":"ENABLED","variants":{"now":\#(flagValue)},"defaultVariant":"now"}"#
        let asked = Instant.now()
        try troop.command(leader, ["flags", "set", "soak", definition])
        let isSeen = try Loopback.wait(seconds: 5) { troop.allSay("soak", flagValue) }
        let took = Instant.now().milliseconds(since: asked)
        if !isSeen || took > SoakTroop.flagMilliseconds {
            faults.append("a flag's change was seen by all agents after \(took) ms only")
        }
    }

    private func sayProgress() {
        let counts = clients.counts
        Bench.say(
            "  \(Int(elapsed)) s: \(counts.requests) requests, \(blame.excused.values.reduce(0, +)) excused failures, "
                + "\(blame.unexplained.count) unexplained")
    }

    private func report() -> Bool {
        let counts = clients.counts
        Bench.say("\n\(what(counts).text)\n")
        var table = Table([
            "process", "memory MB", "at its end", "descriptors", "at its end", "threads", "at its end",
            "flat",
        ])
        var isFlat = true
        for (name, growth) in growths.sorted(by: { $0.key < $1.key }) {
            guard let before = growth.most(from: 0.25, to: 0.5), let after = growth.most(from: 0.75, to: 1)
            else {
                continue
            }
            let grown = growth.grown
            isFlat = isFlat && grown.isEmpty
            table.add([
                name, (Double(before.residentBytes) / 1e6).text(places: 1),
                (Double(after.residentBytes) / 1e6).text(places: 1), "\(before.descriptors)",
                "\(after.descriptors)", "\(before.threads)", "\(after.threads)",
                grown.isEmpty ? "yes" : grown.joined(separator: ", ") + " grew",
            ])
        }
        Bench.say(table.text)
        for failure in blame.unexplained.prefix(Soak.shownMax) {
            let at = failure.ended.milliseconds(since: start)
            Bench.say("unexplained, \(at) ms after the beginning: \(failure.what)")
        }
        for fault in faults { Bench.say("too late: \(fault)") }
        let missing = Soak.round.filter { done[$0] == nil }
        if !missing.isEmpty { Bench.say("the time did not suffice for: \(missing.map(\.rawValue))") }
        let isGood = isFlat && blame.unexplained.isEmpty && faults.isEmpty && missing.isEmpty
        Bench.say(isGood ? "soak: flat, and no unexplained failure" : "soak: FAILED")
        return isGood
    }

    private func what(_ counts: (requests: Int, again: Int, slowestMilliseconds: Int64)) -> Table {
        var table = Table(["what happened", "times", "failed requests", "last one after, ms"])
        for kind in Disturbance.allCases {
            table.add([
                kind.rawValue, "\(done[kind] ?? 0)", "\(blame.excused[kind] ?? 0)",
                blame.worstGap[kind].map { "\($0)" } ?? "-",
            ])
        }
        table.add(["no reason", "", "\(blame.unexplained.count)", "-"])
        table.add(["all requests", "", "\(counts.requests)", ""])
        table.add(["asked again on a fresh connection", "", "\(counts.again)", ""])
        table.add(["slowest good answer, ms", "", "\(counts.slowestMilliseconds)", ""])
        return table
    }
}
