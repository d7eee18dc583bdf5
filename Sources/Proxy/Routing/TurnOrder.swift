/// Smooth weighted round robin, unrolled once instead of computed at every pick.
enum TurnOrder {
    /// The longest order, or this many turns a server where that is more; above it weights are rounded.
    private static let turnsMax = 8192
    private static let turnsPerServer = 16

    /// The first of `slots`, each as often as its weight says, evenly spread.
    static func spread(slots: PlainArray<Int32>, weights: [Int32], total: Int) -> PlainArray<Int32> {
        let divisor = Int(weights.reduce(0, greatestCommonDivisor))
        guard divisor > 0 else { return PlainArray(0) }
        let longest = max(turnsMax, turnsPerServer * weights.count)
        let exact = total / divisor
        let turns = weights.map { weight in
            let turns = Int(weight) / divisor
            return exact <= longest ? turns : max(1, (turns * longest + exact / 2) / exact)
        }
        let count = turns.reduce(0, +)
        // Stride scheduling: the k-th turn of a server with w of them is due at (2k + 1) / 2w. As many buckets
        // as turns put them in order in linear time; within one the list's order is as good as any.
        var starts = [Int32](repeating: 0, count: count + 1)
        for turns in turns {
            for turn in 0..<turns { starts[bucket(turn, of: turns, count) + 1] += 1 }
        }
        for index in 0..<count { starts[index + 1] += starts[index] }
        let order = PlainArray<Int32>(count)
        for (index, turns) in turns.enumerated() {
            for turn in 0..<turns {
                let bucket = bucket(turn, of: turns, count)
                order[Int(starts[bucket])] = slots[index]
                starts[bucket] += 1
            }
        }
        return order
    }

    private static func bucket(_ turn: Int, of turns: Int, _ count: Int) -> Int {
        (2 * turn + 1) * count / (2 * turns)
    }

    private static func greatestCommonDivisor(_ left: Int32, _ right: Int32) -> Int32 {
        right == 0 ? left : greatestCommonDivisor(right, left % right)
    }
}
