import Testing

@testable import Metrics

/// What is remembered, and what that costs.
@Suite struct HistoryTests {
    private func point(_ cpu: Double?, p99: Double? = nil) -> HistoryPoint {
        var point = HistoryPoint()
        point[.cpu] = cpu
        point[.latencyP99] = p99
        return point
    }

    @Test func codesKeepFourDigits() throws {
        for series in HistorySeries.allCases {
            #expect(series.value(series.code(nil)) == nil)
            #expect(series.value(series.code(.nan)) == nil && series.value(series.code(-1)) == nil)
            #expect(series.value(series.code(.infinity)) == nil)
            #expect(series.value(series.code(0)) == 0)
            let largest = try #require(series.value(series.code(1e300)))
            #expect(largest >= 1, "\(series)")
        }
        for value in [0.0001, 0.5, 0.9999, 1] {
            #expect(HistorySeries.cpu.value(HistorySeries.cpu.code(value)) == value)
        }
        for value in [0.05, 1, 37.5, 2500, 600_000] {
            let back = try #require(HistorySeries.latencyP99.value(HistorySeries.latencyP99.code(value)))
            #expect(abs(back - value) <= value * 0.001)
        }
        for value in [1.0, 1e3, 1e9, 1e14] {
            let back = try #require(HistorySeries.networkSent.value(HistorySeries.networkSent.code(value)))
            #expect(abs(back - value) <= value * 0.001)
        }
    }

    @Test func fifteenMinutesAreKeptBySecondAndADayByMinute() throws {
        var book = HistoryBook(budgetBytes: 64 << 20)
        // A share that tells the hour, and one gap.
        let seconds = Array(stride(from: Int64(0), to: 88_800, by: 20)) + Array(88_800..<90_000)
        for second in seconds where !(89_500..<89_510).contains(second) {
            book.note([("a", point(Double(second / 3600) / 100, p99: 5))], at: second)
        }
        let now: Int64 = 89_999
        let fine = try #require(
            book.columns(of: "a", from: now - 899, step: nil, series: [.cpu, .load1], now: now))
        #expect(fine.step == 1 && fine.count == 900 && fine.start == now - 899)
        #expect(fine.values[.cpu]?[0] == 0.24 && fine.values[.cpu]?.last == 0.24)
        #expect(fine.values[.load1] == Array(repeating: nil, count: 900))
        let hole = Int(89_500 - fine.start)
        #expect(fine.values[.cpu]?[hole - 1] == 0.24 && fine.values[.cpu]?[hole] == nil)
        #expect(fine.values[.cpu]?[hole + 9] == nil && fine.values[.cpu]?[hole + 10] == 0.24)
        let coarse = try #require(
            book.columns(of: "a", from: now - 86_400, step: nil, series: [.cpu], now: now))
        #expect(coarse.step == 60 && (1440...1441).contains(coarse.count))
        #expect(coarse.values[.cpu]?[5] == 0.01 && coarse.values[.cpu]?.last == 0.24)
        let means = try #require(
            book.columns(of: "a", from: now - 86_400, step: 3600, series: [.cpu], now: now))
        #expect(means.step == 3600 && means.values[.cpu]?.compactMap(\.self).count ?? 0 >= 24)
        #expect(book.columns(of: "b", from: 0, step: nil, series: [.cpu], now: now) == nil)
        let silly = try #require(book.columns(of: "a", from: .min / 2, step: .max, series: [.cpu], now: now))
        #expect(silly.step == 86_400 && silly.count <= 2)
    }

    @Test func aSilentHostsPastGoesOnToBeKnown() throws {
        var book = HistoryBook(budgetBytes: 1 << 20)
        for second in 0..<Int64(10) { book.note([("a", point(0.5))], at: second) }
        let columns = try #require(book.columns(of: "a", from: 0, step: nil, series: [.cpu], now: 20))
        #expect(columns.values[.cpu] == Array(repeating: 0.5, count: 10) + Array(repeating: nil, count: 11))
        book.note([("b", point(1))], at: 86_500)
        #expect(book.hosts == ["b"], "who is silent for a day is forgotten")
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func theBudgetHoldsWhateverComesAndGoes(_ seed: UInt64) {
        var generator = HistoryGenerator(state: seed)
        let budget = 2 << 20
        var book = HistoryBook(budgetBytes: budget)
        var names: Set<String> = []
        var second: Int64 = 0
        var resolutions: Set<Int64> = []
        for _ in 0..<80 {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0, 1:
                for _ in 0..<Int.random(in: 0...200, using: &generator) {
                    names.insert("host-\(Int.random(in: 0..<3000, using: &generator))")
                }
            case 2:
                for name in names.sorted().prefix(names.count / 3) { names.remove(name) }
            default: second += Int64.random(in: 0...90_000, using: &generator)
            }
            second += 1
            book.note(names.sorted().map { ($0, point(0.25)) }, at: second)
            #expect(book.bytes <= budget, "seed \(seed)")
            #expect(book.hosts.count + book.hostsLeftOut >= names.count)
            #expect(
                book.hostsLeftOut == 0 || book.resolution == HistoryResolution.all.last,
                "nobody is left out while coarser would do")
            resolutions.insert(book.resolution.fineStep)
            if let name = names.min(), book.knows(name) {
                let columns = book.columns(of: name, from: second, step: nil, series: [.cpu], now: second)
                #expect(columns?.values[.cpu]?.last == 0.25)
                #expect(columns?.step == book.resolution.fineStep)
            }
        }
        #expect(resolutions.count > 2, "the resolution moved")
    }

    @Test func whatIsTakenForABookIsWhatItTakes() {
        // The arrays' true capacities, against what the budget counts.
        let resolution = HistoryResolution.all[0]
        let fine = HistoryTrack(step: resolution.fineStep, count: resolution.fineCount)
        let coarse = HistoryTrack(step: resolution.coarseStep, count: resolution.coarseCount)
        #expect(fine.bytesOfArrays + coarse.bytesOfArrays <= resolution.bytesPerHost)
        #expect(HistoryResolution.fitting(hosts: 1000, budgetBytes: 64 << 20) == HistoryResolution.all[0])
        #expect(HistoryResolution.fitting(hosts: 10_000, budgetBytes: 64 << 20).fineStep <= 30)
        for (finer, coarser) in zip(HistoryResolution.all, HistoryResolution.all.dropFirst()) {
            #expect(finer.bytesPerHost > coarser.bytesPerHost)
            #expect(HistoryResolution.fineSpan % coarser.fineStep == 0)
            #expect(HistoryResolution.coarseSpan % coarser.coarseStep == 0)
        }
    }

    @Test func aCoarserTrackHoldsTheMeans() {
        var track = HistoryTrack(step: 1, count: 900)
        for second in 0..<Int64(900) { track.note(point(second % 2 == 0 ? 0.2 : 0.4), at: second) }
        let coarse = track.resampled(step: 10, count: 90)
        #expect(coarse.slots == 0..<90)
        for slot in coarse.slots { #expect(abs((coarse.value(.cpu, slot: slot) ?? 0) - 0.3) < 0.001) }
        let fine = coarse.resampled(step: 1, count: 900)
        #expect(abs((fine.value(.cpu, slot: 455) ?? 0) - 0.3) < 0.001)
        var backwards = track
        backwards.note(point(1), at: 5)
        #expect(backwards.value(.cpu, slot: 5) == 0.4, "the past is not written anew")
    }

    @Test func anotherAgentsPastFillsGapsAndNothingElse() throws {
        var book = HistoryBook(budgetBytes: 1 << 20)
        book.note([("a", point(0.9))], at: 1000)
        book.note([("a", point(0.9))], at: 1001)
        let columns = HistoryBook.Columns(
            start: 990, step: 1, count: 13,
            values: [.cpu: Array(repeating: 0.1, count: 13), .memory: [nil, 0.3]])
        #expect(book.fill("a", with: columns) == 10, "the rows before its own two")
        let read = try #require(
            book.columns(of: "a", from: 990, step: nil, series: [.cpu, .memory], now: 1001))
        #expect(read.values[.cpu] == Array(repeating: 0.1, count: 10) + [0.9, 0.9])
        #expect(read.values[.memory]?[1] == 0.3)
        #expect(book.fill("b", with: columns) == 0, "of a host that is not known nothing is taken")
        let minutes = HistoryBook.Columns(
            start: 0, step: 60, count: 10, values: [.cpu: Array(repeating: 0.7, count: 10)])
        #expect(book.fill("a", with: minutes) == 10)
        let past = try #require(book.columns(of: "a", from: 0, step: 60, series: [.cpu], now: 1001))
        #expect(past.values[.cpu]?.prefix(10) == Array(repeating: 0.7, count: 10)[...])
        let fine = try #require(book.columns(of: "a", from: 300, step: nil, series: [.cpu], now: 1001))
        #expect(fine.values[.cpu]?.first == .some(nil), "a minute is no news of each of its seconds")
    }
}

/// A generator with a seed, so that a failure is found again.
private struct HistoryGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
