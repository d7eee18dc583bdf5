import Simulation
import Testing

/// Whole troops under faults; a failing seed is printed, and repeats with `make simulate SIMULATE_ARGS="--seed N --trace"`.
@Suite struct SimulationTests {
    @Test func theInvariantsHoldInEveryWorld() throws {
        var campaign = Campaign()
        try campaign.run(steps: 200_000, from: 1)
        if let (seed, violation) = campaign.failure { Issue.record("seed \(seed): \(violation)") }
        // The faults did bite, and the guards did act.
        let tally = campaign.tally
        #expect(tally.elections > 200)
        #expect(tally.proofs > 20)
        #expect(tally.reinstated > 20)
        #expect(tally.failovers > 10)
        #expect(tally.refusedMarks > 20)
        #expect(tally.ordersRefused > 20)
        #expect(tally.repeatedLaunches > 20)
        #expect(tally.commands > 20)
        #expect(tally.pausedOpens > 20)
        #expect(tally.budgetedOpens > 20)
        #expect(tally.peaces > 50)
        #expect(tally.listChanges > 100)
        #expect(tally.settledLists > 20)
        #expect(tally.restoredLists > 20)
    }

    @Test func oneSeedIsOneStory() throws {
        var stories: Set<String> = []
        for _ in 0..<2 {
            var world = try World(seed: 3)
            world.run(steps: 5000)
            stories.insert("\(world.tally)")
        }
        #expect(stories.count == 1)
    }

    /// Each guard, once taken away, is missed; so the checks can fail, and every guard is needed.
    @Test(arguments: Break.allCases) func aMissingGuardIsNoticed(_ broken: Break) throws {
        var campaign = Campaign()
        // Old copies are rare: some seeds have none of consequence.
        let first: UInt64 = broken == .trustsOldLists ? 60 : 1
        try campaign.run(steps: 1_000_000, from: first, broken: broken)
        let (_, violation) = try #require(campaign.failure)
        #expect(broken.invariants.contains(violation.invariant), "\(violation)")
    }
}

extension Break {
    /// The invariants that the guard keeps.
    fileprivate var invariants: Set<Int> {
        switch self {
        case .noQuarantine: [1, 2]
        case .noFloor, .forgetsEpochs: [2, 3]
        case .noFence: [3]
        // An agent that knows a higher epoch follows nobody below it, also when all is well again.
        case .stealWithoutQuarantine: [0, 1, 2]
        case .uncappedTTL: [0]
        case .countsFromReceipt: [1]
        case .anyEndIsProof: [1, 5]
        case .ignoresDeadline, .noPause: [6]
        case .noBudget: [7]
        case .noHostFence: [3]
        case .freshLaunchIDs: [4]
        case .trustsOldLists: [8]
        }
    }
}
