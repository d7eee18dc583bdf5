import ArgumentParser
import Synchronization

/// What is aimed at, and whether it was reached.
enum Goal {
    private static let misses = Atomic<Int>(0)

    /// How many goals this run has missed so far.
    static var missed: Int { misses.load(ordering: .relaxed) }

    /// Whether a value is within its limit, as a word; what is missed is counted.
    static func verdict(_ value: Double, atMost limit: Double) -> String {
        if value <= limit { return "met" }
        misses.add(1, ordering: .relaxed)
        return "missed"
    }

    /// Prints a goal, what was measured, and the verdict.
    static func say(_ what: String, _ value: Double, atMost limit: Double, places: Int) {
        Bench.say(
            "goal: \(what) at most \(limit.text(places: places)): \(verdict(value, atMost: limit)) "
                + "(\(value.text(places: places)))")
    }
}

/// Whether a run that missed a goal has failed.
struct GoalOptions: ParsableArguments {
    @Flag(help: "End with 1 when a goal was missed.")
    var strict = false

    /// Ends the program with 1 when goals count and one was missed.
    func hold() throws {
        guard strict, Goal.missed > 0 else { return }
        Bench.say("\n\(Goal.missed) of the goals missed")
        throw ExitCode.failure
    }
}
