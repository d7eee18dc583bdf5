/// What stands between an order and its effect on a host: the highest epoch obeyed and the orders done, kept on disk.
struct OrderGate {
    private var highestEpoch: Int64 = 0
    private var done: Set<String> = []

    /// True when the order is to be carried out now; that is noted before anything happens.
    mutating func admits(_ order: Order, at time: Int64, hasFence: Bool) -> Bool {
        guard time < order.notAfter, !done.contains(order.id) else { return false }
        if hasFence, order.epoch < highestEpoch { return false }
        highestEpoch = max(highestEpoch, order.epoch)
        done.insert(order.id)
        return true
    }
}

/// What a leader asks of a host's agent: in the world's true time, since a test of its own shows what clocks do.
struct Order {
    let id: String
    let epoch: Int64
    let notAfter: Int64
}
