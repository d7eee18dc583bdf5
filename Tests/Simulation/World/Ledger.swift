import Election

/// What the world saw, to hold it against the invariants.
struct Ledger {
    /// The highest epoch that the troop's store gave out.
    var highestEpoch: Int64 = 0
    /// The store has lost something since that election.
    var hasForgotten = false
    /// When the store's clock was last stepped ahead.
    var steppedAheadAt: Int64 = .min / 2
    /// When the store last gave a lease, or lengthened it, by its token.
    var given: [String: Int64] = [:]
    /// When launches were opened, by the store's clock, since it last lost anything or its clock was stepped.
    var opened: [Int64] = []
    /// The highest epoch among the orders that a host obeyed.
    var highestOrder: [Int: Int64] = [:]
    var ordersDone: [Int: Set<String>] = [:]
    /// Instances by their ClientToken, and by the window they were launched for.
    var instances: [String: Int64] = [:]
    var launchedWindows: [Int64: String] = [:]
    /// Launches that were decided and not yet answered, in Redis: by window.
    var intents: [Int64: Intent] = [:]
    var list = ListLedger()
    /// Orders under way are told apart by these.
    var orders = 0
    /// Commands asked for: when, and how often a leader took each.
    var commands: [String: (asked: Int64, taken: Int)] = [:]
    /// When the store last lost data.
    var lostAt: Int64 = .min / 2
    /// When the troop was left in peace.
    var healedAt: Int64 = 0
    var firstLeaderAt: Int64?
}

/// A launch that a leader has decided on, as it stands in Redis.
struct Intent {
    let window: Int64
    let id: String
    var isDone = false
}

/// A fenced write on its way.
struct Write {
    enum Kind {
        case mark
        case order(host: Int)
        case intent(window: Int64)
        case command
    }

    let agent: Int
    let run: Int
    let lease: Lease
    let node: Int
    let kind: Kind
}
