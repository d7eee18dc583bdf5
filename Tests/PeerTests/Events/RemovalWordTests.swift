import Peer
import Testing

@Suite struct RemovalWordTests {
    @Test func aWordIsReadAsItWasSaid() {
        let word = RemovalWord(server: "10.0.0.1:3000", by: "cli:ada", reason: "\"moved\" to b/c, é")
        #expect(RemovalWord(hint: word.hint) == word)
    }

    @Test(arguments: [
        "", "servers", "removed ", "removed {}", #"removed {"server":"10.0.0.1:3000","by":7,"reason":""}"#,
        #"removed {"server":"10.0.0.1:3000","by":"a\u001b[2J","reason":""}"#,
        "removed {\"server\":\"a\",\"by\":\"a\",\"reason\":\"" + String(repeating: "x", count: 5000) + "\"}",
    ]) func otherHintsAndNonsenseAreNoWord(_ hint: String) {
        #expect(RemovalWord(hint: hint) == nil)
    }
}
