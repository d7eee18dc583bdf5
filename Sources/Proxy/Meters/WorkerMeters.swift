import Glibc
import Synchronization

/// The counters of one worker's exchanges, whichever listener their clients came by.
struct ExchangeMeters: ~Copyable {
    let retries = Counter()
    let staleRetries = Counter()
    let retriesDenied = Counter()
    let queued = Counter()
    let queueTimeouts = Counter()
    let cut = Counter()
    /// Log lines for which the ring had no room.
    let logDropped = Counter()
    let responseFaults = FaultMeters()
    let upgrades = Counter()
    /// Upgraded connections that are open now.
    let upgraded = Counter()
}

/// The counters of one server at one worker.
struct ServerMeters: ~Copyable {
    let requests = Counter()
    /// Attempts that brought no valid response.
    let failures = Counter()
    /// Valid responses that count against the server all the same, as the settings have it.
    let heldAgainst = Counter()
    let responses5xx = Counter()
    let inFlight = Counter()
    let connects = Counter()
    /// Answers that count as good.
    let answered = Counter()
    /// Failures since the last good answer.
    let streak = Counter()
    /// Connects that nobody took.
    let refusals = Counter()
    /// Requests that came here after another server had failed them.
    let retries = Counter()

    func clear() {
        requests.clear()
        failures.clear()
        heldAgainst.clear()
        responses5xx.clear()
        connects.clear()
        answered.clear()
        streak.clear()
        refusals.clear()
        retries.clear()
    }
}

/// All that one worker counts, in memory that lives as long as this object.
final class WorkerMeters: Sendable {
    // Every byte behind these pointers is an atomic, so sharing them is safe; zero is each one's initial value.
    /// Of the listener for plain HTTP.
    nonisolated(unsafe) let plain: UnsafeMutablePointer<ListenerMeters>
    /// Of the listener for TLS.
    nonisolated(unsafe) let secure: UnsafeMutablePointer<ListenerMeters>
    nonisolated(unsafe) let exchanges: UnsafeMutablePointer<ExchangeMeters>
    nonisolated(unsafe) let servers: UnsafeMutablePointer<ServerMeters>
    nonisolated(unsafe) private let latencies: UnsafeMutablePointer<Atomic<UInt32>>
    nonisolated(unsafe) private let durations: UnsafeMutablePointer<Atomic<UInt64>>

    init() {
        plain = .allocate(capacity: 1)
        plain.initialize(to: ListenerMeters())
        secure = .allocate(capacity: 1)
        secure.initialize(to: ListenerMeters())
        exchanges = .allocate(capacity: 1)
        exchanges.initialize(to: ExchangeMeters())
        // Large zeroed blocks come from untouched pages: memory is used only for the slots that servers take.
        servers = ZeroedMemory.allocate(RoutingBoard.slots)
        latencies = ZeroedMemory.allocate(RoutingBoard.slots * LatencyWindow.words)
        durations = ZeroedMemory.allocate(RoutingBoard.slots * DurationHistogram.words)
    }

    deinit {
        plain.deallocate()
        secure.deallocate()
        exchanges.deallocate()
        free(servers)
        free(latencies)
        free(durations)
    }

    /// Requests with a valid head, whichever listener they came by.
    var requests: UInt64 { plain.pointee.requests.current &+ secure.pointee.requests.current }

    /// Connections of clients that are open, whichever listener they came by.
    var open: UInt64 { plain.pointee.open.current &+ secure.pointee.open.current }

    func latency(_ slot: Int) -> LatencyWindow { LatencyWindow(base: latencies + slot * LatencyWindow.words) }

    func duration(_ slot: Int) -> DurationHistogram {
        DurationHistogram(base: durations + slot * DurationHistogram.words)
    }

    /// What the worker writes response times with.
    var times: ServerTimes { ServerTimes(latencies: latencies, durations: durations) }

    func clear(_ slot: Int) {
        servers[slot].clear()
        latency(slot).clear()
        duration(slot).clear()
    }
}

/// Where one worker notes how long servers take: plain memory, of which `WorkerMeters` is the owner.
struct ServerTimes: BitwiseCopyable {
    fileprivate let latencies: UnsafeMutablePointer<Atomic<UInt32>>
    fileprivate let durations: UnsafeMutablePointer<Atomic<UInt64>>

    /// Counts how long a server took to begin its response; called by the owning worker only.
    @inline(__always)
    func record(_ slot: Int, _ nanoseconds: Int64, at now: Int64) {
        LatencyWindow(base: latencies + slot * LatencyWindow.words).record(nanoseconds, at: now)
        DurationHistogram(base: durations + slot * DurationHistogram.words).record(nanoseconds)
    }
}

/// Memory of zero bytes, for types whose zero is a valid value.
enum ZeroedMemory {
    static func allocate<Element: ~Copyable>(_ count: Int) -> UnsafeMutablePointer<Element> {
        guard let memory = calloc(count, MemoryLayout<Element>.stride) else {
            fatalError("out of memory")  // at start only, as Swift's own allocator does
        }
        return memory.assumingMemoryBound(to: Element.self)
    }
}
