import Glibc
import Linux
import Simulation

/// `simulate [--steps N] [--seed N] [--trace] [--break NAME]`: whole troops under faults, from a seed.
private struct Options {
    var steps = 1_000_000
    var seed: UInt64?
    var isTraced = false
    var broken: Break?
}

private let usage = """
    usage: simulate [--steps N] [--seed N] [--trace] [--break NAME]
      --steps N     how many steps to take (1000000)
      --seed N      only the world of this seed; otherwise those of the seeds 1, 2, 3 …
      --trace       print every event (with --seed)
      --break NAME  take a guard away: \(Break.allCases.map(\.rawValue).joined(separator: ", "))
    """

private func options(_ arguments: [String]) -> Options? {
    var options = Options()
    var rest = arguments[...]
    while let word = rest.popFirst() {
        switch word {
        case "--trace": options.isTraced = true
        case "--steps":
            guard let steps = rest.popFirst().flatMap({ Int($0) }), steps > 0 else { return nil }
            options.steps = steps
        case "--seed":
            guard let seed = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
            options.seed = seed
        case "--break":
            guard let broken = rest.popFirst().flatMap({ Break(rawValue: $0) }) else { return nil }
            options.broken = broken
        default: return nil
        }
    }
    return options
}

private func tell(_ tally: Tally) {
    print(
        """
        \(tally.elections) elections (\(tally.steals) with a token named dead, \(tally.proofs) proofs of death), \
        \(tally.reinstated) reinstated, \(tally.handovers) released, \(tally.crashes) crashes
        \(tally.storeLosses) losses of data, \(tally.failovers) failovers; \(tally.marks) fenced writes taken, \
        \(tally.refusedMarks) refused; \(tally.ordersDone) orders done, \(tally.ordersRefused) refused; \
        \(tally.launches) launches, \(tally.repeatedLaunches) repeated; \(tally.commands) commands
        \(tally.listChanges) changes of the server list, \(tally.restoredLists) written back, \(tally.oldLists) gone back in time \
        (\(tally.forgivenLists) with nobody left who knew better), \(tally.settledLists) times one again
        \(tally.peaces) times left in peace, leader after \(tally.longestLeaderless) ms at most; \
        excused by clocks: \(tally.excused) steps with two believers, \(tally.excusedEpochs) epochs that fell
        """)
}

guard let options = options(Array(CommandLine.arguments.dropFirst())) else {
    print(usage)
    exit(64)
}
let begun = Instant.now()
var failed: (seed: UInt64, violation: Violation)?
var tally = Tally()
if let seed = options.seed {
    var world = try World(seed: seed, broken: options.broken, isTraced: options.isTraced)
    world.run(steps: options.steps == 1_000_000 ? Campaign.worldSteps : options.steps)
    tally = world.tally
    failed = world.violation.map { (seed, $0) }
} else {
    var campaign = Campaign()
    try campaign.run(steps: options.steps, from: 1, broken: options.broken)
    tally = campaign.tally
    failed = campaign.failure
}
let milliseconds = max(1, Instant.now().milliseconds(since: begun))
tell(tally)
print("\(tally.steps) steps in \(milliseconds) ms: \(Int64(tally.steps) * 1000 / milliseconds) steps/s")
if let failed {
    print("FAILED \(failed.violation)")
    let broken = options.broken.map { " --break \($0.rawValue)" } ?? ""
    print("again: simulate --seed \(failed.seed)\(broken) --trace")
    exit(1)
}
