import Election
import Fixtures
import Linux
import Peer
import Store

/// A whole troop in one value: the shipping cores, a model of Redis (alone, or a master with a replica under Sentinel), the
/// network between them, the machines' clocks, and the effects of leaders on hosts and at a cloud. Everything that
/// happens follows from the seed.
///
/// Times are true nanoseconds since the world began; each machine sees them through a clock of its own.
package struct World {
    enum Event {
        case wake(agent: Int, generation: Int)
        case ask(agent: Int, run: Int, number: Int, node: Int, LeaseAsk, sent: Instant)
        case reply(agent: Int, run: Int, number: Int, StoreResult, LeaseAsk, sent: Instant)
        case timeout(agent: Int, run: Int, number: Int)
        case heard(agent: Int, String)
        case restart(agent: Int, run: Int)
        case door(DoorEvent)
        case effect(EffectEvent)
        case list(ListEvent)
        case store(StoreEvent)
        case course(CourseEvent)
    }

    /// What becomes of the doors and of the connections to them.
    enum DoorEvent {
        case wake(agent: Int, generation: Int)
        case knock(agent: Int, call: Int, door: Int)
        case said(agent: Int, call: Int, HolderWatch.Event)
    }

    /// What leaders do.
    enum EffectEvent {
        case act(agent: Int, run: Int)
        case write(Write)
        case written(agent: Int, run: Int, Write)
        case launch(id: String, window: Int64)
        case order(host: Int, HostOrder)
    }

    /// What happens to the store.
    enum StoreEvent {
        case replicate
        case persist
        case promote(Int)
        case demote(Int)
    }

    /// War and peace in turns.
    enum CourseEvent {
        case fault
        case thaw(agent: Int)
        case peace
        case judge
        case war
    }

    enum StoreResult {
        case reply(Reply)
        case failure(StoreFailure)
    }

    static let millisecond: Int64 = 1_000_000
    static let keys = Keys(cluster: "sim")
    static let scriptKeys = ElectionScripts.keys(keys)
    /// How long the elector waits for an answer, in milliseconds.
    static let timeoutMilliseconds: Int64 = 200

    let hasSentinel: Bool
    let broken: Break?
    let isTraced: Bool
    let scripts: ScriptModel

    var random: SeededGenerator
    var now: Int64 = 0
    var events = EventQueue<Event>()
    var agents: [SimulatedAgent] = []
    var nodes: [StoreNode] = []
    /// The node that Sentinel names.
    var master = 0
    var isSplit = false
    var isCalm = false
    var runs: UInt64 = 0

    var ledger = Ledger()
    /// What happened so far.
    package var tally = Tally()
    /// The first invariant that did not hold; the world stands still from then on.
    package var violation: Violation?

    /// A world that follows from the seed; `broken` takes one guard away, `isTraced` prints every event.
    package init(seed: UInt64, broken: Break? = nil, isTraced: Bool = false) throws {
        random = SeededGenerator(seed: seed)
        self.broken = broken
        self.isTraced = isTraced
        scripts = ScriptModel(broken: broken.flatMap { $0.isInScripts ? $0 : nil })
        hasSentinel = random.chance(40)
        let start = 1_700_000_000_000 * World.millisecond
        for index in 0..<(hasSentinel ? 2 : 1) {
            let redis = RedisModel(clock: 0, runID: nextRunID())
            nodes.append(
                StoreNode(
                    redis: redis, role: index == 0 ? .master : .replica,
                    clockOffset: start + random.within(-50...50) * World.millisecond,
                    drift: random.within(-2000...2000)))
        }
        for index in 0..<Int(random.within(2...5)) { agents.append(try makeAgent(index)) }
        for index in agents.indices { begin(index, in: random.within(0...20)) }
        try beginList()
        if hasSentinel { add(.store(.replicate), in: 5) }
        add(.store(.persist), in: 300)
        add(.course(.war), in: 3000)
        add(.course(.fault), in: 3000)
    }

    mutating func nextRunID() -> String {
        runs += 1
        return String(0xA000_0000_0000 + runs, radix: 16)
    }

    private mutating func makeAgent(_ index: Int) throws -> SimulatedAgent {
        let settings = try settings(index, run: 0)
        return SimulatedAgent(
            index: index, host: "h\(index)", door: try SocketAddress("10.0.0.\(index + 1):7118"),
            roster: SimulatedRoster(address: try SocketAddress("10.0.0.\(index + 1):80")),
            settings: settings,
            core: LeaseCore(settings, highestEpochSeen: 0, seed: random.next()),
            clock: LocalClock(
                start: random.within(1...1_000_000) * World.millisecond, drift: random.within(-2000...2000)))
    }

    /// A replica that lags and a split need a longer quarantine than a store that is alone.
    func settings(_ index: Int, run: Int) throws(ElectionSettingsFault) -> ElectionSettings {
        try ElectionSettings(
            host: "h\(index)", nonce: "n\(run)", commandTimeoutMilliseconds: World.timeoutMilliseconds,
            quarantineMilliseconds: hasSentinel ? World.sentinelQuarantineMilliseconds : nil,
            priority: index * 30 % 101)
    }

    static let replicaLagMilliseconds: Int64 = 2000
    static let sentinelQuarantineMilliseconds: Int64 = 3500

    /// Schedules an event; within a millisecond the order is random, too.
    mutating func add(_ event: Event, in milliseconds: Int64) {
        add(event, at: now + max(milliseconds, 0) * World.millisecond)
    }

    mutating func add(_ event: Event, at time: Int64) {
        events.add(event, at: time + Int64(random.next() % UInt64(World.millisecond)))
    }

    /// Takes so many steps, or fewer when an invariant breaks.
    package mutating func run(steps: Int) {
        let end = tally.steps + steps
        while tally.steps < end, violation == nil, let (at, event) = events.next() {
            now = max(now, at)
            tally.steps += 1
            if isTraced { trace(event) }
            take(event)
            checkLeaders()
        }
    }

    mutating func violate(_ invariant: Int, _ text: String) {
        if violation == nil { violation = Violation(invariant: invariant, text: text, at: now) }
    }

    private func trace(_ event: Event) {
        let leaders = agents.compactMap { $0.core.standing.lease(at: $0.clock.instant(now))?.token }
        print("\(now / 1000) us \(event) leaders=\(leaders)")
    }

    private mutating func take(_ event: Event) {
        switch event {
        case .wake(let index, let generation):
            guard agents[index].isUp, agents[index].generation == generation, !postpone(event, index) else {
                return
            }
            step(index, .wake)
        case .ask(let index, let run, let number, let node, let ask, let sent):
            askArrives(event, index, run, number, node, ask, sent)
        case .reply(let index, let run, let number, let result, let ask, let sent):
            guard awaits(index, run, number), !postpone(event, index) else { return }
            answered(index, result, ask, sent)
        case .timeout(let index, let run, let number):
            guard awaits(index, run, number), !postpone(event, index) else { return }
            failed(index, StoreFailure(.timeout, "no answer"))
        case .heard(let index, let message):
            guard agents[index].isUp, !postpone(event, index) else { return }
            hear(index, message)
        case .restart(let index, let run):
            guard agents[index].run == run, !agents[index].isUp else { return }
            begin(index, in: 0)
        case .door(let event): takeDoor(event)
        case .effect(let event): takeEffect(event)
        case .list(let event): takeList(event)
        case .store(let event): takeStore(event)
        case .course(let event): takeCourse(event)
        }
    }

    private func awaits(_ index: Int, _ run: Int, _ number: Int) -> Bool {
        agents[index].isUp && agents[index].run == run && agents[index].awaits == number
    }

    /// A process that is stopped takes its events when it goes on.
    mutating func postpone(_ event: Event, _ index: Int) -> Bool {
        guard agents[index].frozenUntil > now else { return false }
        add(event, at: agents[index].frozenUntil)
        return true
    }

    func local(_ index: Int) -> Instant { agents[index].clock.instant(now) }
}
