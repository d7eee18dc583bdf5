import Linux
import Testing

@testable import Proxy

/// Picks over tables made by hand, with seeded chance.
@Suite struct PickerTests {
    /// A table with its loads, and a picker over them.
    private final class Bench {
        let table: RoutingTable
        let loads: UnsafeMutablePointer<ServerLoad>
        var picker: Picker

        init(_ weights: [Int], _ balance: Balance, ranks: [ServerRank] = []) throws {
            var entries: [RoutingTable.Entry] = []
            var ratings: [Rating] = []
            for (slot, weight) in weights.enumerated() {
                let address = try SocketAddress(host: "10.1.\(slot / 250).\(slot % 250 + 1)", port: 80)
                entries.append(
                    RoutingTable.Entry(
                        slot: slot, server: RoutedServer(address: address, host: "h", weight: weight),
                        incarnation: 1))
                ratings.append(Rating(rank: slot < ranks.count ? ranks[slot] : .passed))
            }
            var shape = RoutingTable.Shape()
            shape.balance = balance
            table = RoutingTable(
                generation: 1, entries: entries, ratings: ratings, names: [], shape: shape)
            loads = .allocate(capacity: max(1, weights.count))
            loads.initialize(repeating: ServerLoad(), count: max(1, weights.count))
            for index in 0..<table.marks.count {
                loads[index].share = table.marks[index].share
                loads[index].isEligible = table.marks[index].isEligible
            }
            picker = Picker(balance, loads: loads, table: table, seed: 7)
        }

        deinit { loads.deallocate() }

        /// How often each slot is picked; requests end at once.
        func counts(_ picks: Int) -> [Int] {
            var counts = [Int](repeating: 0, count: table.entries.count)
            for _ in 0..<picks { counts[Int(picker.pick())] += 1 }
            return counts
        }

        /// The same with requests that stay in flight.
        func fill(_ picks: Int) -> [Int] {
            for _ in 0..<picks { loads[Int(picker.pick())].inFlight += 1 }
            return table.entries.indices.map { Int(loads[$0].inFlight) }
        }
    }

    @Test func roundRobinIsExactAndEven() throws {
        let bench = try Bench([1, 1, 1], .roundRobin)
        let order = (0..<6).map { _ in bench.picker.pick() }
        #expect(Set(order.prefix(3)) == [0, 1, 2] && Array(order.prefix(3)) == Array(order.suffix(3)))
        let weighted = try Bench([50, 30, 20], .roundRobin)
        #expect(weighted.counts(100) == [50, 30, 20])
        let longest = try Bench([90, 10], .roundRobin)
        let turns = (0..<20).map { _ in longest.picker.pick() }
        #expect(turns.filter { $0 == 1 }.count == 2 && turns.firstIndex(of: 1) != turns.lastIndex(of: 1))
    }

    @Test(arguments: Balance.allCases) func idleServersShareByWeight(_ balance: Balance) throws {
        let bench = try Bench([256, 128, 64, 64], balance)
        for slot in 0..<4 { bench.loads[slot].note(latency: 1_000_000) }
        let counts = bench.counts(51_200)
        for (count, wanted) in zip(counts, [25_600, 12_800, 6_400, 6_400]) {
            #expect(abs(count - wanted) < wanted / 10, "\(counts)")
        }
    }

    @Test(arguments: [Balance.leastConnections, .p2c])
    func requestsInFlightAreSharedByWeight(_ balance: Balance) throws {
        let bench = try Bench([200, 100, 100], balance)
        for slot in 0..<3 { bench.loads[slot].note(latency: 1_000_000) }
        let inFlight = bench.fill(400)
        for (count, wanted) in zip(inFlight, [200, 100, 100]) {
            #expect(abs(count - wanted) <= wanted / 5, "\(inFlight)")
        }
    }

    @Test func leastConnectionsTakesTheIdleOne() throws {
        let bench = try Bench([100, 100, 100], .leastConnections)
        bench.loads[0].inFlight = 3
        bench.loads[2].inFlight = 1
        #expect(bench.counts(10) == [0, 10, 0])
    }

    @Test func slowServersGetLess() throws {
        let bench = try Bench([100, 100, 100, 100], .p2c)
        for slot in 0..<4 { bench.loads[slot].note(latency: slot == 2 ? 20_000_000 : 1_000_000) }
        let counts = bench.counts(4_000)
        #expect(counts[2] < 200 && counts[0] > 1_000 && counts[1] > 1_000 && counts[3] > 1_000, "\(counts)")
    }

    @Test func pressureCostsRequests() throws {
        let bench = try Bench([100, 100], .p2c)
        for slot in 0..<2 {
            bench.loads[slot].penalty = slot == 0 ? Pressure.penalty(1, age: 0) : 1
            bench.loads[slot].note(latency: 1_000_000)
        }
        let counts = bench.counts(1_000)
        #expect(counts[0] < 200, "\(counts)")
    }

    @Test func pressureDecaysWithItsReportsAge() {
        #expect(Pressure.penalty(0, age: 0) == 1)
        #expect(Pressure.penalty(1, age: 0) == 4)
        #expect(Pressure.penalty(7, age: 0) == 4)
        #expect(abs(Pressure.penalty(1, age: 5_000_000_000) - 2.5) < 0.01)
        #expect(Pressure.penalty(1, age: 60_000_000_000) < 1.01)
    }

    @Test func anUnknownLatencyNeitherFloodsNorStarves() throws {
        let bench = try Bench([100, 100, 100], .p2c)
        bench.loads[0].note(latency: 1_000)
        bench.loads[1].note(latency: 1_000)
        let counts = bench.counts(3_000)
        #expect(abs(counts[2] - 1_000) < 200, "\(counts)")
    }

    @Test func withoutAnswersALatencyIsForgotten() {
        var load = ServerLoad()
        load.note(latency: 9_000_000)
        load.age(nanoseconds: 500_000_000, mean: 1_000_000)
        #expect(load.latency == 9_000_000)  // it was heard of
        for _ in 0..<10 { load.age(nanoseconds: 500_000_000, mean: 1_000_000) }
        #expect(abs(load.latency - 5_000_000) < 10_000)
        for _ in 0..<200 { load.age(nanoseconds: 500_000_000, mean: 1_000_000) }
        #expect(abs(load.latency - 1_000_000) < 10_000)
    }

    @Test(arguments: Balance.allCases) func aSlowStarterGetsItsShare(_ balance: Balance) throws {
        let bench = try Bench([100, 100], balance)
        bench.loads[0].admission = 0.25
        let counts = bench.counts(10_000)
        #expect(abs(counts[0] - 2_000) < 400, "\(counts)")  // 0.25 of 1.25
    }

    @Test(arguments: Balance.allCases) func whoRefusedIsPassedOver(_ balance: Balance) throws {
        let bench = try Bench([100, 100, 100], balance)
        bench.loads[0].admission = 0
        bench.loads[2].admission = 0
        #expect(bench.counts(100) == [0, 100, 0])
        bench.loads[1].admission = 0
        #expect(bench.picker.pick() >= 0)  // better than nothing
    }

    @Test func furtherAttemptsGoToTheNextBest() throws {
        let bench = try Bench(
            [1, 1, 1, 1], .p2c, ranks: [.failed, .passed, .dead, .unchecked])
        var tried: [Int32] = []
        while let slot = Optional(bench.picker.pickOther { !tried.contains($0) }), slot >= 0 {
            tried.append(slot)
        }
        #expect(tried == [1, 3, 0, 2])
    }

    @Test func aFewGoodOnesAmongThousandsOfDeadTakeAll() throws {
        var ranks = [ServerRank](repeating: .dead, count: 3_000)
        for good in [3, 700, 1_500, 2_999] { ranks[good] = .passed }
        for balance in Balance.allCases {
            let bench = try Bench([Int](repeating: 100, count: 3_000), balance, ranks: ranks)
            let counts = bench.counts(400)
            #expect([3, 700, 1_500, 2_999].allSatisfy { counts[$0] > 50 })
            #expect(counts.reduce(0, +) == 400)
        }
    }

    @Test func longWeightsAreRoundedButCounted() throws {
        let weights = (0..<2_000).map { 1 + $0 % 256 }
        let bench = try Bench(weights, .roundRobin)
        let turns = bench.counts(bench.table.order.count)
        #expect(turns.allSatisfy { $0 >= 1 })
        let scale = Double(bench.table.order.count) / Double(weights.reduce(0, +))
        #expect(turns.indices.allSatisfy { abs(Double(turns[$0]) - Double(weights[$0]) * scale) <= 1.01 })
    }

    @Test func withoutServersNothingIsPicked() throws {
        for balance in Balance.allCases {
            let bench = try Bench([], balance)
            #expect(bench.picker.pick() == -1)
            #expect(bench.picker.pickOther { _ in true } == -1)
        }
    }
}
