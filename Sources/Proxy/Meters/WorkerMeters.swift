import Glibc
import Synchronization

/// The counters of one worker's listener and clients.
struct ListenerMeters: ~Copyable {
    let accepted = Counter()
    let turnedAway = Counter()
    let open = Counter()
    let requests = Counter()
    let responses2xx = Counter()
    let responses3xx = Counter()
    let responses4xx = Counter()
    let responses5xx = Counter()
    let rejectedHeads = Counter()
    let retries = Counter()
    let cut = Counter()
    let bytesFromClients = Counter()
    let bytesToClients = Counter()
    let upgrades = Counter()
    /// Upgraded connections that are open now.
    let upgraded = Counter()
    let handshakes = Counter()
    let handshakesResumed = Counter()
    let handshakesRefused = Counter()
    let handshakesAbandoned = Counter()
    let handshakesPlain = Counter()
}

/// The counters of one server at one worker.
struct ServerMeters: ~Copyable {
    let requests = Counter()
    let failures = Counter()
    let responses5xx = Counter()
    let inFlight = Counter()
    let connects = Counter()

    func clear() {
        requests.clear()
        failures.clear()
        responses5xx.clear()
        connects.clear()
    }
}

/// All that one worker counts, in memory that lives as long as this object.
final class WorkerMeters: Sendable {
    // Every byte behind these pointers is an atomic, so sharing them is safe; zero is each one's initial value.
    nonisolated(unsafe) let listener: UnsafeMutablePointer<ListenerMeters>
    nonisolated(unsafe) let servers: UnsafeMutablePointer<ServerMeters>
    nonisolated(unsafe) private let latencies: UnsafeMutablePointer<Atomic<UInt32>>

    init() {
        listener = .allocate(capacity: 1)
        listener.initialize(to: ListenerMeters())
        // Large zeroed blocks come from untouched pages: memory is used only for the slots that servers take.
        servers = ZeroedMemory.allocate(RoutingBoard.slots)
        latencies = ZeroedMemory.allocate(RoutingBoard.slots * LatencyWindow.words)
    }

    deinit {
        listener.deallocate()
        free(servers)
        free(latencies)
    }

    func latency(_ slot: Int) -> LatencyWindow { LatencyWindow(base: latencies + slot * LatencyWindow.words) }

    func clear(_ slot: Int) {
        servers[slot].clear()
        latency(slot).clear()
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
