import Glibc
import Linux
import Synchronization

/// What changes too often for tables: numbers that every thread may read or write at any time, by slot.
final class SlotSignals: Sendable {
    private struct Signal: ~Copyable {
        /// The pressure's bits in the upper half, the second of its report since boot in the lower.
        let pressure = Atomic<UInt64>(0)
        /// Requests in flight, all workers together; kept only when there is a limit.
        let occupied = Atomic<Int32>(0)
    }

    // Every byte behind the pointer is an atomic; zero is each one's initial value.
    nonisolated(unsafe) private let base: UnsafeMutablePointer<Signal>
    /// Moves whenever pressures were written.
    let pressureVersion = Atomic<Int>(0)
    /// Workers with requests that wait for a server with room.
    let waitingWorkers = Atomic<Int>(0)
    private let workers = Mutex<[WorkerControl]>([])

    init() { base = ZeroedMemory.allocate(RoutingBoard.slots) }

    deinit { free(base) }

    func clear(_ slot: Int) { base[slot].pressure.store(0, ordering: .relaxed) }

    func setPressure(_ slot: Int, _ value: Float, at now: Int64) {
        let second = UInt64(truncatingIfNeeded: max(0, now) / 1_000_000_000) & 0xffff_ffff
        base[slot].pressure.store(UInt64(value.bitPattern) << 32 | second, ordering: .relaxed)
    }

    /// Whether a pressure was ever reported.
    func hasPressure(_ slot: Int) -> Bool { base[slot].pressure.load(ordering: .relaxed) != 0 }

    /// The pressure last reported and the report's age in nanoseconds, to a second.
    func pressure(_ slot: Int, at now: Int64) -> (value: Float, age: Int64) {
        let word = base[slot].pressure.load(ordering: .relaxed)
        let value = Float(bitPattern: UInt32(truncatingIfNeeded: word >> 32))
        let second = Int64(word & 0xffff_ffff)
        return (value, max(0, now - second * 1_000_000_000))
    }

    /// Takes one of `limit` places at a server; false when none is free. Exact: one application process may take
    /// one request at a time, and a share of one for each worker would leave places unused or exceed them.
    func occupy(_ slot: Int, limit: Int32) -> Bool {
        let taken = base[slot].occupied.wrappingAdd(1, ordering: .relaxed).newValue
        if taken <= limit { return true }
        vacate(slot)
        return false
    }

    // Sequentially consistent, as the count of waiting workers is: either who leaves a place sees who waits, or
    // who begins to wait sees the place.
    func vacate(_ slot: Int) { base[slot].occupied.wrappingSubtract(1, ordering: .sequentiallyConsistent) }

    /// The places taken, which may for a moment look like one more than the limit.
    func occupied(_ slot: Int) -> Int { Int(base[slot].occupied.load(ordering: .sequentiallyConsistent)) }

    /// Names the workers, before any of them runs.
    func serve(_ controls: [WorkerControl]) { workers.withLock { $0 = controls } }

    /// Wakes the workers where requests wait for a server with room.
    func ringWaiting(except index: Int) {
        workers.withLock { workers in
            for worker in workers where worker.index != index && worker.isWaiting.load(ordering: .relaxed) {
                worker.doorbell.ring()
            }
        }
    }
}
