import ArgumentParser
import Testing

@testable import bench

/// Goals are counted for the whole program: one test alone has to do with them.
@Suite struct GoalTests {
    @Test func aMissedGoalCountsOnlyForThoseWhoAskForIt() throws {
        #expect(Goal.verdict(1, atMost: 1) == "met" && Goal.missed == 0)
        try GoalOptions.parse(["--strict"]).hold()
        #expect(Goal.verdict(1.01, atMost: 1) == "missed" && Goal.verdict(.nan, atMost: 1) == "missed")
        #expect(Goal.missed == 2)
        try GoalOptions.parse([]).hold()
        #expect(throws: ExitCode.failure) { try GoalOptions.parse(["--strict"]).hold() }
    }
}
