import Testing

@testable import Store

@Suite struct ReplyTests {
    private func bulk(_ text: String) -> Reply { .bulk(Array(text.utf8)) }

    @Test func pairsAreThoseOfAnEvenArray() {
        #expect(Reply.array([]).pairs?.isEmpty == true)
        let pairs = Reply.array([bulk("a"), bulk("1"), bulk("b"), .integer(2)]).pairs
        #expect(pairs?.map(\.0) == [bulk("a"), bulk("b")] && pairs?.map(\.1) == [bulk("1"), .integer(2)])
        #expect(Reply.array([bulk("a")]).pairs == nil)
        for reply in [Reply.null, .integer(2), bulk("a"), .status("OK")] { #expect(reply.pairs == nil) }
    }

    @Test func fieldsAreThePairsOfTexts() {
        let reply = Reply.array([
            bulk("a"), bulk("1"), .bulk([0xff]), bulk("2"), bulk("c"), .bulk([0xff]), bulk("d"), .integer(4),
            bulk("e"), .status(""),
        ])
        #expect(reply.fields == ["a": "1", "e": ""])
        #expect(Reply.null.fields.isEmpty && Reply.array([bulk("a")]).fields.isEmpty)
    }

    @Test func theStoresTimeIsReadToTheMillisecond() {
        #expect(
            Reply.array([bulk("1763900000"), bulk("123999")]).storeMilliseconds == 1_763_900_000_123)
        for seconds in ["-1", "x", "9223372036854775807"] {
            #expect(Reply.array([bulk(seconds), bulk("0")]).storeMilliseconds == nil)
        }
        #expect(Reply.array([bulk("1")]).storeMilliseconds == nil && Reply.null.storeMilliseconds == nil)
    }
}
