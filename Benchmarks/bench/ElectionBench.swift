import Fixtures
import Glibc
import Linux

/// How long a troop is without a leader, for each way in which it loses one, and what the election costs while nothing
/// happens. Each agent has an address of its own; the lease lives for one second.
struct ElectionBench {
    /// A way to lose a leader, and how long the gap may be in milliseconds.
    private enum Blow: CaseIterable {
        case release, killed, killedWithoutDoors, stopped, cut

        var name: String {
            switch self {
            case .release: "release (SIGTERM)"
            case .killed: "kill -9"
            case .killedWithoutDoors: "kill -9, no fast path"
            case .stopped: "SIGSTOP"
            case .cut: "cable to Redis cut"
            }
        }

        var goalMilliseconds: Double {
            switch self {
            case .release: 10
            case .killed: 50
            case .killedWithoutDoors: 1100
            case .stopped, .cut: 1200
            }
        }
    }

    private static let firstAnswerGoalMilliseconds = 150.0
    private static let standbyCommandsGoal = 6.0
    private static let leaderCommandsGoal = 15.0
    private static let cpuGoalPercent = 0.1
    private static let patienceMilliseconds: Int64 = 10_000
    private static let restSeconds: UInt32 = 10

    private let options: ElectionOptions
    private let stage: Stage
    private let machine: Machine

    init(_ options: ElectionOptions, stage: Stage, machine: Machine) {
        (self.options, self.stage, self.machine) = (options, stage, machine)
    }

    /// Measures and prints.
    func run() throws {
        let troop = options.troop ?? "\(Bench.programs())/troop"
        guard access(troop, X_OK) == 0 else {
            throw BenchFault("there is no program \(troop); use --troop PATH")
        }
        Bench.say("\n# election: three agents, TTL 1 s, \(options.strikes) times each; milliseconds")
        var table = Table(["leaderless after", "median", "max", "goal", "verdict"])
        var answers: [Double] = []
        let doors = try ElectionTroop("doors", hasDoors: true, troop: troop, stage: stage)
        for blow in Blow.allCases where blow != .killedWithoutDoors {
            let gaps = try (0..<options.strikes).map { _ in try strike(blow, doors, &answers) }
            add(gaps, blow.name, goal: blow.goalMilliseconds, to: &table)
        }
        doors.end()
        let bare = try ElectionTroop("bare", hasDoors: false, troop: troop, stage: stage)
        var late: [Double] = []
        let gaps = try (0..<options.strikes).map { _ in try strike(.killedWithoutDoors, bare, &late) }
        add(gaps, Blow.killedWithoutDoors.name, goal: Blow.killedWithoutDoors.goalMilliseconds, to: &table)
        bare.end()
        add(
            answers, "kill -9, first good answer", goal: ElectionBench.firstAnswerGoalMilliseconds, to: &table
        )
        Bench.say(table.text)
        try measureRest(troop)
    }

    private func add(_ values: [Double], _ name: String, goal: Double, to table: inout Table) {
        guard let spread = Spread(values) else { return }
        let byMedian = Goal.verdict(spread.median, atMost: goal)
        let verdict = spread.most > goal && spread.median <= goal ? "met by the median" : byMedian
        table.add([
            name, spread.median.text(places: 1), spread.most.text(places: 1), goal.text(places: 0), verdict,
        ])
    }

    /// Strikes the leader and answers with the gap in milliseconds, from the blow (a release: from its end as leader).
    private func strike(_ blow: Blow, _ troop: ElectionTroop, _ answers: inout [Double]) throws -> Double {
        try troop.awaitWhole()
        guard let old = troop.leader else { throw BenchFault("nobody leads") }
        let agent = troop.agents[old]
        var struck = Instant.now()
        switch blow {
        case .release: kill(agent.child.pid, SIGTERM)
        case .killed, .killedWithoutDoors: kill(agent.child.pid, SIGKILL)
        case .stopped: kill(agent.child.pid, SIGSTOP)
        case .cut: agent.wire.cut()
        }
        if blow == .killed || blow == .killedWithoutDoors {
            answers.append(try firstAnswer(troop, old, struck))
        }
        let end = struck.advanced(milliseconds: ElectionBench.patienceMilliseconds)
        while troop.reignBegan(after: struck, not: old) == nil, Instant.now() < end { usleep(5000) }
        guard let began = troop.reignBegan(after: struck, not: old) else {
            throw BenchFault("nobody leads after \(blow.name)")
        }
        // The first one: later it follows its successor.
        if blow == .release,
            let ended = agent.child.changes.first(where: { $0.kind == "following" && $0.at > struck })?.at
        {
            struck = ended
        }
        try mend(blow, troop, old)
        return Double(began.nanoseconds - struck.nanoseconds) / 1e6
    }

    private func firstAnswer(_ troop: ElectionTroop, _ old: Int, _ struck: Instant) throws -> Double {
        let end = struck.advanced(milliseconds: ElectionBench.patienceMilliseconds)
        while Instant.now() < end {
            for index in troop.agents.indices where index != old && troop.answers(index) {
                return Double(Instant.now().nanoseconds - struck.nanoseconds) / 1e6
            }
            usleep(500)
        }
        throw BenchFault("no proxy answers any more")
    }

    private func mend(_ blow: Blow, _ troop: ElectionTroop, _ old: Int) throws {
        let agent = troop.agents[old]
        switch blow {
        case .release:
            try stage.awaitEnd(of: agent.child, withinSeconds: 30)
            try troop.restart(old)
        case .killed, .killedWithoutDoors:
            try stage.awaitEnd(of: agent.child, withinSeconds: 10, mayFail: true)
            try troop.restart(old)
        case .stopped: kill(agent.child.pid, SIGCONT)
        case .cut: agent.wire.mend()
        }
    }

    /// Commands a second and CPU time while nothing happens: a leader alone, then with two standbys.
    private func measureRest(_ troop: String) throws {
        let alone = try ElectionTroop("alone", hasDoors: true, count: 1, troop: troop, stage: stage)
        let (leaderCommands, _) = try rest(alone)
        alone.end()
        let three = try ElectionTroop("three", hasDoors: true, troop: troop, stage: stage)
        let (allCommands, shares) = try rest(three)
        three.end()
        let standbyCommands = (allCommands - leaderCommands) / 2
        var table = Table(["at rest", "measured", "goal", "verdict"])
        func add(_ name: String, _ value: Double, _ goal: Double, places: Int, _ unit: String) {
            table.add([
                name, "\(value.text(places: places))\(unit)", "\(goal.text(places: places))\(unit)",
                Goal.verdict(value, atMost: goal),
            ])
        }
        add("Redis commands, leader", leaderCommands, ElectionBench.leaderCommandsGoal, places: 1, "/s")
        add("Redis commands, standby", standbyCommands, ElectionBench.standbyCommandsGoal, places: 1, "/s")
        add("CPU of the election, leader", shares.leader, ElectionBench.cpuGoalPercent, places: 3, " %")
        add("CPU of the election, standby", shares.standby, ElectionBench.cpuGoalPercent, places: 3, " %")
        Bench.say(table.text)
    }

    private func rest(_ troop: ElectionTroop) throws -> (
        commands: Double, shares: (leader: Double, standby: Double)
    ) {
        try troop.awaitWhole()
        sleep(3)
        guard let leader = troop.leader else { throw BenchFault("nobody leads") }
        let before = troop.agents.map { CPUTime(of: $0.child.pid) }
        let begun = Instant.now()
        let commands = clientCommands(troop.redisPort, seconds: ElectionBench.restSeconds)
        let seconds = Double(Instant.now().milliseconds(since: begun)) / 1000
        var leading = 0.0
        var standing = 0.0
        for (index, agent) in troop.agents.enumerated() {
            guard let earlier = before[index], let now = CPUTime(of: agent.child.pid) else { continue }
            let elector = now.threadMicroseconds(since: earlier).filter { $0.name == "troop-elector" }
            let share = elector.reduce(0) { $0 + $1.microseconds } / seconds / 1e6 * 100
            if index == leader { leading = share } else { standing = max(standing, share) }
        }
        return (Double(commands) / seconds, (leading, standing))
    }

    /// The commands that clients send to Redis, those within scripts not counted.
    private func clientCommands(_ port: UInt16, seconds: UInt32) -> Int {
        let link = Descriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0))
        guard let target = try? SocketAddress("127.0.0.1:\(port)"),
            target.withSockaddr({ connect(link.raw, $0, $1) }) == 0
        else { return 0 }
        let word = Array("MONITOR\r\n".utf8)
        _ = send(link.raw, word, word.count, Int32(MSG_NOSIGNAL))
        var limit = timeval(tv_sec: 0, tv_usec: 100_000)
        setsockopt(link.raw, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let end = Instant.now().advanced(milliseconds: Int64(seconds) * 1000)
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while Instant.now() < end {
            let count = recv(link.raw, &piece, piece.count, 0)
            if count > 0 { text += piece[..<count] }
        }
        return String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline)
            .filter { $0.hasPrefix("+1") && !$0.contains(" lua] ") }.count
    }
}
