import Synchronization

/// How many connections each client address has, over all workers: two rows of counters that addresses are hashed into.
///
/// An address has the lesser of its two counters: never less than the truth, and more only where other busy addresses
/// share both of its places. Seeds that nobody outside knows keep that from being arranged.
final class ClientCrowd: Sendable {
    /// Where an address is counted in each row.
    struct Places: BitwiseCopyable {
        var first: UInt16 = 0
        var second: UInt16 = 0
    }

    private static let places = 65_536

    private let limit: UInt32
    private let seeds: (UInt64, UInt64)
    // Every byte behind this pointer is an atomic, so sharing it is safe.
    nonisolated(unsafe) private let counters: UnsafeMutablePointer<Atomic<UInt32>>

    /// Counters that allow `limit` connections an address.
    init(limit: Int, randomness: inout Randomness) {
        self.limit = UInt32(clamping: limit)
        seeds = (randomness.next(), randomness.next())
        counters = ZeroedMemory.allocate(2 * ClientCrowd.places)
    }

    deinit { counters.deallocate() }

    /// Counts a connection; nil, and nothing counted, when its address has as many as it may.
    func enter(_ address: AddressBits) -> Places? {
        let places = self.places(of: address)
        let first = counters[Int(places.first)].wrappingAdd(1, ordering: .relaxed).newValue
        let second = counters[ClientCrowd.places + Int(places.second)].wrappingAdd(1, ordering: .relaxed)
            .newValue
        guard min(first, second) > limit else { return places }
        leave(places)
        return nil
    }

    /// A counted connection has ended.
    func leave(_ places: Places) {
        counters[Int(places.first)].wrappingSubtract(1, ordering: .relaxed)
        counters[ClientCrowd.places + Int(places.second)].wrappingSubtract(1, ordering: .relaxed)
    }

    private func places(of address: AddressBits) -> Places {
        // One site of IPv6 has 2^64 addresses to choose from: its network counts as one client.
        let isOld = address.high == 0 && address.low >> 32 == 0xffff
        let key = address.high ^ (isOld ? address.low &* 0x9e37_79b9_7f4a_7c15 : 0)
        return Places(first: ClientCrowd.mix(key ^ seeds.0), second: ClientCrowd.mix(key &+ seeds.1))
    }

    private static func mix(_ key: UInt64) -> UInt16 {  // SplitMix64's
        var mixed = (key ^ key >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return UInt16(truncatingIfNeeded: mixed >> 40)
    }
}
