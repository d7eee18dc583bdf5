/// Draws a slot by weight in constant time: Walker's alias method, built in linear time.
enum Lottery {
    /// Half a draw: this slot, or the other one when the second half of the random number says so.
    struct Ticket: BitwiseCopyable {
        var slot: Int32
        var other: Int32
        /// The slot's part of the ticket, of 2³².
        var part: UInt32
    }

    /// One ticket for each weight, for the first of `slots`.
    static func tickets(slots: PlainArray<Int32>, weights: [Int32], total: Int) -> PlainArray<Ticket> {
        let count = weights.count
        let tickets = PlainArray<Ticket>(count)
        for index in 0..<count {
            tickets[index] = Ticket(slot: slots[index], other: slots[index], part: .max)
        }
        guard let first = weights.first, weights.contains(where: { $0 != first }) else { return tickets }
        // In units of 1/count of the total each ticket is to hold exactly `total`.
        var rest = weights.map { Int($0) * count }
        var small: [Int] = []
        var large: [Int] = []
        for index in 0..<count {
            if rest[index] < total { small.append(index) } else { large.append(index) }
        }
        while let poor = small.popLast(), let rich = large.last {
            tickets[poor].part = UInt32(Double(rest[poor]) / Double(total) * 4_294_967_295)
            tickets[poor].other = slots[rich]
            rest[rich] -= total - rest[poor]
            if rest[rich] < total {
                large.removeLast()
                small.append(rich)
            }
        }
        return tickets
    }

    @inline(__always)
    static func draw(_ tickets: UnsafePointer<Ticket>, _ count: Int, _ random: UInt64) -> Int32 {
        let ticket = tickets[Int(truncatingIfNeeded: ((random >> 32) &* UInt64(count)) >> 32)]
        return UInt32(truncatingIfNeeded: random) <= ticket.part ? ticket.slot : ticket.other
    }
}
