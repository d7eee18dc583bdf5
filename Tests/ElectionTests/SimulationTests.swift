import Election
import Linux
import Testing

/// Whole troops under faults; a failing seed is printed and repeats.
@Suite struct SimulationTests {
    @Test(arguments: 0..<12) func oneLeaderAtMostAndRisingEpochs(_ block: UInt64) throws {
        var elections = 0
        var steals = 0
        var reinstated = 0
        for seed in block * 10..<block * 10 + 10 {
            var troop = try Troop(agents: 3, seed: seed)
            let outcome = try troop.run(milliseconds: 60_000, calmMilliseconds: 0)
            #expect(outcome.violation == nil, "seed \(seed)")
            elections += outcome.elections
            steals += outcome.steals
            reinstated += outcome.reinstated
        }
        // The faults did leave room for the protocol to go wrong.
        #expect(elections > 50)
        #expect(steals + reinstated > 0)
    }

    @Test(arguments: 1000..<1020) func aTroopLeftInPeaceHasOneLeader(_ seed: UInt64) throws {
        var troop = try Troop(agents: 4, seed: seed)
        _ = try troop.run(milliseconds: 10_000, calmMilliseconds: 0)
        try troop.recover()
        let outcome = try troop.run(milliseconds: 0, calmMilliseconds: 10_000)
        #expect(outcome.violation == nil)
        #expect(outcome.leadersAtEnd == 1)
    }

    @Test func withoutTheQuarantineTheSimulationFindsTwoLeaders() throws {
        for seed in UInt64(0)..<200 {
            var troop = try Troop(agents: 3, seed: seed, hasQuarantine: false)
            let outcome = try troop.run(milliseconds: 60_000, calmMilliseconds: 0)
            if let violation = outcome.violation {
                #expect(violation.hasPrefix("two leaders"))
                return
            }
        }
        Issue.record("nothing was found")
    }
}
