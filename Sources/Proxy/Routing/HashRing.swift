/// Which server a hash belongs to: consistent hashing. A server that goes takes only its own part with it, and
/// every host that makes a ring of the same servers makes the same one.
enum HashRing {
    /// Places on the ring; a fixed number, so that its servers' places do not depend on how many there are.
    static let size = 1 << 17
    private static let pointsMax = 16_384
    private static let perServer = 4...512

    /// The ring of the first of `slots`; −1 where no server is. `listed` are the weights of all servers on the list, those
    /// that take nothing new among them: when one begins to drain, the others keep their places.
    static func make(
        slots: PlainArray<Int32>, names: [UInt64], weights: [Int32], listed: [Int32]
    ) -> PlainArray<Int32> {
        let ring = PlainArray<Int32>(size)
        for place in 0..<size { ring[place] = -1 }
        guard !names.isEmpty else { return ring }
        let wanted = min(max(pointsMax / max(listed.count, 1), perServer.lowerBound), perServer.upperBound)
        // A power of two: the number of points seldom changes with the number of servers.
        let most = 1 << (Int.bitWidth - 1 - wanted.leadingZeroBitCount)
        let heaviest = Int(listed.max() ?? 1)
        // Where two servers want one place the lower hash has it, whatever the list's order.
        var holders = [UInt64](repeating: .max, count: size)
        for index in names.indices {
            let points = max(1, most * Int(weights[index]) / heaviest)
            for point in 0..<points {
                let hash = StableHash.mix(names[index] &+ UInt64(point) &* 0x2545_f491_4f6c_dd1d)
                let place = Int(hash >> 47)
                guard hash < holders[place] else { continue }
                holders[place] = hash
                ring[place] = slots[index]
            }
        }
        return ring
    }

    /// The place where the search for a hash begins.
    @inline(__always)
    static func place(of hash: UInt64) -> Int { Int(hash >> 47) }
}

/// Which slot a server's name stands for: open addressing in twice as many places as there are servers.
enum NameTable {
    struct Entry: BitwiseCopyable {
        var name: UInt64
        /// −1 where nothing is.
        var slot: Int32
    }

    static func make(slots: PlainArray<Int32>, names: [UInt64]) -> PlainArray<Entry> {
        var size = 4
        while size < 2 * names.count { size *= 2 }
        let table = PlainArray<Entry>(size)
        for place in 0..<size { table[place] = Entry(name: 0, slot: -1) }
        for (index, name) in names.enumerated() {
            var place = Int(truncatingIfNeeded: name) & (size - 1)
            while table[place].slot >= 0 { place = (place + 1) & (size - 1) }
            table[place] = Entry(name: name, slot: slots[index])
        }
        return table
    }

    /// The slot of a name, or −1.
    static func slot(of name: UInt64, in table: UnsafePointer<Entry>, _ size: Int) -> Int32 {
        var place = Int(truncatingIfNeeded: name) & (size - 1)
        while table[place].slot >= 0 {
            if table[place].name == name { return table[place].slot }
            place = (place + 1) & (size - 1)
        }
        return -1
    }
}
