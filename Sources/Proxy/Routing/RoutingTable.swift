/// One version of the server list as workers use it; immutable.
final class RoutingTable: Sendable {
    /// A server with the slot that its connections and meters live in.
    struct Entry: Sendable {
        let slot: Int
        let server: RoutedServer
    }

    /// The longest order; above it weights are rounded.
    private static let orderMax = 8192

    let generation: Int
    let entries: [Entry]
    /// The slots in the order in which they take requests, each as often as its weight says, evenly spread.
    let order: [Int32]

    init(generation: Int, entries: [Entry]) {
        self.generation = generation
        self.entries = entries
        let active = entries.filter { $0.server.state == .active }
        let healthy = active.filter(\.server.healthy)
        // When no active server is healthy the checks are more likely wrong than all servers: fail open.
        order = RoutingTable.spread(healthy.isEmpty ? active : healthy)
    }

    /// Smooth weighted round robin, unrolled once instead of computed at every pick.
    private static func spread(_ entries: [Entry]) -> [Int32] {
        guard entries.count > 1 else { return entries.map { Int32($0.slot) } }
        var weights = entries.map(\.server.weight)
        let divisor = weights.reduce(0, greatestCommonDivisor)
        weights = weights.map { $0 / divisor }
        let total = weights.reduce(0, +)
        if total > orderMax {
            weights = weights.map { max(1, $0 * orderMax / total) }
        }
        // Stride scheduling: the k-th turn of a server with weight w is due at (2k + 1) / 2w.
        var turns: [(due: Double, slot: Int32)] = []
        for (entry, weight) in zip(entries, weights) {
            for turn in 0..<weight {
                turns.append((Double(2 * turn + 1) / Double(2 * weight), Int32(entry.slot)))
            }
        }
        turns.sort { ($0.due, $0.slot) < ($1.due, $1.slot) }
        return turns.map(\.slot)
    }

    private static func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
        right == 0 ? left : greatestCommonDivisor(right, left % right)
    }
}
