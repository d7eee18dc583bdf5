import Testing

@testable import bench

@Suite struct LoadTests {
    @Test func theSummaryLineIsRead() throws {
        let result = try #require(Load.Result("Running 4s test\nsummary 400000 4000000 850 2100 0 1 0 2 3\n"))
        #expect(result.requests == 400_000)
        #expect(result.seconds == 4)
        #expect(result.p50Milliseconds == 0.85)
        #expect(result.p99Milliseconds == 2.1)
        #expect(result.errors == 6)
    }

    @Test(arguments: ["", "summary 1 2 3\n", "summary 1 0 1 1 0 0 0 0 0\n", "summary a b c d e f g h i\n"])
    func anOutputWithoutOneIsRefused(_ output: String) {
        #expect(Load.Result(output) == nil)
    }
}
