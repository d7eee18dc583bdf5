import Fixtures
import Testing

@testable import Flags

@Suite struct JSONTests {
    private func read(_ text: String) throws -> JSON { try JSONReader.read(Array(text.utf8)) }

    @Test(arguments: [
        "null", "true", "[1,1.0,-0.5,1e+300]", #"{"b":1,"a":[{},[]]}"#, #""a\"\\\n\t\u0001 é 💥""#,
        "-9223372036854775808",
    ])
    func whatIsReadIsWrittenAsItWas(_ text: String) throws { #expect(try read(text).compactText == text) }

    @Test(arguments: [
        "", " ", "nul", "01", "-", "1.", "1e", ".5", "+1", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":1,}", "{a:1}",
        "'a'",
        "\"a", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\nb\"", "1 2",
        "1e999", "NaN",
        "{\"a\":1,\"a\":2}", "// x", "\u{FEFF}1",
    ])
    func whatIsNoJSONIsRefused(_ text: String) { #expect(throws: JSONFault.self) { try read(text) } }

    @Test func badUTF8IsRefused() {
        for bytes in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]]
            as [[UInt8]]
        {
            #expect(throws: JSONFault.self) { try JSONReader.read(bytes) }
        }
    }

    @Test func escapesAreRead() throws {
        #expect(try read(#""\u00e9\ud83d\udca5\/\b\f""#) == .string("é💥/\u{08}\u{0C}"))
    }

    @Test func aPlaceIsToldByLineAndColumn() {
        #expect(throws: JSONFault(line: 2, column: 8, reason: "expected a JSON value")) {
            try read("{\n  \"a\": x}")
        }
    }

    @Test func namesThatLookAlikeAreTwo() throws {
        let object = try #require(try read("{\"\u{E9}\":1,\"e\u{301}\":2}").members)
        #expect(object.count == 2 && object["\u{E9}"] == .integer(1) && object["e\u{301}"] == .integer(2))
    }

    @Test func manyMembersAreFoundAndTakenAway() {
        var object = JSONObject((0..<100).map { ("k\($0)", .integer(Int64($0))) })
        #expect(object["k77"] == .integer(77))
        object["k10"] = nil
        object["k77"] = .null
        #expect(
            object["k10"] == nil && object["k77"] == .null && object.count == 99
                && object["k99"] == .integer(99))
    }

    /// Whatever bytes come, reading ends with a value or a fault; a value that is written is read as the same.
    @Test func randomBytesNeverDoHarm() throws {
        var dice = SeededGenerator(seed: 7)
        let words = [
            "{", "}", "[", "]", ":", ",", "\"", "\\", "u", "d83d", "1", "-", ".", "e", "true", "null", " ",
            "é", "\n", "\"a\"",
        ]
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<dice.index(12) { text += dice.one(of: words) }
            guard let value = try? read(text) else { continue }
            #expect(try read(value.compactText) == value)
            #expect(try read(value.prettyText) == value)
        }
    }
}
