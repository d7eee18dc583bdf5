/// Worlds one after the other, until a number of steps is reached or an invariant breaks.
package struct Campaign: Sendable {
    /// How many steps each world lives.
    package static let worldSteps = 20_000

    package private(set) var tally = Tally()
    package private(set) var worlds = 0
    /// The seed whose world broke an invariant, and which.
    package private(set) var failure: (seed: UInt64, violation: Violation)?

    package init() {}

    /// Runs the worlds of the seeds from `first` on, for so many steps.
    package mutating func run(steps: Int, from first: UInt64, broken: Break? = nil) throws {
        var seed = first
        while tally.steps < steps, failure == nil {
            var world = try World(seed: seed, broken: broken)
            world.run(steps: min(Campaign.worldSteps, steps - tally.steps))
            tally.add(world.tally)
            worlds += 1
            if let violation = world.violation { failure = (seed, violation) }
            seed += 1
        }
    }
}
