/// Chooses servers by the table in force: one worker's state of it, plain memory behind pointers.
struct Picker: BitwiseCopyable {
    /// Up to so many servers `leastConnections` looks at all; of more, at so many drawn by weight.
    private static let comparedMax = 32
    private static let drawnMax = 8
    /// How much sooner the second of two must promise an answer: servers alike share by weight, not by noise.
    private static let margin: Float = 1.25
    /// Draws after which a server in slow start is taken all the same.
    private static let drawsMax = 8

    private let balance: Balance
    /// Indexed by slot.
    let loads: UnsafeMutablePointer<ServerLoad>
    private var lottery: UnsafePointer<Lottery.Ticket>
    private var order: UnsafePointer<Int32>
    private var ranked: UnsafePointer<Int32>
    /// The servers that take requests.
    private(set) var eligible = 0
    private var ends = Ranking.Ends(repeating: 0)
    private var orderCount = 0
    private var cursor = 0
    private var random: UInt64

    /// A picker over `table`, which must outlive its use, as `loads` must.
    init(
        _ balance: Balance, loads: UnsafeMutablePointer<ServerLoad>, table: RoutingTable, seed: UInt64
    ) {
        self.balance = balance
        self.loads = loads
        random = StableHash.mix(seed) | 1  // 0 would stay 0
        lottery = UnsafePointer(table.lottery.base)
        order = UnsafePointer(table.order.base)
        ranked = UnsafePointer(table.ranked.base)
        adopt(table, offset: 0)
    }

    /// Goes over to another table; workers begin at places of their own, lest all turn to one server at a time.
    mutating func adopt(_ table: RoutingTable, offset: Int) {
        lottery = UnsafePointer(table.lottery.base)
        order = UnsafePointer(table.order.base)
        ranked = UnsafePointer(table.ranked.base)
        eligible = table.eligible
        ends = table.ends
        orderCount = table.order.count
        cursor = orderCount == 0 ? 0 : (cursor + offset) % orderCount
    }

    /// The slot for a request's first attempt; −1 when no server is active.
    @inline(__always)
    mutating func pick() -> Int32 {
        guard eligible > 1 else { return eligible == 1 ? lottery[0].slot : -1 }
        let slot = propose()
        return loads[Int(slot)].admission < 1 ? reconsider(slot) : slot
    }

    /// The slot for a further attempt: of the servers that `isFit` accepts one of the best rank; −1 when there
    /// is none. Servers that just refused come last.
    mutating func pickOther(_ isFit: (Int32) -> Bool) -> Int32 {
        var spare: Int32 = -1
        var start = 0
        for group in ends.indices where ends[group] > start {
            let end = ends[group]
            let count = end - start
            let offset = Int(truncatingIfNeeded: ((draw() >> 32) &* UInt64(count)) >> 32)
            for step in 0..<count {
                let place = offset + step
                let slot = ranked[start + (place >= count ? place - count : place)]
                guard isFit(slot) else { continue }
                if loads[Int(slot)].admission > 0 { return slot }
                if spare < 0 { spare = slot }
            }
            start = end
        }
        return spare
    }

    @inline(__always)
    private mutating func propose() -> Int32 {
        switch balance {
        case .p2c:
            let first = Lottery.draw(lottery, eligible, draw())
            var second = Lottery.draw(lottery, eligible, draw())
            if second == first { second = Lottery.draw(lottery, eligible, draw()) }
            return isBetter(second, than: first) ? second : first
        case .roundRobin: return turn()
        case .leastConnections: return leastBusy()
        }
    }

    /// True when a server promises an answer so much sooner that it should not be left to chance.
    @inline(__always)
    private func isBetter(_ second: Int32, than first: Int32) -> Bool {
        let (one, two) = (loads + Int(first), loads + Int(second))
        var (costOne, costTwo) = (one.pointee.cost, two.pointee.cost)
        if one.pointee.latency == 0 || two.pointee.latency == 0 {
            // Nobody knows how long one of them takes: neither a reason to flood it nor to starve it.
            costOne = one.pointee.penalty
            costTwo = two.pointee.penalty
        }
        let busyOne = 1 + Float(one.pointee.inFlight) * one.pointee.share
        let busyTwo = 1 + Float(two.pointee.inFlight) * two.pointee.share
        return busyTwo * costTwo * Picker.margin < busyOne * costOne
    }

    @inline(__always)
    private mutating func turn() -> Int32 {
        cursor += 1
        if cursor >= orderCount { cursor = 0 }
        return order[cursor]
    }

    private mutating func leastBusy() -> Int32 {
        // Whose turn it is goes first, so that idle servers take turns by weight.
        var best = turn()
        var least = busyness(best)
        let compared = eligible <= Picker.comparedMax ? eligible : Picker.drawnMax
        for step in 0..<compared where least > 0 {
            // From another one each time, or the first listed would be the first of equals at every worker.
            let slot =
                eligible <= Picker.comparedMax
                ? lottery[(cursor + step) % eligible].slot : Lottery.draw(lottery, eligible, draw())
            let busy = busyness(slot)
            if busy < least, loads[Int(slot)].admission >= 1 {
                best = slot
                least = busy
            }
        }
        return best
    }

    @inline(__always)
    private func busyness(_ slot: Int32) -> Float {
        Float(loads[Int(slot)].inFlight) * loads[Int(slot)].share
    }

    /// The proposed server starts slowly or has just refused: chance decides, and another may be proposed.
    private mutating func reconsider(_ proposed: Int32) -> Int32 {
        var slot = proposed
        for _ in 0..<Picker.drawsMax {
            let admission = loads[Int(slot)].admission
            if admission >= 1 || Float(draw() >> 40) < admission * 16_777_216 { return slot }
            slot = propose()
        }
        let loads = loads
        let other = pickOther { loads[Int($0)].admission > 0 && loads[Int($0)].isEligible }
        return other >= 0 ? other : slot
    }

    /// The next random number (xorshift64*; it need not be unpredictable, only even).
    @inline(__always)
    private mutating func draw() -> UInt64 {
        random ^= random >> 12
        random ^= random << 25
        random ^= random >> 27
        return random &* 0x2545_f491_4f6c_dd1d
    }
}
