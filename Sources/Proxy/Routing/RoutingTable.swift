import Linux

/// One version of the server list as workers use it; immutable, in plain memory.
final class RoutingTable: Sendable {
    /// A server with the slot that its connections and meters live in.
    struct Entry: Sendable {
        let slot: Int
        let server: RoutedServer
        let incarnation: UInt32
    }

    /// What a worker has to know of an entry when it takes the table over.
    struct Mark: BitwiseCopyable {
        var slot: Int32
        var incarnation: UInt32
        var isActive: Bool
        var isEligible: Bool
        /// The mean weight of the eligible servers over this one's: what one request in flight weighs.
        var share: Float
        /// When the server began its slow start, in nanoseconds; 0 when it has its full share.
        var rampStart: Int64
    }

    /// What the table is made for.
    struct Shape: Equatable {
        var balance = Balance.p2c
        var stickiness = Stickiness.none
        var panicPercent = 50
    }

    let generation: Int
    let entries: [Entry]
    let marks: PlainArray<Mark>
    /// The active slots, the best rank first.
    let ranked: PlainArray<Int32>
    /// So many of `ranked` take requests.
    let eligible: Int
    /// Where each rank ends in `ranked`: second attempts turn to one after the other.
    let ends: Ranking.Ends
    /// Draws an eligible slot by weight.
    let lottery: PlainArray<Lottery.Ticket>
    /// Eligible slots in the order in which they take turns; empty unless the balance asks for it.
    let order: PlainArray<Int32>
    /// Finds active slots by a client's hash; empty unless the stickiness asks for it.
    let ring: PlainArray<Int32>
    /// Finds active slots by their servers' names; empty unless the stickiness asks for it.
    let names: PlainArray<NameTable.Entry>

    convenience init(shape: Shape) {
        self.init(generation: 0, entries: [], ratings: [], names: [], shape: shape)
    }

    /// A table of these entries; `ratings` and `names` are indexed as they are. `isCold` says that the proxy has only just
    /// begun to serve.
    init(
        generation: Int, entries: [Entry], ratings: [Rating], names: [UInt64], shape: Shape,
        isCold: Bool = false
    ) {
        self.generation = generation
        self.entries = entries
        let ranking = Ranking(entries, ratings, panicPercent: shape.panicPercent, isCold: isCold)
        eligible = ranking.eligible
        ends = ranking.ends
        ranked = PlainArray(ranking.order.count)
        for (position, index) in ranking.order.enumerated() {
            ranked[position] = Int32(entries[Int(index)].slot)
        }
        var weights = [Int32](repeating: 0, count: eligible)
        var total = 0
        for position in 0..<eligible {
            let weight = entries[Int(ranking.order[position])].server.weight
            weights[position] = Int32(weight)
            total += weight
        }
        marks = PlainArray(entries.count)
        // In a panic nobody starts slowly: a server that is well would get less than those that are not.
        let isPanic = eligible > ranking.ends[Ranking.wellEnd]
        for index in 0..<entries.count {
            marks[index] = Mark(
                slot: Int32(entries[index].slot), incarnation: entries[index].incarnation,
                isActive: entries[index].server.state == .active, isEligible: false, share: 1,
                rampStart: isPanic ? 0 : ratings[index].rampStart)
        }
        let mean = eligible > 0 ? Float(total) / Float(eligible) : 1
        for position in 0..<eligible {
            let index = Int(ranking.order[position])
            marks[index].isEligible = true
            marks[index].share = mean / Float(weights[position])
        }
        lottery = Lottery.tickets(slots: ranked, weights: weights, total: total)
        order =
            shape.balance == .p2c
            ? PlainArray(0) : TurnOrder.spread(slots: ranked, weights: weights, total: total)
        let activeNames = ranking.order.map { names.isEmpty ? 0 : names[Int($0)] }
        // All that are active: one that is ill for a while is passed over, and moves nobody else's clients.
        ring =
            shape.stickiness == .address
            ? HashRing.make(
                slots: ranked, names: activeNames,
                weights: ranking.order.map { Int32(entries[Int($0)].server.weight) },
                listed: entries.map { Int32($0.server.weight) }) : PlainArray(0)
        self.names =
            shape.stickiness == .cookie
            ? NameTable.make(slots: ranked, names: Array(activeNames.prefix(eligible))) : PlainArray(0)
    }
}

/// What is thought of an entry at the moment the table is made.
struct Rating: Equatable {
    var rank: ServerRank
    var rampStart: Int64 = 0
}

/// The active entries by rank, and how many of them take requests.
struct Ranking {
    typealias Ends = InlineArray<4, Int>

    /// Which of the `ends` is that of the servers that are well.
    static let wellEnd = 1

    /// Indices into the entries, the best rank first, within a rank as listed.
    private(set) var order: [Int32] = []
    /// Where each rank ends in `order`.
    private(set) var ends = Ends(repeating: 0)
    private(set) var eligible = 0

    init(
        _ entries: [RoutingTable.Entry], _ ratings: [Rating], panicPercent: Int, isCold: Bool = false
    ) {
        var counts = (0, 0, 0, 0)
        var ranks = [ServerRank?](repeating: nil, count: entries.count)
        for index in 0..<entries.count where entries[index].server.state == .active {
            let rank = ratings[index].rank
            ranks[index] = rank
            switch rank {
            case .passed: counts.0 += 1
            case .unchecked: counts.1 += 1
            case .failed: counts.2 += 1
            case .dead: counts.3 += 1
            }
        }
        let (passed, unchecked, failed, dead) = counts
        order = [Int32](repeating: 0, count: passed + unchecked + failed + dead)
        var next = (0, passed, passed + unchecked, passed + unchecked + failed)
        for index in 0..<entries.count {
            guard let rank = ranks[index] else { continue }
            switch rank {
            case .passed:
                order[next.0] = Int32(index)
                next.0 += 1
            case .unchecked:
                order[next.1] = Int32(index)
                next.1 += 1
            case .failed:
                order[next.2] = Int32(index)
                next.2 += 1
            case .dead:
                order[next.3] = Int32(index)
                next.3 += 1
            }
        }
        let well = passed + unchecked
        ends = [passed, well, well + failed, well + failed + dead]
        // A server that nobody is behind says nothing about the checks: only doubtful ones count for panic.
        let present = well + failed
        if present == 0 {
            eligible = dead
        } else if well * 100 < present * panicPercent || well == 0 {
            eligible = present
        } else if passed == 0 || isCold && passed * 100 < well * panicPercent {
            // The first checks come in one after the other: the first good one is not to get everything.
            eligible = well
        } else {
            eligible = passed
        }
    }
}
