/// How many requests a second there were lately, from a counter that somebody looks at now and then.
struct RequestRates {
    private struct Look {
        var at: Int64
        var count: UInt64
    }

    /// Looks closer together than this tell nothing new.
    private static let apartNanoseconds: Int64 = 200_000_000
    private static let looksMax = 64

    private var looks: [Look] = []

    /// Takes the counter's value; instants never go back.
    mutating func note(_ count: UInt64, at now: Int64) {
        if let last = looks.last, now - last.at < RequestRates.apartNanoseconds { return }
        if looks.count == RequestRates.looksMax { looks.removeFirst() }
        looks.append(Look(at: now, count: count))
    }

    /// Requests a second over about the last `seconds`; nil when nobody looked about then.
    func rate(_ count: UInt64, overSeconds seconds: Int64, at now: Int64) -> Double? {
        let span = seconds * 1_000_000_000
        let near = looks.filter { now - $0.at >= span / 2 && now - $0.at <= span * 2 }
        guard let look = near.min(by: { abs(now - $0.at - span) < abs(now - $1.at - span) }) else {
            return nil
        }
        return Double(count &- look.count) * 1e9 / Double(now - look.at)
    }
}
