/// One host's values at one step: a ring whose newest slot is the mean of what was noted in it so far.
struct HistoryTrack: Sendable {
    /// Seconds of one slot.
    let step: Int64
    /// The number of slots.
    let count: Int
    private var codes: [UInt16]
    /// The number of the newest slot (seconds through step); nil before anything was noted.
    private(set) var newest: Int64?
    private var sums: [Float]
    private var counts: [UInt16]

    private static let width = HistoryPoint.width

    /// A track without values.
    init(step: Int64, count: Int) {
        self.step = step
        self.count = count
        codes = Array(repeating: HistorySeries.none, count: count * HistoryTrack.width)
        sums = Array(repeating: 0, count: HistoryTrack.width)
        counts = Array(repeating: 0, count: HistoryTrack.width)
    }

    /// The memory of a track, in bytes; its three arrays' heads included.
    static func bytes(slots: Int) -> Int { (slots * 2 + 6) * width + 3 * 32 + 64 }

    /// What the arrays have taken, in bytes.
    var bytesOfArrays: Int { (codes.capacity + counts.capacity) * 2 + sums.capacity * 4 + 3 * 32 }

    /// Notes a point; one that is older than the newest slot is left out.
    mutating func note(_ point: HistoryPoint, at second: Int64) {
        let slot = second.floorDivided(by: step)
        if let newest, slot < newest { return }
        advance(to: slot)
        let base = place(slot)
        for series in HistorySeries.allCases {
            guard let value = point[series] else { continue }
            let index = series.place
            guard counts[index] < .max else { continue }
            counts[index] += 1
            sums[index] += Float(value)
            codes[base + index] = series.code(Double(sums[index] / Float(counts[index])))
        }
    }

    /// Puts a point where nothing is known yet, in the past of the newest slot; true when anything was taken.
    mutating func fill(_ point: HistoryPoint, at second: Int64) -> Bool {
        let slot = second.floorDivided(by: step)
        guard let newest, slot < newest, slot > newest - Int64(count) else { return false }
        let base = place(slot)
        var isTaken = false
        for series in HistorySeries.allCases where codes[base + series.place] == HistorySeries.none {
            guard let value = point[series] else { continue }
            codes[base + series.place] = series.code(value)
            isTaken = true
        }
        return isTaken
    }

    /// Makes the slot the newest; those between are empty.
    mutating func advance(to slot: Int64) {
        if let newest {
            guard slot > newest else { return }
            if slot - newest >= Int64(count) {
                for index in codes.indices { codes[index] = HistorySeries.none }
            } else {
                for passed in (newest + 1)...slot {
                    let base = place(passed)
                    for index in base..<base + HistoryTrack.width { codes[index] = HistorySeries.none }
                }
            }
        }
        newest = slot
        for index in 0..<HistoryTrack.width { (sums[index], counts[index]) = (0, 0) }
    }

    /// The slots that a reader may ask for, oldest first; empty before anything was noted.
    var slots: Range<Int64> {
        guard let newest else { return 0..<0 }
        return newest - Int64(count) + 1..<newest + 1
    }

    /// One value; nil where none is known.
    func value(_ series: HistorySeries, slot: Int64) -> Double? {
        slots.contains(slot) ? series.value(codes[place(slot) + series.place]) : nil
    }

    /// All values of a slot.
    func point(slot: Int64) -> HistoryPoint {
        var point = HistoryPoint()
        for series in HistorySeries.allCases { point[series] = value(series, slot: slot) }
        return point
    }

    /// The same values at another step: the means of finer ones, or coarser ones repeated.
    func resampled(step: Int64, count: Int) -> HistoryTrack {
        var track = HistoryTrack(step: step, count: count)
        for slot in slots {
            let point = point(slot: slot)
            guard point != HistoryPoint() else { continue }
            for second in stride(
                from: slot * self.step, to: (slot + 1) * self.step, by: Int(min(step, self.step)))
            {
                track.note(point, at: second)
            }
        }
        return track
    }

    private func place(_ slot: Int64) -> Int {
        Int(slot - slot.floorDivided(by: Int64(count)) * Int64(count)) * HistoryTrack.width
    }
}

extension Int64 {
    /// The quotient, rounded down also below zero.
    func floorDivided(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
