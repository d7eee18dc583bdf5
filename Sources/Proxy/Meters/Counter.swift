import Synchronization

/// A number that one worker writes and everyone reads: relaxed loads and stores, no locked instruction.
struct Counter: ~Copyable {
    private let value = Atomic<UInt64>(0)

    /// Adds; called by the owning worker only.
    @inline(__always)
    func add(_ amount: UInt64 = 1) {
        value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// Takes away; called by the owning worker only.
    @inline(__always)
    func subtract(_ amount: UInt64 = 1) {
        value.store(value.load(ordering: .relaxed) &- amount, ordering: .relaxed)
    }

    func clear() { value.store(0, ordering: .relaxed) }

    var current: UInt64 { value.load(ordering: .relaxed) }
}
