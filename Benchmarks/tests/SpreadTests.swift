import Testing

@testable import bench

@Suite struct SpreadTests {
    @Test(arguments: [([3.0, 1, 2], 2.0, 1.0, 3.0), ([4, 1, 2, 3], 2.5, 1, 4), ([7], 7, 7, 7)])
    func medianAndEndsAreFound(_ values: [Double], _ median: Double, _ least: Double, _ most: Double) throws {
        let spread = try #require(Spread(values))
        #expect(spread.median == median)
        #expect(spread.least == least)
        #expect(spread.most == most)
    }

    @Test func nothingHasNoSpread() { #expect(Spread([]) == nil) }

    @Test(arguments: [
        (1.005, 1, "1.0"), (12.96, 1, "13.0"), (0.049, 2, "0.05"), (-0.5, 1, "-0.5"), (-0.01, 1, "0.0"),
        (123456.7, 0, "123457"), (.infinity, 2, "-"), (.nan, 1, "-"),
    ])
    func numbersArePrintedWithFixedPlaces(_ number: Double, _ places: Int, _ text: String) {
        #expect(number.text(places: places) == text)
    }
}
