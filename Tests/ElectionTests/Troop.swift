import Election
import Linux

/// A seeded troop: several cores, a model of the store, and a network that loses and delays messages, in virtual time.
struct Troop {
    private enum Event {
        case wake(agent: Int, generation: Int)
        case arrive(agent: Int, run: Int, number: Int, LeaseAsk, sent: Instant)
        case reply(agent: Int, run: Int, number: Int, LeaseAnswer, sent: Instant)
        case timeout(agent: Int, run: Int, number: Int)
        case hint(agent: Int)
        case fault
    }

    private struct Agent {
        var settings: ElectionSettings
        var core: LeaseCore
        var run = 0
        var number = 0
        var generation = 0
        var awaits: Int?
        var pausedUntil: Instant?
    }

    struct Outcome {
        var violation: String?
        var elections = 0
        var steals = 0
        var reinstated = 0
        var leadersAtEnd = 0
    }

    private var random: SeededGenerator
    private var now = Instant(nanoseconds: 1_000_000_000)
    private var events: [(at: Instant, event: Event)] = []
    private var agents: [Agent] = []
    private var store = StoreModel()
    private var storePausedUntil: Instant?
    private var lastEpoch: Int64 = 0
    private var isCalm = false
    private var outcome = Outcome()

    init(agents count: Int, seed: UInt64, hasQuarantine: Bool = true) throws {
        random = SeededGenerator(seed)
        store.hasQuarantine = hasQuarantine
        for index in 0..<count { agents.append(try Troop.agent(index, run: 0, seed: random.next())) }
        for index in 0..<count { schedule(.wake(agent: index, generation: 0), in: Int64(index)) }
        schedule(.fault, in: 100)
    }

    private static func agent(_ index: Int, run: Int, seed: UInt64) throws -> Agent {
        let settings = try ElectionSettings(host: "h\(index)", nonce: "n\(run)", priority: index * 30 % 101)
        return Agent(settings: settings, core: LeaseCore(settings, highestEpochSeen: 0, seed: seed), run: run)
    }

    /// Runs with faults, then without, and says what was broken first.
    mutating func run(milliseconds: Int64, calmMilliseconds: Int64 = 8000) throws -> Outcome {
        let calmFrom = now.advanced(milliseconds: milliseconds)
        let end = calmFrom.advanced(milliseconds: calmMilliseconds)
        while let index = events.indices.min(by: { events[$0].at < events[$1].at }), outcome.violation == nil
        {
            let (at, event) = events.swapAt(index)
            if at >= end { break }
            now = max(now, at)
            if at >= calmFrom { isCalm = true }
            try take(event)
            check()
        }
        now = max(now, end)
        outcome.leadersAtEnd = leaders.count
        return outcome
    }

    private var leaders: [Lease] { agents.compactMap { $0.core.standing.lease(at: now) } }

    private mutating func check() {
        if leaders.count > 1 { outcome.violation = "two leaders at \(now.nanoseconds): \(leaders)" }
    }

    private mutating func schedule(_ event: Event, in milliseconds: Int64) {
        // Within a millisecond the order is random too.
        let extra = Int64(random.next() % 1_000_000)
        let at = now.advanced(milliseconds: max(milliseconds, 0))
        events.append((Instant(nanoseconds: at.nanoseconds + extra), event))
    }

    private mutating func take(_ event: Event) throws {
        switch event {
        case .wake(let index, let generation):
            guard agents[index].generation == generation, !postpone(event, index) else { return }
            step(index, .wake)
        case .hint(let index):
            guard !postpone(event, index) else { return }
            step(index, .hint)
        case .arrive(let index, let run, let number, let ask, let sent):
            arrive(event, index, run, number, ask, sent)
        case .reply(let index, let run, let number, let answer, let sent):
            guard agents[index].run == run, agents[index].awaits == number, !postpone(event, index) else {
                return
            }
            agents[index].awaits = nil
            step(index, .answered(answer, sent: sent))
        case .timeout(let index, let run, let number):
            guard agents[index].run == run, agents[index].awaits == number, !postpone(event, index) else {
                return
            }
            agents[index].awaits = nil
            step(index, .failed(StoreFailure(.timeout, "no answer")))
        case .fault:
            if isCalm { return }
            try fault()
            schedule(.fault, in: random.within(20...1500))
        }
    }

    private mutating func arrive(
        _ event: Event, _ index: Int, _ run: Int, _ number: Int, _ ask: LeaseAsk, _ sent: Instant
    ) {
        if let until = storePausedUntil, until > now {
            schedule(event, in: until.milliseconds(since: now))
            return
        }
        // A process that has died may have a message under way.
        guard let settings = try? ElectionSettings(host: "h\(index)", nonce: "n\(run)") else { return }
        let answer = store.answer(ask, of: settings, at: now)
        switch answer {
        case .acquired(let lease, _, _, _):
            outcome.elections += 1
            if case .acquire(_, let reason, _, _) = ask, reason.hasSuffix("died") { outcome.steals += 1 }
            if lease.epoch <= lastEpoch { outcome.violation = "epoch \(lease.epoch) after \(lastEpoch)" }
            lastEpoch = max(lastEpoch, lease.epoch)
            hintAll()
        case .released(true): hintAll()
        case .reinstated:
            outcome.reinstated += 1
            hintAll()
        case .released, .held, .foreign, .quarantined, .reserved, .absent, .renewed, .lost, .lostToForeign,
            .unintelligible:
            break
        }
        if !isCalm, random.chance(5) { return }  // the answer is lost
        schedule(.reply(agent: index, run: run, number: number, answer, sent: sent), in: delay())
    }

    private mutating func hintAll() {
        for index in agents.indices where isCalm || !random.chance(30) {
            schedule(.hint(agent: index), in: delay())
        }
    }

    private mutating func step(_ index: Int, _ event: LeaseCore.Event) {
        for action in agents[index].core.handle(event, at: now) {
            guard case .ask(let ask) = action else { continue }
            if case .renew(_, let before) = ask, before <= now {
                outcome.violation = "renewal asked too late"
            }
            agents[index].number += 1
            let (run, number) = (agents[index].run, agents[index].number)
            agents[index].awaits = number
            schedule(.timeout(agent: index, run: run, number: number), in: 200)
            if !isCalm, random.chance(5) { continue }  // lost
            schedule(.arrive(agent: index, run: run, number: number, ask, sent: now), in: delay())
        }
        agents[index].generation += 1
        guard let wake = agents[index].core.wakeAt else { return }
        let next = Event.wake(agent: index, generation: agents[index].generation)
        schedule(next, in: wake.milliseconds(since: now))
    }

    private mutating func postpone(_ event: Event, _ index: Int) -> Bool {
        guard let until = agents[index].pausedUntil, until > now else { return false }
        schedule(event, in: until.milliseconds(since: now))
        return true
    }

    /// Mostly quick, at times slow, seldom so late that nobody waits for it any more.
    private mutating func delay() -> Int64 {
        if isCalm { return random.within(0...2) }
        if random.chance(3) { return random.within(200...4000) }
        return random.chance(15) ? random.within(20...190) : random.within(0...4)
    }

    private mutating func fault() throws {
        let index = Int(random.next() % UInt64(agents.count))
        switch random.within(0...9) {
        case 0, 1: store.wipe()
        case 2: store.restart(losingLease: random.chance(50))
        case 3: storePausedUntil = now.advanced(milliseconds: random.within(50...3000))
        case 4, 5: agents[index].pausedUntil = now.advanced(milliseconds: random.within(50...3000))
        case 6:
            step(
                index,
                .handOver(to: random.chance(50) ? "h\(agents.count - 1 - index)" : nil, reason: "asked"))
        case 7: step(index, .resign(reason: "SIGTERM"))
        case 8: try crash(index)
        default: step(index, .pause(random.chance(30)))
        }
    }

    /// The process dies and comes back as another run, without its memory; the others may have proof of the death.
    private mutating func crash(_ index: Int) throws {
        let standing = agents[index].core.standing
        agents[index] = try Troop.agent(index, run: agents[index].run + 1, seed: random.next())
        schedule(.wake(agent: index, generation: 0), in: random.within(0...500))
        guard case .leader(let lease, _) = standing else { return }
        for other in agents.indices where other != index && random.chance(50) {
            step(other, .holderDied(lease))
        }
    }

    /// After the faults, whoever resigned or is paused comes back.
    mutating func recover() throws {
        for index in agents.indices {
            agents[index] = try Troop.agent(index, run: agents[index].run + 1, seed: random.next())
            schedule(.wake(agent: index, generation: 0), in: 0)
        }
        isCalm = true
    }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    mutating func within(_ range: ClosedRange<Int64>) -> Int64 { .random(in: range, using: &self) }

    mutating func chance(_ percent: Int64) -> Bool { within(0...99) < percent }
}

extension Array {
    fileprivate mutating func swapAt(_ index: Int) -> Element {
        swapAt(index, count - 1)
        return removeLast()
    }
}
