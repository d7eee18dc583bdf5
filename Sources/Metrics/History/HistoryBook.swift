/// What every host was like in the last 15 minutes and in the last 24 hours, within one budget of memory.
///
/// Seconds are those of the owner's own monotonic clock. With more hosts the steps grow, and with fewer they shrink
/// again: `resolution` says what they are.
package struct HistoryBook: Sendable {
    private struct Record {
        var fine: HistoryTrack
        var coarse: HistoryTrack
        var notedAt: Int64

        init(_ resolution: HistoryResolution, at second: Int64) {
            fine = HistoryTrack(step: resolution.fineStep, count: resolution.fineCount)
            coarse = HistoryTrack(step: resolution.coarseStep, count: resolution.coarseCount)
            notedAt = second
        }
    }

    /// A piece of one host's history, a column for each series.
    package struct Columns: Sendable, Equatable {
        /// The first row's second.
        package var start: Int64
        /// Seconds from row to row.
        package var step: Int64
        /// The number of rows.
        package var count: Int
        package var values: [HistorySeries: [Double?]]

        /// Columns from their parts.
        package init(start: Int64, step: Int64, count: Int, values: [HistorySeries: [Double?]]) {
            self.start = start
            self.step = step
            self.count = count
            self.values = values
        }
    }

    /// The share of the budget below which a finer resolution is taken up again.
    private static let returnShare = 0.75
    /// The largest budget, in bytes.
    package static let budgetMax = 4 << 30
    /// The smallest budget, in bytes.
    package static let budgetMin = 1 << 20

    private let budgetBytes: Int
    private var records: [String: Record] = [:]
    /// How finely all hosts are kept.
    package private(set) var resolution = HistoryResolution.all[0]
    /// Hosts of the last noting for which there was no room at all.
    package private(set) var hostsLeftOut = 0

    /// An empty book that takes at most `budgetBytes`.
    package init(budgetBytes: Int) { self.budgetBytes = budgetBytes }

    /// The memory in use, in bytes.
    package var bytes: Int { records.count * resolution.bytesPerHost }
    /// The hosts that are remembered.
    package var hosts: [String] { records.keys.sorted() }

    /// Notes a point of each host; hosts that were not noted for 24 hours are forgotten.
    package mutating func note(_ points: [(name: String, point: HistoryPoint)], at second: Int64) {
        let silent = records.filter { second - $0.value.notedAt > HistoryResolution.coarseSpan }
        for name in silent.keys { records[name] = nil }
        let new = points.reduce(into: 0) { count, entry in if records[entry.name] == nil { count += 1 } }
        adapt(toHosts: records.count + new)
        hostsLeftOut = 0
        for (name, point) in points {
            if records[name] == nil {
                guard (records.count + 1) * resolution.bytesPerHost <= budgetBytes else {
                    hostsLeftOut += 1
                    continue
                }
                records[name] = Record(resolution, at: second)
            }
            records[name]?.fine.note(point, at: second)
            records[name]?.coarse.note(point, at: second)
            records[name]?.notedAt = second
        }
    }

    /// Whether anything is remembered of a host.
    package func knows(_ name: String) -> Bool { records[name] != nil }

    /// What another agent remembers of a host, where this one knows nothing; the number of rows that brought anything.
    package mutating func fill(_ name: String, with columns: Columns) -> Int {
        guard records[name] != nil, columns.step > 0 else { return 0 }
        var taken = 0
        for row in 0..<columns.count {
            var point = HistoryPoint()
            for (series, values) in columns.values where row < values.count { point[series] = values[row] }
            let second = columns.start + Int64(row) * columns.step
            var isTaken = false
            // A coarse row is no news of each of its seconds.
            if columns.step <= resolution.coarseStep {
                isTaken = records[name]?.coarse.fill(point, at: second) ?? false
            }
            if columns.step <= resolution.fineStep {
                isTaken = records[name]?.fine.fill(point, at: second) ?? false || isTaken
            }
            if isTaken { taken += 1 }
        }
        return taken
    }

    /// A host's history from `from` to `now`, in rows of `step` seconds at least; nil for a host that is not known.
    ///
    /// A step of nil is the finest that covers the time asked for. The step told is a multiple of the one kept.
    package func columns(
        of name: String, from: Int64, step wanted: Int64?, series: [HistorySeries], now: Int64
    ) -> Columns? {
        guard let record = records[name] else { return nil }
        let isFine = now - from <= HistoryResolution.fineSpan && (wanted ?? 0) < record.coarse.step
        let track = isFine ? record.fine : record.coarse
        let least = min(max(wanted ?? track.step, 1), HistoryResolution.coarseSpan)
        let step = (least + track.step - 1) / track.step * track.step
        let oldest = max(from, (now.floorDivided(by: track.step) - Int64(track.count) + 1) * track.step)
        let start = oldest.floorDivided(by: step) * step
        let count = now < start ? 0 : Int((now - start) / step) + 1
        var values: [HistorySeries: [Double?]] = [:]
        for series in series {
            values[series] = (0..<count).map { row in
                track.mean(series, from: start + Int64(row) * step, seconds: step)
            }
        }
        return Columns(start: start, step: step, count: count, values: values)
    }

    /// Takes up the finest resolution in which so many hosts fit.
    private mutating func adapt(toHosts count: Int) {
        let fitting = HistoryResolution.fitting(hosts: count, budgetBytes: budgetBytes)
        guard fitting != resolution else { return }
        if fitting.bytesPerHost > resolution.bytesPerHost,
            Double(fitting.bytesPerHost * count) > Double(budgetBytes) * HistoryBook.returnShare
        {
            return
        }
        resolution = fitting
        for name in Array(records.keys) {
            guard var record = records.removeValue(forKey: name) else { continue }
            record.fine = record.fine.resampled(step: fitting.fineStep, count: fitting.fineCount)
            record.coarse = record.coarse.resampled(step: fitting.coarseStep, count: fitting.coarseCount)
            records[name] = record
        }
    }
}

extension HistoryTrack {
    /// The mean of what is known of some seconds; nil where nothing is.
    fileprivate func mean(_ series: HistorySeries, from second: Int64, seconds: Int64) -> Double? {
        let first = second.floorDivided(by: step)
        let last = (second + seconds - 1).floorDivided(by: step)
        if first == last { return value(series, slot: first) }
        var sum = 0.0
        var count = 0.0
        for slot in first...last {
            if let value = value(series, slot: slot) { (sum, count) = (sum + value, count + 1) }
        }
        return count > 0 ? sum / count : nil
    }
}
