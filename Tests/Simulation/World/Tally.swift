/// What happened in a simulated world, for the eye, and for tests that must see the faults bite.
package struct Tally: Sendable {
    package var steps = 0
    package var elections = 0
    package var reinstated = 0
    package var steals = 0
    package var proofs = 0
    package var handovers = 0
    package var failovers = 0
    package var storeLosses = 0
    package var crashes = 0
    package var marks = 0
    package var refusedMarks = 0
    package var ordersDone = 0
    package var ordersRefused = 0
    package var launches = 0
    package var repeatedLaunches = 0
    package var commands = 0
    /// Launches that were not opened for a pause, and for their budget.
    package var pausedOpens = 0
    package var budgetedOpens = 0
    /// Two believed to lead because a machine's clock had stood still, or the store's had jumped ahead.
    package var excused = 0
    /// Epochs that fell because nobody was left who knew better.
    package var excusedEpochs = 0
    package var peaces = 0
    /// Changes of the server list by people, and times that all agents and the store had one list again.
    package var listChanges = 0
    package var settledLists = 0
    /// Lists that a leader wrote back, stores that went back to an older one, and those where nobody knew better.
    package var restoredLists = 0
    package var oldLists = 0
    package var forgivenLists = 0
    /// The longest that a healed troop took to have a leader, in milliseconds.
    package var longestLeaderless: Int64 = 0

    package init() {}

    /// Adds another's numbers.
    package mutating func add(_ other: Tally) {
        steps += other.steps
        elections += other.elections
        reinstated += other.reinstated
        steals += other.steals
        proofs += other.proofs
        handovers += other.handovers
        failovers += other.failovers
        storeLosses += other.storeLosses
        crashes += other.crashes
        marks += other.marks
        refusedMarks += other.refusedMarks
        ordersDone += other.ordersDone
        ordersRefused += other.ordersRefused
        launches += other.launches
        repeatedLaunches += other.repeatedLaunches
        commands += other.commands
        pausedOpens += other.pausedOpens
        budgetedOpens += other.budgetedOpens
        excused += other.excused
        excusedEpochs += other.excusedEpochs
        peaces += other.peaces
        listChanges += other.listChanges
        settledLists += other.settledLists
        restoredLists += other.restoredLists
        oldLists += other.oldLists
        forgivenLists += other.forgivenLists
        longestLeaderless = max(longestLeaderless, other.longestLeaderless)
    }
}
