import Testing

@testable import Peer

/// Texts that people give with a request, whatever they ask for.
@Suite struct FormTextTests {
    @Test(arguments: ["\n", "\0", "\u{1b}[2J", "\u{7f}", "\u{85}", "\u{2028}", "\u{2029}"])
    func whatForgesALineIsRefused(_ text: String) {
        #expect(throws: FormFault.self) { try FormText.plain("x\(text)y", "reason") }
        #expect(throws: FormFault.self) { try FormText.plain("x\(text)y", "reason", max: nil) }
    }

    @Test func remediesAreNoException() throws {
        #expect(throws: FormFault.self) {
            try RemedyForm.command(Array(#"{"do":"gift","value":"1","by":"a\u2028b"}"#.utf8))
        }
        #expect(try RemedyForm.command(Array(#"{"do":"gift","value":"1","by":"a b"}"#.utf8)).by == "a b")
    }

    @Test func theLengthIsThatOfTheScalars() throws {
        let longest = String(repeating: "e\u{301}", count: FormText.scalarsMax / 2)
        #expect(try FormText.plain(longest, "reason") == longest)
        #expect(
            throws: FormFault(sentence: "'by' is longer than 200 characters or holds a control character")
        ) {
            try FormText.plain(longest + "e", "by")
        }
        #expect(try FormText.plain(longest + longest, "by", max: nil) == longest + longest)
    }
}
