/// Why a rule came to no result.
enum RuleFault: Error, Equatable, Sendable, CustomStringConvertible {
    case divisionByZero
    /// More work, or larger values, than an evaluation may make.
    case tooMuchWork
    /// `fractional` without a value to go by, where the context is out of sight: within a loop.
    case shareInLoop

    var description: String {
        switch self {
        case .divisionByZero: "the targeting divides by zero"
        case .shareInLoop:
            "the targeting has 'fractional' in a loop; say there what it goes by, as its first argument"
        case .tooMuchWork:
            "the targeting makes more work than an evaluation may (loops over long lists, long texts)"
        }
    }
}

/// How much work an evaluation may still make, in steps of roughly the same cost.
package struct Effort: Sendable {
    /// What the evaluation of one flag may take.
    package static let flagSteps = 200_000
    /// What the evaluation of all flags for one request may take.
    package static let bulkSteps = 5_000_000

    /// Steps that are left.
    package private(set) var steps: Int

    /// An effort of so many steps.
    package init(steps: Int = Effort.flagSteps) { self.steps = steps }

    mutating func spend(_ count: Int) throws(RuleFault) {
        guard count <= steps else {
            steps = 0
            throw .tooMuchWork
        }
        steps -= count
    }

    /// Takes what another effort used off this one.
    package mutating func settle(from before: Int, to after: Int) { steps = max(0, steps - (before - after)) }
}
