import Linux
import Testing

@testable import Peer

@Suite struct MalformedEntriesTests {
    @Test(arguments: [
        ("web-5:3000", "web-5:3000"), ("[fd00::5]:0", "[fd00::5]:0"), ("", "\"\""),
        ("not an address", "\"not an address\""), ("-x", "-- \"-x\""),
        ("a\"; $(reboot)`\\", "\"a\\\"; \\$(reboot)\\`\\\\\""), ("a\nb", "\"a?b\""),
    ]) func aFieldIsNamedAsOneWordOfAShell(_ field: String, _ word: String) {
        #expect(Roster.argument(field) == word)
    }

    @Test func aNameMeansAllSpellingsOfAnAddressOrOneEntryOfOthersHands() throws {
        #expect(
            try Roster.fields(named: "10.0.0.5:3000", malformed: []) == [
                "10.0.0.5:3000", "[::ffff:10.0.0.5]:3000",
            ])
        #expect(try Roster.fields(named: "web-5:3000", malformed: ["web-5:3000"]) == ["web-5:3000"])
        #expect(
            try Roster.fields(named: "010.0.0.5:3000", malformed: ["010.0.0.5:3000"]) == ["010.0.0.5:3000"])
        #expect(throws: EntryNameFault.ambiguous(2)) {
            try Roster.fields(named: "caf?:80", malformed: ["caf\u{1}:80", "caf\u{2}:80"])
        }
        #expect(throws: EntryNameFault.nobody(.notNumeric("web-6:3000"))) {
            try Roster.fields(named: "web-6:3000", malformed: [])
        }
    }
}
