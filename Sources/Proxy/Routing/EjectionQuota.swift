import Linux

/// How many servers may be left out for their failures at a time, and which come back when too many are.
///
/// A value: it is told of every active server and asked at the end.
struct EjectionQuota {
    private let settings: EjectionSettings
    private let panicPercent: Int
    private var active = 0
    /// Those that are not dead.
    private var present = 0
    private var well = 0
    private var ejected: [(slot: Int, until: Instant)] = []

    init(_ settings: EjectionSettings, panicPercent: Int) {
        self.settings = settings
        self.panicPercent = panicPercent
    }

    /// Takes an active server in.
    mutating func count(_ slot: Int, _ standing: Standing, at now: Int64) {
        active += 1
        let rank = standing.rating(at: now)
        if rank != .dead { present += 1 }
        if rank.isWell { well += 1 }
        // What is out for another reason uses up no room, and needs no ejection.
        if let until = standing.ejection.until, standing.rank.isWell { ejected.append((slot, until)) }
    }

    /// How many more may go. No ejection brings the panic about: it would have the sick ones serve, too, and the server that
    /// it is for.
    var room: Int {
        let wellMin = max(1, (present * panicPercent + 99) / 100)
        return max(0, min(most - ejected.count, well - wellMin))
    }

    /// The slots of those that are out beyond the share, since the list has become shorter; those that have the least time
    /// left.
    var surplus: ArraySlice<Int> {
        ejected.sorted { $0.until < $1.until }.map(\.slot).prefix(max(0, ejected.count - most))
    }

    private var most: Int { active * settings.sharePercent / 100 }
}
