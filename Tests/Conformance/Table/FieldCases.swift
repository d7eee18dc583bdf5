extension Case {
    static var fields: [Case] {
        let name = "9112 §5.1"
        let value = "9110 §5.5"
        let lines = (1...99).map { "A\($0): b" }
        let many = lines.map { $0 + "\r\n" }.joined()
        let fourteen = String(repeating: "v", count: 14_000)
        return [
            Case("a space before a colon", name, get("A : b"), .refused(400)),
            Case("a tab before a colon", name, get("A\t: b"), .refused(400)),
            Case("a field without a colon", name, get("A"), .refused(400)),
            Case("a field without a name", name, get(": b"), .refused(400)),
            Case("a space within a name", name, get("A B: c"), .refused(400)),
            Case("NUL within a name", name, get("A\u{0}: b"), .refused(400)),
            Case("NUL behind a name", name, get("Content-Length\u{0}: 3"), .refused(400)),
            Case("a byte above ASCII within a name", name, get("A\u{e9}: b"), .refused(400)),
            Case("a parenthesis within a name", name, get("A(b): c"), .refused(400)),
            Case("a slash within a name", name, get("A/b: c"), .refused(400)),
            Case("a quote within a name", name, get("\"A\": c"), .refused(400)),
            Case("an at sign within a name", name, get("A@b: c"), .refused(400)),
            Case(
                "all characters of a token in a name", "9110 §5.6.2", get("!#$%&'*+-.^_`|~09azAZ: b"),
                .forwarded(seenGet("!#$%&'*+-.^_`|~09azAZ: b"), keeps: true)),
            Case("NUL in a value", value, get("A: b\u{0}c"), .refused(400)),
            Case("a bare CR in a value", value, get("A: b\rc"), .refused(400)),
            Case("a bare CR at a value's end", value, get("A: b\r"), .refused(400)),
            Case("a bare LF in a value", value, get("A: b\nC: d"), .refused(400)),
            Case("a line that ends in LF CR", value, "GET / HTTP/1.1\r\nHost: x\n\r\n\r\n", .refused(400)),
            Case("ESC in a value", value, get("A: b\u{1b}c"), .refused(400)),
            Case("DEL in a value", value, get("A: b\u{7f}c"), .refused(400)),
            Case("a vertical tab in a value", value, get("A:\u{b}b"), .refused(400)),
            Case("a form feed in a value", value, get("A: b\u{c}"), .refused(400)),
            Case(
                "bytes above ASCII in a value", value, get("A: \u{e9}\u{ff}\u{80}"),
                .forwarded(seenGet("A: \u{e9}\u{ff}\u{80}"), keeps: true)),
            Case(
                "tabs and spaces around a value", value, get("A:\t b\tc \t"),
                .forwarded(seenGet("A:\t b\tc \t"), keeps: true)),
            Case("an empty value", value, get("A:"), .forwarded(seenGet("A:"), keeps: true)),
            Case(
                "the same field twice", "9110 §5.3", get("A: b", "A: c"),
                .forwarded(seenGet("A: b", "A: c"), keeps: true)),
            Case("a folded value", "9112 §5.2", get("A: b\r\n c"), .refused(400)),
            Case("a value folded with a tab", "9112 §5.2", get("A: b\r\n\tc"), .refused(400)),
            Case("a value folded with nothing behind", "9112 §5.2", get("A: b\r\n "), .refused(400)),
            Case(
                "a space before the first field", "9112 §2.2", "GET / HTTP/1.1\r\n A: b\r\nHost: x\r\n\r\n",
                .refused(400)),
            Case(
                "the last line ends in a bare LF", "9112 §2.2", "GET / HTTP/1.1\r\nHost: x\r\n\n",
                .refused(400)),
            Case(
                "a hundred fields", "9110 §5.4", "GET / HTTP/1.1\r\nHost: x\r\n\(many)\r\n",
                .forwarded("GET / HTTP/1.1\r\nHost: x\r\n\(many)" + added("x"), keeps: true)),
            Case(
                "a hundred and one fields", "9110 §5.4", "GET / HTTP/1.1\r\nHost: x\r\n\(many)A: b\r\n\r\n",
                .refused(431)),
            Case(
                "a head of 14 KB", "9110 §5.4", get("A: \(fourteen)"),
                .forwarded(seenGet("A: \(fourteen)"), keeps: true)),
            Case(
                "a head of 17 KB", "9110 §5.4", get("A: \(fourteen)", "B: \(fourteen.prefix(3000))"),
                .refused(431)),
            Case(
                "a field without end", "9110 §5.4", "GET / HTTP/1.1\r\nHost: x\r\nA: \(fourteen)\(fourteen)",
                .refused(431)),
            Case(
                "Expect with another expectation", "9110 §10.1.1",
                post("Expect: 200-ok", "Content-Length: 1", body: "a"), .refused(417)),
            Case(
                "Expect passes to the server", "9110 §10.1.1",
                post("Expect: 100-continue", "Content-Length: 1", body: "a"),
                .forwarded(seenPost("Expect: 100-continue", "Content-Length: 1", body: "a"), keeps: true)),
            Case(
                "Expect of an HTTP/1.0 client is ignored", "9110 §10.1.1",
                "POST / HTTP/1.0\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
                .forwarded(
                    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n" + added("x") + "a", keeps: false),
                poison: "100-continue"),
        ]
    }

    static var framing: [Case] {
        let length = "9110 §8.6"
        let both = "9112 §6.1"
        let values = [
            "+1", "-1", "0x1", "1 1", "1,1", "1, 1", "1;a", "1.0", "1e1", "", "a", "\u{b2}", "\"1\"",
            "1\u{b}",
        ]
        let too = ["9223372036854775808", "18446744073709551617", "99999999999999999999999999"]
        let codings = [
            ("chunked, chunked", 400), ("chunked, identity", 400), ("identity", 400), ("gzip", 400),
            ("gzip, chunked", 501),
            ("xchunked", 400), ("chunkedx", 400), ("x chunked", 400), ("chunked;a=b", 400),
            ("\"chunked\"", 400),
            ("'chunked'", 400), ("chunk", 400), ("", 400), (",chunked", 400), ("chunked,", 400), ("cow", 400),
            ("chunked\u{b}", 400), ("\u{b}chunked", 400), ("chunked\r\n ", 400), ("identity, chunked", 501),
        ]
        return [
            Case(
                "a body by length", length, post("Content-Length: 3", body: "abc"),
                .forwarded(seenPost("Content-Length: 3", body: "abc"), keeps: true)),
            Case(
                "a length of zero", length, post("Content-Length: 0"),
                .forwarded(seenPost("Content-Length: 0"), keeps: true)),
            Case(
                "zeros before a length", length, post("Content-Length: 003", body: "abc"),
                .forwarded(seenPost("Content-Length: 003", body: "abc"), keeps: true)),
            Case(
                "GET with a body", "9110 §9.3.1", get("Content-Length: 3") + "abc",
                .forwarded(seenGet("Content-Length: 3") + "abc", keeps: true)),
            Case(
                "the same length twice", "9112 §6.3",
                post("Content-Length: 3", "Content-Length: 3", body: "abc"), .refused(400)),
            Case(
                "two lengths", "9112 §6.3", post("Content-Length: 3", "Content-Length: 4", body: "abcd"),
                .refused(400)),
            Case(
                "two lengths, the first zero", "9112 §6.3",
                post("Content-Length: 0", "content-length: 3", body: "abc"), .refused(400)),
            Case(
                "length and chunks", both,
                post("Content-Length: 3", "Transfer-Encoding: chunked", body: "0\r\n\r\n"), .refused(400)),
            Case(
                "chunks and length", both,
                post("Transfer-Encoding: chunked", "Content-Length: 3", body: "0\r\n\r\n"), .refused(400)),
            Case(
                "chunks and a length of zero", both,
                post("Transfer-Encoding: chunked", "Content-Length: 0", body: "0\r\n\r\n"), .refused(400)),
            Case(
                "Transfer-Encoding twice", both,
                post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body: "0\r\n\r\n"),
                .refused(400)),
            Case(
                "Transfer-Encoding twice, the second unknown", both,
                post("Transfer-Encoding: chunked", "Transfer-encoding: cow", body: "0\r\n\r\n"), .refused(400)
            ),
            Case(
                "Transfer-Encoding twice, the first unknown", both,
                post("Transfer-Encoding: cow", "Transfer-Encoding: chunked", body: "0\r\n\r\n"), .refused(400)
            ),
            Case(
                "chunked in mixed case", "9112 §7", post("transfer-ENCODING: cHuNkEd", body: "0\r\n\r\n"),
                .forwarded(seenPost("transfer-ENCODING: cHuNkEd", body: "0\r\n\r\n"), keeps: true)),
            Case(
                "chunked between tabs", "9110 §5.5", post("Transfer-Encoding:\tchunked\t", body: "0\r\n\r\n"),
                .forwarded(seenPost("Transfer-Encoding:\tchunked\t", body: "0\r\n\r\n"), keeps: true)),
            Case(
                "chunks in HTTP/1.0", both,
                "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .refused(400)),
            Case(
                "chunks and length in HTTP/1.0", both,
                "POST / HTTP/1.0\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                .refused(400)),
        ]
            + values.map {
                Case(
                    "Content-Length: \(shown($0))", length, post("Content-Length: \($0)", body: "a"),
                    .refused(400))
            }
            + too.map {
                Case("Content-Length: \($0)", length, post("Content-Length: \($0)", body: "a"), .refused(400))
            }
            + codings.map { coding, status in
                Case(
                    "Transfer-Encoding: \(shown(coding))", "9112 §6.1",
                    post("Transfer-Encoding: \(coding)", body: "0\r\n\r\n"), .refused(status))
            }
    }

    /// A value with its control bytes written out.
    private static func shown(_ text: String) -> String {
        var shown = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 13: shown += "<CR>"
            case 10: shown += "<LF>"
            case 11: shown += "<VT>"
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }
}
