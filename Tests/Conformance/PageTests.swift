import Conformance
import Fixtures
import Testing

/// The written page against the table that it was written from.
@Suite struct PageTests {
    @Test func thePageWasWrittenFromAsManyCases() throws {
        let page = RedisServer.text(of: Repository.path("docs/http-conformance.md"))
        let words = try #require(page.firstRange(of: " raw byte cases"), "the page does not say how many")
        let digits = page[..<words.lowerBound].reversed().prefix { $0.isNumber }
        let count = Int(String(digits.reversed()))
        #expect(count == Case.all.count, "`make conformance` writes it anew")
    }
}
