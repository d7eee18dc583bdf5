import Linux
import Synchronization

/// The thread that looks after the routing table: it gathers what health checks, connects and answers have
/// shown, decides on ejections, and puts tables in force, twenty a second at most.
final class Minder: Sendable {
    /// The shortest time between two tables made for changes of health.
    private static let publishNanoseconds: Int64 = 50_000_000
    /// How often the workers' counters are looked at while the proxy serves.
    private static let lookNanoseconds: Int64 = 200_000_000

    private struct State {
        var isStopping = false
        var isServing = false
        var onRefusals: (@Sendable ([SocketAddress]) -> Void)?
    }

    private let board: RoutingBoard
    private let workers: [WorkerControl]
    private let doorbell: Doorbell
    private let state = Mutex(State())
    private let thread = Mutex<Thread?>(nil)

    init(board: RoutingBoard, workers: [WorkerControl], doorbell: Doorbell) {
        self.board = board
        self.workers = workers
        self.doorbell = doorbell
    }

    func start() throws(SystemFault) {
        let started = try Thread.start(named: "troop-minder") { [self] in run() }
        thread.withLock { $0 = started }
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        doorbell.ring()
        let ending = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        ending?.join()
    }

    /// Who hears of servers that refused a connect; called on the minder's thread.
    func hearRefusals(_ body: @escaping @Sendable ([SocketAddress]) -> Void) {
        state.withLock { $0.onRefusals = body }
    }

    /// Notes whether the proxy serves: only then is there anything to look at.
    func serve(_ serves: Bool) {
        state.withLock { $0.isServing = serves }
        if serves { board.rebase(count: outcomes) }
        board.noteServing(since: serves ? Instant.now().nanoseconds : 0)
        doorbell.ring()
    }

    /// Notes what health checks found; the table follows within `publishNanoseconds`.
    func note(_ ranks: [(address: SocketAddress, rank: ServerRank)]) {
        if board.note(ranks) { doorbell.ring() }
    }

    func isFree(_ slot: Int, _ generation: Int) -> Bool {
        workers.allSatisfy {
            $0.seen.load(ordering: .acquiring) >= generation
                && $0.meters.servers[slot].inFlight.current == 0
        }
    }

    func clear(_ slot: Int) { for worker in workers { worker.meters.clear(slot) } }

    private func run() {
        var published: Int64 = 0
        var looked: Int64 = 0
        var requests: UInt64 = 0
        var isUnsettled = false
        var isPending = false
        var isRefused = false
        while true {
            let (isStopping, isServing) = state.withLock { ($0.isStopping, $0.isServing) }
            if isStopping { return }
            let waited = Instant.now().nanoseconds
            var due = Int64.max
            if isPending { due = published + Minder.publishNanoseconds }
            if isRefused { due = min(due, looked + Minder.publishNanoseconds) }
            if isServing { due = min(due, looked + Minder.lookNanoseconds) }
            let rang = doorbell.wait(milliseconds: Minder.milliseconds(from: waited, to: due))
            let now = Instant.now().nanoseconds
            if takeRefusals() { isRefused = true }
            let rest = isRefused ? Minder.publishNanoseconds : Minder.lookNanoseconds
            if isRefused || isServing, now - looked >= rest {
                looked = now
                isPending = true
                let all = workers.reduce(UInt64(0)) { $0 &+ $1.meters.requests }
                if isRefused || isUnsettled || all != requests {
                    requests = all
                    isRefused = false
                    isUnsettled = look(at: now)
                }
            }
            guard isPending || rang, now - published >= Minder.publishNanoseconds else {
                isPending = isPending || rang
                continue
            }
            isPending = false
            if board.refresh(at: now, isFree: isFree, clear: clear) {
                published = now
                for worker in workers { worker.doorbell.ring() }
            }
        }
    }

    /// True when any worker has met a refusal since the last call.
    private func takeRefusals() -> Bool {
        var any = false
        for worker in workers where worker.hasRefusals.exchange(false, ordering: .acquiringAndReleasing) {
            any = true
        }
        return any
    }

    private static func milliseconds(from now: Int64, to due: Int64) -> Int32 {
        due == .max ? -1 : Int32(clamping: max(0, (due - now + 999_999) / 1_000_000))
    }

    /// Looks at all servers' counters; true when time alone may change something.
    private func look(at now: Int64) -> Bool {
        let (refused, isUnsettled) = board.look(at: now, count: outcomes)
        if !refused.isEmpty, let body = state.withLock({ $0.onRefusals }) { body(refused) }
        return isUnsettled
    }

    /// What all workers have counted of a server.
    private func outcomes(_ slot: Int) -> Outcomes {
        var outcomes = Outcomes()
        for worker in workers {
            let meters = worker.meters.servers + slot
            outcomes.answered &+= meters.pointee.answered.current
            outcomes.failed &+= meters.pointee.failures.current &+ meters.pointee.heldAgainst.current
            outcomes.refused &+= meters.pointee.refusals.current
            outcomes.streak = max(outcomes.streak, meters.pointee.streak.current)
        }
        return outcomes
    }
}
