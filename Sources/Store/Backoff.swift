/// How long to wait before the next attempt: "full jitter", a random part of a limit that doubles with each
/// failure, so that many clients of one dead server do not return to it in step.
package struct Backoff: Sendable, Equatable {
    /// The limit after the first failure.
    package static let firstMilliseconds: Int64 = 50
    /// The limit that is never exceeded.
    package static let lastMilliseconds: Int64 = 2000

    private var limit = Backoff.firstMilliseconds

    /// No failure yet.
    package init() {}

    /// The wait after one more failure, from 1 to the limit in milliseconds.
    package mutating func wait(using generator: inout some RandomNumberGenerator) -> Int64 {
        defer { limit = min(limit * 2, Backoff.lastMilliseconds) }
        return Int64.random(in: 1...limit, using: &generator)
    }

    /// The wait after a failure that only a person can mend: long at once, still spread.
    package mutating func longWait(using generator: inout some RandomNumberGenerator) -> Int64 {
        limit = Backoff.lastMilliseconds
        return Int64.random(in: Backoff.lastMilliseconds / 2...Backoff.lastMilliseconds, using: &generator)
    }

    /// The wait that suits the fault.
    package mutating func wait(
        after fault: StoreFault, using generator: inout some RandomNumberGenerator
    ) -> Int64 {
        fault.kind == .configuration ? longWait(using: &generator) : wait(using: &generator)
    }

    /// Forgets the failures, after a success.
    package mutating func reset() { limit = Backoff.firstMilliseconds }
}
