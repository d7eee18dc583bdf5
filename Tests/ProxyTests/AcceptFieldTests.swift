import Testing

@testable import Proxy

/// What `Accept` says, told by the scanner and by the words of the RFC.
@Suite(.timeLimit(.minutes(2))) struct AcceptFieldTests {
    /// With a byte behind the value, which must not be looked at.
    private func prefersJSON(_ accept: String, behind: String = "1") -> Bool? {
        let bytes = Array((accept + behind).utf8)
        return bytes.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { AcceptField.prefersJSON($0, buffer.count - behind.utf8.count) }
        }
    }

    @Test(arguments: [
        ("application/json;q=0.001", true), ("application/json;q=0.000", false),
        ("application/json;q=0.0001", false), ("application/json;q=1.000", true),
        ("application/json;q=1.001", false), ("application/json;q=1.", true),
        ("application/json;q=0.", false),
        ("application/json;q=.5", false), ("application/json;q=", false), ("application/json;q=-1", false),
        ("application/json;q=+1", false), ("application/json;q=1e0", false), ("application/json;q=10", false),
        ("application/json;q=0.5;q=0", true), ("application/json;v=1;q=0", false),
        ("application/json;;;q=0", false), (";application/json", true), ("application/json;q", true),
        ("application/json;q=0.29,text/html;q=0.29", true),
        ("application/json;q=0.57,text/html;q=0.571", false),
        ("application/json;q=0.5,application/json;q=0.8,text/html;q=0.7", true),
        ("application/json,text/html", true), ("text", false), ("text/", false), ("application/jso", false),
        ("application/jsonp", false), ("application/json;q=0.9,text/;q=0.8", true),
        ("\t application / json \t", true),
        ("application/*", false), ("application/json;q=2,text/html;q=0.1", false),
        ("application/json\u{e9}", false),
    ])
    func weightsAreThoseOfTheGrammar(_ accept: String, _ isJSON: Bool) {
        #expect(prefersJSON(accept) == isJSON)
    }

    @Test func nothingBehindTheValueIsLookedAt() {
        #expect(prefersJSON("application/jso", behind: "n") == false)
        #expect(prefersJSON("application/json;q=0.", behind: "9") == false)
        #expect(prefersJSON("application/json", behind: ",text/html") == true)
    }

    @Test func onlyTheFirstElementsCount() {
        let others = String(repeating: "a,", count: 31)
        #expect(prefersJSON(others + "application/json") == true)
        #expect(prefersJSON(others + "a,application/json") == false)
        // Empty ones are no elements (RFC 9110 §5.6.1.2).
        #expect(prefersJSON(String(repeating: ",", count: 16_000) + others + "application/json") == true)
        #expect(prefersJSON(String(repeating: "a,", count: 8_000)) == false)
    }

    @Test func theScannerAgreesWithTheSimpleWay() {
        var randomness = Randomness(seed: 20_260_101)
        let pieces = [
            "application/json", "Application/JSON", "application/jsonp", "text/html", "TEXT/*", "text", "*/*",
            "a",
            "", " ", "\t", "/", "=", "q", "q=", "Q=", ";q=", ";q=0.5", ";q=0.501", "; Q = 0.9", ";q=0",
            ";q=1",
            ";q=1.000", ";q=1.5", ";q=x", ";q=0.29", ";q=0.57", ";v=1", ";", ",", ", ", ",",
        ]
        for _ in 0..<20_000 {
            var accept = ""
            for _ in 0..<Int(randomness.next() % 12) {
                accept += pieces[Int(randomness.next() % UInt64(pieces.count))]
            }
            #expect(prefersJSON(accept) == AcceptFieldTests.simply(accept), "\(accept)")
        }
    }

    // MARK: The simple way, with as much memory as it likes

    private static func simply(_ accept: String) -> Bool {
        var json = 0
        var text = 0
        for element in accept.split(separator: ",") {
            let parts = element.split(separator: ";").map { part in
                String(decoding: part.utf8.filter { $0 > 0x20 }, as: UTF8.self).lowercased()
            }
            guard let range = parts.first else { continue }
            let named = parts.dropFirst().first { $0.hasPrefix("q=") }
            let weight = named.map { AcceptFieldTests.weight($0.dropFirst(2)) } ?? 1000
            if range == "application/json" { json = max(json, weight) }
            if range.hasPrefix("text/") { text = max(text, weight) }
        }
        return json > 0 && json >= text
    }

    private static func weight(_ digits: Substring) -> Int {
        let sides = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = sides.count == 2 ? sides[1] : ""
        guard sides[0] == "0" || sides[0] == "1", fraction.count <= 3,
            fraction.allSatisfy({ $0.isASCII && $0.isNumber }),
            let number = Int(sides[0] + fraction + String(repeating: "0", count: 3 - fraction.count))
        else { return 0 }
        return number <= 1000 ? number : 0
    }
}
