import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// A troop of real processes whose every leader is recorded twice: by its agents, and by Redis.
final class FaultTroop {
    /// How long a leader's death may go unnoticed, the lease of one second and a loaded machine included.
    static let takeoverMilliseconds: Int64 = 1800
    /// The same where the death is proven at once.
    static let proofMilliseconds: Int64 = 400
    /// The quarantine of the default settings.
    static let quarantineMilliseconds: Int64 = 2000
    /// How long a troop may take to be whole again.
    static let recoveryMilliseconds: Int64 = 20_000

    /// How often each fault is repeated: FAULT_ROUNDS, or once.
    static var rounds: Range<Int> {
        0..<max(1, getenv("FAULT_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 1)
    }

    /// Some minutes for the troop itself, and two for each round.
    static var timeLimit: TimeLimitTrait.Duration { .minutes(8 + 2 * rounds.count) }

    let troop: Ensemble
    let recorder: StoreRecorder
    private var others: [StoreRecorder] = []
    private var freezes: [(host: String, at: Instant)] = []
    /// Redis's clock was stepped ahead at these times: for one time to live two may believe.
    var stepsAhead: [Instant] = []

    /// Three agents that are up. `lines` of `redis:` reach another store than the plain one; `settings` are further
    /// sections of the configuration, `host` further members of that section; `environment` gives an agent's variables.
    init(
        _ names: [String] = ["a", "b", "c"], redis: RedisServer? = nil, lines: String? = nil,
        wired: Bool = false,
        settings: String = "", host: String = "", environment: (String) -> [String] = { _ in [] }
    ) async throws {
        let store = redis.map { ($0, lines ?? "{url: \"redis://127.0.0.1:\($0.port)/0\"}") }
        troop = try Ensemble(names, election: settings, host: host, store: store, wired: wired)
        recorder = try StoreRecorder(troop.redis)
        for name in names { try troop.startAgent(name, environment: environment(name)) }
        let isUp = await eventually(within: FaultTroop.recoveryMilliseconds) { [troop] in
            troop.isUp(servers: names.count)
        }
        try #require(isUp, "\(troop.logs)")
    }

    /// Records what leaders do in another store, too.
    func record(_ server: RedisServer) throws { others.append(try StoreRecorder(server)) }

    /// Who leads, as soon as somebody does.
    func leader() async throws -> String {
        var leader: String?
        _ = await eventually(within: FaultTroop.recoveryMilliseconds) {
            leader = troop.status()?.leader?.host
            return leader != nil
        }
        return try #require(leader, "\(troop.logs)")
    }

    /// The reign that lasts.
    func reign() async throws -> Reign {
        let leader = try await leader()
        return try #require(
            troop.reigns().filter { $0.host == leader && $0.until == nil }.max { $0.from < $1.from },
            "\(troop.logs)")
    }

    /// The first reign that began after an instant.
    func next(after instant: Instant) async throws -> Reign {
        var found: Reign?
        _ = await eventually(within: FaultTroop.recoveryMilliseconds) {
            found = troop.reigns().filter { $0.from > instant }.min { $0.from < $1.from }
            return found != nil
        }
        return try #require(found, "\(troop.logs)")
    }

    /// Waits until every agent names the same leader, and every server is healthy.
    @discardableResult
    func recover(sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
        var leader = ""
        let isWhole = await eventually(within: FaultTroop.recoveryMilliseconds) {
            leader = troop.status()?.leader?.host ?? ""
            return !leader.isEmpty && troop.isWhole(leader: leader)
        }
        try #require(isWhole, "\(troop.logs)", sourceLocation: sourceLocation)
        return leader
    }

    /// Waits until all the others watch the leader's door.
    func isWatched(_ leader: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let port = try troop.member(leader).doorPort
        let isWatched = await eventually { Connections.count(to: port) == troop.members.count - 1 }
        try #require(isWatched, "\(troop.logs)", sourceLocation: sourceLocation)
    }

    /// Stops an agent's process with SIGSTOP.
    func freeze(_ name: String) throws -> Instant {
        let at = Instant.now()
        try troop.agent(name).signal(SIGSTOP)
        freezes.append((name, at))
        return at
    }

    /// Lets time pass in which nothing should happen, as long as it does not.
    func watch(milliseconds: Int64, _ holds: () -> Bool) async -> Bool {
        let end = Instant.now().advanced(milliseconds: milliseconds)
        return await !eventually(within: milliseconds) { !holds() && Instant.now() < end }
    }

    /// Ends the record and holds it against the invariants: never two leaders, rising epochs, and effects in their order,
    /// in each store.
    func judge(sourceLocation: SourceLocation = #_sourceLocation) {
        for recorder in [recorder] + others { recorder.stop() }
        // A process that is stopped may believe, and can do nothing: its reign ends there.
        let reigns = troop.reigns().map { reign in
            let freeze = freezes.first { $0.host == reign.host && $0.at > reign.from }?.at
            let until = [reign.until, freeze].compactMap { $0 }.min()
            return Reign(host: reign.host, epoch: reign.epoch, from: reign.from, until: until)
        }.sorted { $0.from < $1.from }
        for (earlier, later) in zip(reigns, reigns.dropFirst()) {
            let isExcused = stepsAhead.contains {
                later.from > $0 && later.from.milliseconds(since: $0) < FaultTroop.quarantineMilliseconds
            }
            if !isExcused {
                #expect(
                    earlier.until.map { $0 <= later.from } ?? false, "two leaders at once: \(reigns)",
                    sourceLocation: sourceLocation)
                // Of two who believe, the first may hear of it last.
                #expect(
                    earlier.epoch <= later.epoch, "epochs fall: \(reigns)", sourceLocation: sourceLocation)
            }
            if earlier.epoch == later.epoch {
                #expect(
                    earlier.host == later.host, "one epoch, two hosts: \(reigns)",
                    sourceLocation: sourceLocation)
            }
        }
        #expect(!recorder.effects.isEmpty, sourceLocation: sourceLocation)
        for recorder in [recorder] + others {
            let effects = recorder.effects
            for (earlier, later) in zip(effects, effects.dropFirst()) {
                #expect(
                    earlier.epoch <= later.epoch, "Redis took \(later) after \(earlier)",
                    sourceLocation: sourceLocation)
            }
        }
    }
}
