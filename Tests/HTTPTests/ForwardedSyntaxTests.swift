import HTTP
import Testing

@Suite struct ForwardedSyntaxTests {
    private func isValid(_ bytes: [UInt8]) -> Bool {
        // One byte more, so that there is an address even for an empty value.
        (bytes + [0]).withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { ForwardedSyntax.isValid($0, bytes.count) } ?? false
        }
    }

    @Test(arguments: [
        "for=192.0.2.43", "for=\"[2001:db8:cafe::17]:4711\"", "For=a;PROTO=http;by=203.0.113.43",
        "for=192.0.2.43, for=198.51.100.17", "for=_gazonk", "for=a;host=\"x.test:80\"", "", " ", ",", ", ,;",
        "for=a,,for=b;", "for=a ; proto=http", "for=\"a\\\"b\"", "for=\"a,b;c\"", "for=\"\"",
        "for=\"\u{e9}\\\\\"",
    ])
    func whatTheStandardKnowsIsTaken(_ value: String) { #expect(isValid(Array(value.utf8))) }

    @Test(arguments: [
        "for=\"evil", "for=\"evil\\\"", "for=\"evil\\", "for=", "for", "=a", "for =a", "for= a", "for=a b",
        "for=[2001:db8::1]", "for=192.0.2.1:80", "for=\"a\"b", "for=a\"b\"", "\"for\"=a", "for=a;\"",
        "for=\"a\u{0}\"", "for=\"a\\\u{7f}\"", "for=a,for=\"b", "for=a=b",
    ])
    func whatItDoesNotKnowIsNot(_ value: String) { #expect(!isValid(Array(value.utf8))) }

    /// Numbers that are the same in every run.
    private struct Dice {
        var state: UInt64
        mutating func roll(_ sides: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(sides))
        }
    }

    /// Where a reader of quoted strings alone stands at the end.
    private func endsWithinQuotes(_ bytes: [UInt8]) -> Bool {
        var isQuoted = false
        var isEscaped = false
        for byte in bytes {
            if isEscaped {
                isEscaped = false
            } else if isQuoted, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            }
        }
        return isQuoted
    }

    @Test func whatIsTakenNeverEndsWithinQuotes() {
        var dice = Dice(state: 7239)
        let pieces = ["for", "=", "\"", "\\", ",", ";", " ", "a", "for=b", "for=\"c\"", "\t", "\u{e9}"].map {
            Array($0.utf8)
        }
        var taken = 0
        for _ in 0..<50_000 {
            var value: [UInt8] = []
            for _ in 0..<dice.roll(12) { value += pieces[dice.roll(pieces.count)] }
            guard isValid(value) else { continue }
            taken += 1
            #expect(!endsWithinQuotes(value))
            // With an element behind it the value is still fine: it stands by itself.
            #expect(isValid(value + Array(", for=192.0.2.1".utf8)))
        }
        #expect(taken > 1000)
    }
}
