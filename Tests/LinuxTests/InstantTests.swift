import Linux
import Testing

@Suite struct InstantTests {
    private let start = Instant(nanoseconds: 5_000_000_000)

    @Test func stepsAreExact() {
        #expect(start.advanced(milliseconds: 1500) == Instant(nanoseconds: 6_500_000_000))
        #expect(start.advanced(milliseconds: -1500).milliseconds(since: start) == -1500)
    }

    /// Numbers from Redis, from files and from people end up here: none of them may end the process.
    @Test(arguments: [Int64.min, -1 << 60, 1 << 60, .max])
    func stepsBeyondTheClockEndAtItsReach(milliseconds: Int64) {
        let far = start.advanced(milliseconds: milliseconds)
        let further = far.advanced(milliseconds: milliseconds)
        #expect((milliseconds < 0) == (far < start))
        #expect((milliseconds < 0) == (far.milliseconds(since: start) < 0))
        #expect(further.advanced(milliseconds: milliseconds) == further)
    }
}
