import CLinux
import Glibc
import HTTP
import Linux
import Synchronization

/// One thread of the data plane: an epoll, a listener, the connections of its clients and to the servers.
///
/// Everything that a request touches is plain memory behind pointers, reached from this one value: no class
/// references (no ARC), no dynamic exclusivity checks, no allocation once the free lists are warm. Sockets are
/// registered once, edge-triggered, and read and written at once; epoll only says when to go on.
struct Worker: ~Copyable {
    typealias ClientPointer = UnsafeMutablePointer<Client>
    typealias UpstreamPointer = UnsafeMutablePointer<Upstream>

    /// How long the sweep for passed deadlines waits between two runs: the precision of all time limits.
    static let sweepNanoseconds: Int64 = 100_000_000
    /// The same for the limit for a whole exchange, which costs a look at every client.
    static let overlongNanoseconds: Int64 = 1_000_000_000
    static let eventsPerTurn = 256
    /// The rounds of reading and writing after which a connection lets others go first.
    static let roundsPerTurn = 8
    static let doorbellWord = UInt64.max
    static let listenerWord = UInt64.max - 1
    static let secureListenerWord = UInt64.max - 2
    /// Marks an epoll word as that of an upstream.
    static let upstreamBit: UInt64 = 1 << 31

    let control: WorkerControl
    let board: RoutingBoard
    let limits: WorkerLimits
    let epoll: Int32
    let meters: UnsafeMutablePointer<ExchangeMeters>
    /// What clients of each listener are counted in; a client's slot has the pointer to its own.
    let plainMeters: UnsafeMutablePointer<ListenerMeters>
    let secureMeters: UnsafeMutablePointer<ListenerMeters>
    let serverMeters: UnsafeMutablePointer<ServerMeters>
    let times: ServerTimes
    let servers: UnsafeMutablePointer<ServerSlot>
    let events: UnsafeMutablePointer<epoll_event>
    /// Clients that go on in the same turn, as epoll words.
    let again: UnsafeMutablePointer<UInt64>
    var againCount = 0
    var clients: Slab<Client>
    var upstreams: Slab<Upstream>
    var blocks: BlockPool
    /// What is noted of each client's exchange.
    var trails: Trails
    /// Where request heads are rewritten.
    var scratch: BlockPool.Block
    var date = DateLine()
    /// By slot, what picks read.
    let loads: UnsafeMutablePointer<ServerLoad>
    var picker: Picker
    /// The table that the pointers below and the picker's point into.
    var table: RoutingTable
    var ring: UnsafePointer<Int32>
    var ringCount = 0
    var names: UnsafePointer<NameTable.Entry>
    var nameCount = 0
    var retryBudget: RetryBudget
    /// Clients that wait for a server with room, in the order of their arrival.
    var firstWaiting = Slab<Client>.none
    var lastWaiting = Slab<Client>.none
    var waitingCount = 0
    /// A place at a server may have become free.
    var hasVacancy = false
    var yieldsVacancy = false
    var lastRefresh: Int64 = 0
    var pressureVersion = 0
    /// Until when reports of pressure matter.
    var pressureUntil: Int64 = 0
    /// The mean latency of the servers that have answered lately, in nanoseconds.
    var meanLatency: Float = 0
    var knownSlots = 0
    /// Protocols that connections may be upgraded to.
    let upgrades: [[UInt8]]
    var listener: Int32 = -1
    /// Listens for clients that speak TLS.
    var secureListener: Int32 = -1
    /// Where clients of the plain listener are sent to.
    var redirectPort: UInt16 = 0
    /// What TLS connections begin with: an `SSL_CTX`.
    var secureContext: OpaquePointer?
    /// For TLS with servers; nil: they are spoken to in plain HTTP.
    let serverContext: ServerContext?
    var generation = 0
    var nextGeneration: UInt32 = 0
    var now: Int64 = 0
    var lastSweep: Int64 = 0
    var acceptPaused = false
    /// When exchanges were last held against the limit for all of one.
    var lastOverlong: Int64 = 0
    /// Answers end their connections: the listener is closed, or draining has begun.
    var isClosing = false
    /// Since when.
    var closingSince: Int64 = 0
    var isDraining = false
    /// The time of what is open is nearly up, and whoever can be told so is.
    var saysFarewell = false
    var isStopping = false

    init?(_ settings: ProxySettings, control: WorkerControl, board: RoutingBoard) {
        serverContext = control.serverContext
        self.control = control
        self.board = board
        limits = WorkerLimits(settings)
        epoll = control.epoll
        upgrades = settings.upgrades.names
        meters = control.meters.exchanges
        plainMeters = control.meters.plain
        secureMeters = control.meters.secure
        serverMeters = control.meters.servers
        times = control.meters.times
        servers = ZeroedMemory.allocate(RoutingBoard.slots)
        events = ZeroedMemory.allocate(Worker.eventsPerTurn)
        clients = Slab(capacity: max(1, settings.connectionsPerWorker))
        // Twice the clients: each may use one while others stay idle in the pools.
        upstreams = Slab(capacity: max(1, settings.connectionsPerWorker) * 2)
        // A slot may stand there twice when its client ended and another came in one turn.
        again = ZeroedMemory.allocate(2 * (clients.capacity + Worker.eventsPerTurn))
        blocks = BlockPool(settings.head, bytes: settings.bufferBytesPerWorker)
        loads = ZeroedMemory.allocate(RoutingBoard.slots)
        table = board.table
        ring = UnsafePointer(table.ring.base)
        names = UnsafePointer(table.names.base)
        picker = Picker(
            settings.balancing.balance, loads: loads, table: table, seed: UInt64(control.index + 1))
        retryBudget = RetryBudget(settings.balancing.retries)
        trails = Trails(settings.forwarding, log: control.logWriter(), capacity: clients.capacity)
        guard let scratch = blocks.take() else { return nil }
        self.scratch = scratch
    }

    deinit {
        servers.deallocate()
        events.deallocate()
        again.deallocate()
        date.deallocate()
        loads.deallocate()
        clients.deallocate()
        trails.deallocate()
        upstreams.deallocate()
    }

    /// Works until told to stop.
    mutating func run() {
        _ = clinux_epoll_control(
            epoll, EPOLL_CTL_ADD, control.doorbell.descriptor, EPOLLIN.rawValue, Worker.doorbellWord)
        now = clinux_boot_nanoseconds()
        lastSweep = now
        while !isStopping {
            let count = epoll_wait(epoll, events, Int32(Worker.eventsPerTurn), waitMilliseconds())
            now = clinux_boot_nanoseconds()
            if board.generation.load(ordering: .acquiring) != generation { adoptTable() }
            if count > 0 {
                // First those that rest: what came unasked must end them before a request of this turn takes them.
                for index in 0..<Int(count) { takeResting(events + index) }
                for index in 0..<Int(count) { take(events + index) }
            }
            if againCount > 0 { goOn() }
            if hasVacancy { serveQueue() }
            if now - lastSweep >= Worker.sweepNanoseconds { sweep() }
        }
        end()
    }

    private mutating func waitMilliseconds() -> Int32 {
        if againCount > 0 || hasVacancy && waitingCount > 0 { return 0 }
        if clients.count == 0, upstreams.count == 0, !acceptPaused {
            if trails.isLogging { trails.writer.nudge() }
            return -1
        }
        let left = lastSweep + Worker.sweepNanoseconds - now
        return left <= 0 ? 0 : Int32(left / 1_000_000) + 1
    }

    /// Has a resting connection to a server end, if the kernel's word means that.
    @inline(__always)
    private mutating func takeResting(_ event: UnsafePointer<epoll_event>) {
        let word = clinux_epoll_word(event)
        guard word & Worker.upstreamBit != 0, word < Worker.secureListenerWord else { return }
        if upstreams[Int32(truncatingIfNeeded: word & (Worker.upstreamBit - 1))].pointee.phase == .idle {
            take(event)
        }
    }

    @inline(__always)
    private mutating func take(_ event: UnsafePointer<epoll_event>) {
        let word = clinux_epoll_word(event)
        if word >= Worker.secureListenerWord {
            if word == Worker.doorbellWord { obey() } else { acceptClients(word) }
            return
        }
        let index = Int32(truncatingIfNeeded: word & (Worker.upstreamBit - 1))
        let generation = UInt32(truncatingIfNeeded: word >> 32)
        let ready = Worker.readiness(event.pointee.events)
        if word & Worker.upstreamBit != 0 {
            let upstream = upstreams[index]
            guard upstream.pointee.generation == generation, upstream.pointee.phase != .free else { return }
            upstream.pointee.ready.formUnion(ready)
            upstreamIsReady(index, upstream)
        } else {
            let client = clients[index]
            guard client.pointee.generation == generation, client.pointee.phase != .free else { return }
            client.pointee.ready.formUnion(ready)
            clientIsReady(index, client)
        }
    }

    @inline(__always)
    private static func readiness(_ events: UInt32) -> Readiness {
        var ready: Readiness = []
        if events & EPOLLIN.rawValue != 0 { ready.formUnion([.readable, .arrived]) }
        if events & EPOLLOUT.rawValue != 0 { ready.insert(.writable) }
        if events & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue) != 0 {
            ready.formUnion([.readable, .arrived, .hangup])
        }
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 {
            ready.formUnion([.readable, .arrived, .failed])
        }
        return ready
    }

    /// Lets the clients go on that had more to do than their share of this turn.
    private mutating func goOn() {
        let waiting = againCount
        againCount = 0
        // New entries are written below the one being read: each run of a client queues it once at most.
        for position in 0..<waiting {
            let index = Int32(truncatingIfNeeded: again[position])
            let client = clients[index]
            guard client.pointee.isQueued else { continue }
            client.pointee.isQueued = false
            if client.pointee.phase != .free { clientIsReady(index, client) }
        }
    }

    @inline(__always)
    mutating func queue(_ index: Int32, _ client: ClientPointer) {
        guard !client.pointee.isQueued else { return }
        client.pointee.isQueued = true
        again[againCount] = UInt64(index)
        againCount += 1
    }

    /// Requests so far, whichever listener they came by.
    var requestCount: UInt64 {
        plainMeters.pointee.requests.current &+ secureMeters.pointee.requests.current
    }

    /// A number that tells this use of a slot from earlier ones.
    mutating func freshGeneration() -> UInt32 {
        // The two highest words are the doorbell's and the listener's: a generation never has all bits set.
        nextGeneration = nextGeneration >= UInt32.max - 1 ? 1 : nextGeneration + 1
        return nextGeneration
    }
}
