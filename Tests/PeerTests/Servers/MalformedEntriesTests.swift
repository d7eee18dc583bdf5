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
}
