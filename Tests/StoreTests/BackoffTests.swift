import Store
import Testing

@Suite struct BackoffTests {
    /// Zero itself would be drawn again for ever by the library's unbiased choice.
    private static let lowest: UInt64 = 1

    private struct Constant: RandomNumberGenerator {
        let value: UInt64
        func next() -> UInt64 { value }
    }

    private let fault = StoreFault.unreachable("x")

    @Test func theLimitDoublesToTwoSeconds() {
        var highest = Constant(value: .max)
        var backoff = Backoff()
        let waits = (0..<9).map { _ in backoff.wait(after: fault, using: &highest) }
        #expect(waits == [50, 100, 200, 400, 800, 1600, 2000, 2000, 2000])
        backoff.reset()
        #expect(backoff.wait(after: fault, using: &highest) == 50)
    }

    @Test func theJitterIsFullButNeverNothing() {
        var lowest = Constant(value: Self.lowest)
        var backoff = Backoff()
        #expect(
            (0..<9).map { _ in backoff.wait(after: fault, using: &lowest) } == Array(repeating: 1, count: 9))
        var random = SystemRandomNumberGenerator()
        let waits = (0..<500).map { _ in backoff.wait(after: fault, using: &random) }
        #expect(waits.allSatisfy { (1...2000).contains($0) })
        #expect(waits.contains { $0 < 500 } && waits.contains { $0 > 1500 })
    }

    @Test func aWrongPasswordWaitsLongAtOnce() {
        let refused = StoreFault.rejected(ReplyError(code: "WRONGPASS", message: ""))
        for value in [Self.lowest, .max] {
            var generator = Constant(value: value)
            var backoff = Backoff()
            #expect((1000...2000).contains(backoff.wait(after: refused, using: &generator)))
        }
    }
}
