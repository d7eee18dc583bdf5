import Linux

/// What routing costs with long lists: for the benchmark, which cannot see pickers.
package struct RoutingTrial {
    /// Nanoseconds for one pick, on average, of a worker that has the table.
    package let pickNanoseconds: Double
    /// The sum of what was picked: keeps the work alive.
    package let sum: Int64

    /// Picks `picks` times among `servers` that have all answered before, some of them busy.
    package init(_ servers: [RoutedServer], balance: Balance, picks: Int) {
        var shape = RoutingTable.Shape()
        shape.balance = balance
        let entries = servers.enumerated().map { slot, server in
            RoutingTable.Entry(slot: slot, server: server, incarnation: 1)
        }
        let table = RoutingTable(
            generation: 1, entries: entries, ratings: servers.map { _ in Rating(rank: .passed) }, names: [],
            shape: shape)
        let loads = UnsafeMutablePointer<ServerLoad>.allocate(capacity: max(1, servers.count))
        loads.initialize(repeating: ServerLoad(), count: max(1, servers.count))
        defer { loads.deallocate() }
        for index in 0..<table.marks.count {
            loads[index].share = table.marks[index].share
            loads[index].isEligible = table.marks[index].isEligible
            loads[index].note(latency: Float(1_000_000 + index % 97 * 10_000))
            loads[index].inFlight = Int32(index % 3)
        }
        var picker = Picker(balance, loads: loads, table: table, seed: 7)
        var sum: Int64 = 0
        let start = Instant.now()
        for _ in 0..<picks { sum &+= Int64(picker.pick()) }
        pickNanoseconds = Double(Instant.now().nanoseconds - start.nanoseconds) / Double(max(1, picks))
        self.sum = sum
    }
}
