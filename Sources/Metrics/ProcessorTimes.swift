/// The CPU counters of /proc/stat at one moment, a row for each CPU, in ticks.
struct ProcessorTimes: Sendable {
    /// The counters that are kept of each CPU; guest time is left out, `user` and `nice` hold it already.
    enum Field: Int, CaseIterable {
        case user, nice, system, idle, iowait, irq, softirq, steal
    }

    /// More CPUs than the kernel can be built for.
    static let cpusMax = 8192

    private(set) var identifiers: [UInt64] = []
    private var ticks: [UInt64] = []

    /// The number of CPUs.
    var count: Int { identifiers.count }

    /// One counter of the CPU in a row.
    func value(_ field: Field, row: Int) -> UInt64 { ticks[row * Field.allCases.count + field.rawValue] }

    /// The counters of one CPU alone.
    func row(_ row: Int) -> ProcessorTimes {
        var times = ProcessorTimes()
        times.identifiers = [identifiers[row]]
        let width = Field.allCases.count
        times.ticks = Array(ticks[row * width..<(row + 1) * width])
        return times
    }

    /// The same counters in memory of their own: to write over these or those then copies neither.
    func apart() -> ProcessorTimes {
        var times = ProcessorTimes()
        times.identifiers = identifiers.withUnsafeBufferPointer { Array($0) }
        times.ticks = ticks.withUnsafeBufferPointer { Array($0) }
        return times
    }

    /// Takes the counters of a /proc/stat; rows that make no sense are left out.
    ///
    /// A CPU has four counters on the oldest kernels and more on later ones than are known here. CPUs stand in
    /// rising order; one out of order is left out, so that two moments can be compared side by side.
    mutating func parse(_ bytes: Span<UInt8>) {
        identifiers.removeAll(keepingCapacity: true)
        ticks.removeAll(keepingCapacity: true)
        var scanner = ByteScanner(bytes)
        while scanner.skip("cpu") {
            parseRow(&scanner)
            scanner.skipLine()
            guard identifiers.count < ProcessorTimes.cpusMax else { return }
        }
    }

    private mutating func parseRow(_ scanner: inout ByteScanner) {
        guard let identifier = scanner.number(), identifiers.last.map({ $0 < identifier }) ?? true else {
            return
        }
        let begin = ticks.count
        for _ in Field.allCases {
            scanner.skipSpaces()
            guard let value = scanner.number() else { break }
            ticks.append(value)
        }
        let found = ticks.count - begin
        // A row cut short or with something else among its numbers is worth nothing.
        guard found >= 4, found == Field.allCases.count || scanner.isAtEndOfLine else {
            ticks.removeLast(found)
            return
        }
        for _ in found..<Field.allCases.count { ticks.append(0) }
        identifiers.append(identifier)
    }
}

/// How the CPUs spent the time between two moments, as shares of it.
struct ProcessorShares: Equatable {
    var busy: Double
    var steal: Double
    var iowait: Double
}

extension ProcessorShares {
    /// Compares two moments over the CPUs present in both; nil when no time passed or nothing can be told.
    ///
    /// Counters are known to step back a little (iowait, steal, guests that were moved): such a step counts as 0.
    /// A CPU whose counters fell by more than `resetTicks` was taken out and came back: it is left out.
    init?(from earlier: borrowing ProcessorTimes, to later: borrowing ProcessorTimes, resetTicks: UInt64) {
        var total: UInt64 = 0
        var idle: UInt64 = 0
        var iowait: UInt64 = 0
        var steal: UInt64 = 0
        var (old, new) = (0, 0)
        while old < earlier.count, new < later.count {
            let (before, after) = (earlier.identifiers[old], later.identifiers[new])
            if before != after {
                if before < after { old += 1 } else { new += 1 }
                continue
            }
            var sum: UInt64 = 0
            var isReset = false
            for field in ProcessorTimes.Field.allCases {
                let (from, to) = (earlier.value(field, row: old), later.value(field, row: new))
                if to < from, field != .iowait, from - to > resetTicks { isReset = true }
                sum = sum.saturatingSum(to.saturatingDifference(from))
            }
            if !isReset {
                total = total.saturatingSum(sum)
                idle = idle.saturatingSum(
                    later.value(.idle, row: new).saturatingDifference(earlier.value(.idle, row: old)))
                iowait = iowait.saturatingSum(
                    later.value(.iowait, row: new).saturatingDifference(earlier.value(.iowait, row: old)))
                steal = steal.saturatingSum(
                    later.value(.steal, row: new).saturatingDifference(earlier.value(.steal, row: old)))
            }
            old += 1
            new += 1
        }
        guard total > 0, total < .max else { return nil }
        let busyTicks = total.saturatingDifference(idle).saturatingDifference(iowait)
        let whole = Double(total)
        self.init(
            busy: Double(busyTicks) / whole, steal: Double(steal) / whole, iowait: Double(iowait) / whole)
    }
}

extension UInt64 {
    /// The difference, 0 where it would be negative.
    func saturatingDifference(_ other: UInt64) -> UInt64 { self > other ? self - other : 0 }

    /// The sum, the largest number where it does not fit.
    func saturatingSum(_ other: UInt64) -> UInt64 {
        let (sum, overflowed) = addingReportingOverflow(other)
        return overflowed ? .max : sum
    }
}

extension Sample {
    /// The busy share of each CPU present in both moments; nil without an earlier one.
    static func cores(from earlier: ProcessorTimes, to later: ProcessorTimes, resetTicks: UInt64) -> [Core]? {
        guard earlier.count > 0 else { return nil }
        var cores: [Core] = []
        var old = 0
        for new in 0..<later.count {
            while old < earlier.count, earlier.identifiers[old] < later.identifiers[new] { old += 1 }
            guard old < earlier.count, earlier.identifiers[old] == later.identifiers[new] else { continue }
            guard
                let shares = ProcessorShares(
                    from: earlier.row(old), to: later.row(new), resetTicks: resetTicks)
            else { continue }
            cores.append(Core(number: later.identifiers[new], busy: shares.busy))
        }
        return cores
    }
}
