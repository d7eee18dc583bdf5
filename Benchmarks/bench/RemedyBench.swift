import ArgumentParser
import CLinux
import Glibc
import Linux
import Remediation

/// What the policies cost: a decision over many hosts, and the leader's engine when nothing happens.
struct RemedyBench {
    static let hosts = 10_000
    static let decisionMillisecondsMax = 20.0
    /// A thousandth of a core.
    static let idleMicrosecondsMax = 1000.0
    /// Looks that are measured, one for each second of the troop's time.
    static let looks = 120

    private let options: TickOptions
    private let stage: Stage
    private let machine: Machine

    init(_ options: TickOptions, stage: Stage, machine: Machine) {
        (self.options, self.stage, self.machine) = (options, stage, machine)
    }

    /// Measures and prints.
    func run() throws(BenchFault) {
        Bench.say("\n# remediation: a decision over \(RemedyBench.hosts) hosts, and an engine at rest")
        guard let spread = Spread(decisions()) else { return }
        Bench.say("  a decision takes \(spread.text(places: 2)) ms of CPU")
        Goal.say(
            "milliseconds of CPU for a decision over \(RemedyBench.hosts) hosts, the longest", spread.most,
            atMost: RemedyBench.decisionMillisecondsMax, places: 2)
        try idle()
    }

    /// The CPU time of this thread.
    private static func processorNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// The CPU time of each look in milliseconds: who serves where, both policies, and the guards over what they wish.
    private func decisions() -> [Double] {
        let servers = (0..<RemedyBench.hosts).map { number in
            FleetView.Server(
                address: "10.\(number >> 16).\(number >> 8 & 255).\(number & 255):3000",
                host: "host-\(number)")
        }
        var gift = GiftPolicy(GiftSettings())
        var doctor = DoctorPolicy(DoctorSettings())
        var times: [Double] = []
        for second in 0..<RemedyBench.looks {
            let now = Instant(nanoseconds: Int64(second + 1000) * 1_000_000_000)
            let hosts = (0..<RemedyBench.hosts).map { number in
                // One host in a thousand is ill, the others are between a tenth and nine tenths busy.
                FleetView.Host(
                    name: "host-\(number)", seq: "\(second)", isFresh: true,
                    busy: number % 1000 == 7 ? 0.99 : 0.1 + Double(number % 80) / 100,
                    server: servers[number].address)
            }
            let begin = RemedyBench.processorNanoseconds()
            let view = FleetView(hosts: hosts, servers: servers, leader: "host-0")
            let gifts = gift.look(at: view, now: now)
            let thought = doctor.look(at: view, fleetIsHot: gifts.isHot, now: now)
            var context = GuardContext()
            context.reports = .init(hosts: view.hosts.count, fresh: view.hosts.count { $0.isFresh })
            context.servers = view.servers.count
            context.activeServers = view.servers.count { $0.state == .active }
            context.healthyServers = view.servers.count { $0.isHealthy == true }
            let wishes = (gifts.wish.map { [$0] } ?? []) + thought.wishes
            let objections = wishes.count { Guard.objection(to: $0, in: context) != nil }
            times.append(Double(RemedyBench.processorNanoseconds() - begin) / 1e6)
            if objections > wishes.count { break }  // keeps the work alive
        }
        return times
    }

    /// What the leader's looks take a second, from its own metrics.
    private func idle() throws(BenchFault) {
        let agents = try TickBench(options, stage: stage, machine: machine).raise().agents
        guard let leader = agents.first(where: \.leads) else { throw BenchFault("no agent leads") }
        let before = try looks(of: leader)
        let start = Instant.now()
        sleep(UInt32(options.tickSeconds))
        let after = try looks(of: leader)
        let seconds = Double(Instant.now().milliseconds(since: start)) / 1000
        guard after.count > before.count else { throw BenchFault("the leader's policies do not look") }
        Goal.say(
            "microseconds a second that the engine at rest takes, its waiting for Redis included",
            (after.seconds - before.seconds) * 1e6 / seconds, atMost: RemedyBench.idleMicrosecondsMax,
            places: 0)
    }

    private func looks(of agent: TickBench.Agent) throws(BenchFault) -> (count: Double, seconds: Double) {
        let answer = Loopback.exchange(
            "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", port: agent.api)
        let text = String(decoding: answer ?? [], as: UTF8.self)
        func number(_ name: String) -> Double? {
            text.firstRange(of: "\n\(name) ").flatMap { found in
                Double(text[found.upperBound...].prefix { !$0.isNewline })
            }
        }
        guard let count = number("troop_policy_looks_total"),
            let seconds = number("troop_policy_look_seconds_total")
        else { throw BenchFault("agent \(agent.name) does not tell what its policies cost") }
        return (count, seconds)
    }
}

struct RemedyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remediation",
        abstract: "What decisions about 10,000 hosts cost, and the engine at rest.")
    @OptionGroup var options: TickOptions
    @OptionGroup var goals: GoalOptions

    func run() throws {
        try Bench.onStage { try RemedyBench(options, stage: $0, machine: $1).run() }
        try goals.hold()
    }
}
