import Conformance
import Fixtures
import Testing

/// The written page against the table that it was written from.
@Suite struct PageTests {
    @Test func thePageWasWrittenFromAsManyCases() throws {
        let page = RedisServer.text(of: Repository.path("docs/http-conformance.md"))
        let words = try #require(page.firstRange(of: " raw byte cases"), "the page does not say how many")
        let count = page[..<words.lowerBound].split(separator: " ").last.flatMap { Int($0) }
        #expect(count == Case.all.count, "`make conformance` writes it anew")
    }
}
