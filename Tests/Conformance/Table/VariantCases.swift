// Further spellings of what the other tables refuse or pass: each was taken for something else by some server.
extension Case {
    static var requestVariants: [Case] {
        let rule = "9112 §2.2"
        func named(_ host: String) -> String { "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n" }
        let versions = ["HTTPS/1.1", "HTTP/1.1\t", "HTTP/1.1\u{0}", "HTTP/11", "HTTP/A.1", "HTTP-1.1"]
        let bad = [
            "::1", "[]", "[::1]a", "[::1]:99999", "[::1%25eth0]", "[v1.a]", "[::ffff:1.2.3.256]",
            "[1:2:3:4:5:6:7:8:9]", "a:+80", "a: 80", "a:0x50", "a:80,", "{a}", "a^b", "%zz", "a%", ":",
        ]
        let good = [
            "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:7::]", "a%2Db", "A.TEST:080", "a.", "a;b=c",
        ]
        return [
            Case("a bare CR before the request", rule, "\r" + plain, .refused(400)),
            Case("an empty line with a further CR before the request", rule, "\r\r\n" + plain, .refused(400)),
            Case("a line of one space before the request", rule, " \r\n" + plain, .refused(400)),
            Case("NUL before the request", rule, "\u{0}" + plain, .refused(400)),
            Case("a byte order mark before the request", rule, "\u{ef}\u{bb}\u{bf}" + plain, .refused(400)),
            Case(
                "connect in lower case", "9110 §9.3.6", "connect x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
                .refused(501)),
            Case(
                "TRACE passes to the server", "9110 §9.3.8", "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
                .forwarded("TRACE / HTTP/1.1\r\nHost: x\r\n" + added("x"), keeps: true)),
            Case(
                "DELETE with a body", "9110 §9.3.5",
                "DELETE / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
                .forwarded(
                    "DELETE / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n" + added("x") + "abc", keeps: true)
            ),
            Case(
                "HEAD with a body", "9110 §9.3.2",
                "HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
                .forwarded(
                    "HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n" + added("x") + "abc", keeps: true)),
            Case(
                "GET with chunks", "9110 §9.3.1", get("Transfer-Encoding: chunked") + "1\r\na\r\n0\r\n\r\n",
                .forwarded(seenGet("Transfer-Encoding: chunked") + "1\r\na\r\n0\r\n\r\n", keeps: true)),
            Case(
                "no space behind a colon", "9110 §5.5", get("A:b"), .forwarded(seenGet("A:b"), keeps: true)),
            Case(
                "a value that begins with a colon", "9110 §5.5", get("A:: b"),
                .forwarded(seenGet("A:: b"), keeps: true)),
            Case(
                "a tab before the first field", rule, "GET / HTTP/1.1\r\n\tA: b\r\nHost: x\r\n\r\n",
                .refused(400)),
            Case(
                "a line that begins with a bare CR", rule, "GET / HTTP/1.1\r\nHost: x\r\n\rA: b\r\n\r\n",
                .refused(400)),
            Case("a bare CR within a name", "9112 §5.1", get("A\rB: c"), .refused(400)),
        ]
            + versions.map {
                Case(
                    "the version \(spelt($0))", "9112 §2.3", "GET / \($0)\r\nHost: x\r\n\r\n", .refused(400))
            }
            + bad.map { Case("Host: \($0)", "9110 §7.2", named($0), .refused(400)) }
            + good.map {
                Case(
                    "Host: \($0)", "9110 §7.2", named($0),
                    .forwarded("GET / HTTP/1.1\r\nHost: \($0)\r\n" + added($0), keeps: true))
            }
    }

    static var expectations: [Case] {
        let rule = "9110 §10.1.1"
        let bad = [
            "100-continue, 100-continue", "100-continue;a=b", "\"100-continue\"", "100-continu", "100",
            "y 100-continue", "100-continue y",
        ]
        func passes(_ name: String, _ lines: String...) -> Case {
            let text = lines.map { $0 + "\r\n" }.joined() + "Content-Length: 1\r\n"
            return Case(
                name, rule, "POST / HTTP/1.1\r\nHost: x\r\n\(text)\r\na",
                .forwarded("POST / HTTP/1.1\r\nHost: x\r\n\(text)" + added("x") + "a", keeps: true))
        }
        return [
            passes("Expect in capitals", "EXPECT: 100-CONTINUE"),
            passes("Expect twice", "Expect: 100-continue", "Expect: 100-continue"),
            Case(
                "Expect without a body", rule, get("Expect: 100-continue"),
                .forwarded(seenGet("Expect: 100-continue"), keeps: true)),
            Case(
                "a folded Expect", "9112 §5.2",
                post("Expect:\r\n 100-continue", "Content-Length: 1", body: "a"), .refused(400)),
        ]
            + bad.map {
                Case(
                    "Expect: \($0)", rule, post("Expect: \($0)", "Content-Length: 1", body: "a"),
                    .refused(417))
            }
    }

    static var framingVariants: [Case] {
        let length = "9110 §8.6"
        let zeros = String(repeating: "0", count: 20)
        let values = [
            "-0", "+0", "1_0", "0b1", "1,", ",1", "1, 2", "1 ,1", "1\u{0}", "1\u{a0}", "1\u{c}", "\u{ff}1",
        ]
        let codings = [
            ("deflate, chunked", 501), ("trailers, chunked", 501), ("gzip,,chunked", 400),
            ("gzip;q=1, chunked", 400), ("chunked, gzip", 400), ("chunked,chunked", 400), ("chunked;", 400),
            ("chunked\u{a0}", 400), ("\u{ff}chunked", 400), ("chunked\u{c}", 400), ("chunked\u{0}", 400),
            ("chunked -", 400), ("compress", 400),
        ]
        return [
            Case(
                "a length of twenty zeros", length, post("Content-Length: \(zeros)"),
                .forwarded(seenPost("Content-Length: \(zeros)"), keeps: true)),
            Case(
                "a length between tabs", length, post("Content-Length:\t3\t", body: "abc"),
                .forwarded(seenPost("Content-Length:\t3\t", body: "abc"), keeps: true)),
            Case(
                "Transfer-Encoding twice, the second empty", "9112 §6.1",
                post("Transfer-Encoding: chunked", "Transfer-Encoding:", body: "0\r\n\r\n"), .refused(400)),
            Case(
                "chunks in HTTP/1.2", "9112 §6.1",
                "POST / HTTP/1.2\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                .forwarded(seenChunked("0\r\n\r\n"), keeps: true)),
        ]
            + values.map {
                Case(
                    "Content-Length: \(spelt($0))", length, post("Content-Length: \($0)", body: "a"),
                    .refused(400))
            }
            + codings.map { coding, status in
                Case(
                    "Transfer-Encoding: \(spelt(coding))", "9112 §6.1",
                    post("Transfer-Encoding: \(coding)", body: "0\r\n\r\n"), .refused(status))
            }
    }

    static var smugglingVariants: [Case] {
        let count = smuggled.utf8.count
        func both(_ name: String, _ second: String, first: String = "Content-Length: 4") -> Case {
            Case(
                "TE.TE with \(name)", "TE.TE", post(first, second, body: "0\r\n\r\n" + smuggled),
                .refused(400))
        }
        func hidden(_ name: String, _ lines: String, _ status: Int = 400) -> Case {
            Case("0.CL: \(name)", "0.CL", post(lines, body: smuggled), .refused(status))
        }
        let options =
            "Transfer-Encoding: chunked\r\n\r\n\(String(count, radix: 16))\r\n\(smuggled)\r\n0\r\n\r\n"
        return [
            both("a tab before the colon", "Transfer-Encoding\t: chunked"),
            both("a vertical tab before the colon", "Transfer-Encoding\u{b}: chunked"),
            both("a space within the name", "Transfer Encoding: chunked"),
            both("a colon before the name", ":Transfer-Encoding: chunked"),
            both("a form feed behind the value", "Transfer-Encoding: chunked\u{c}"),
            both("a no-break space behind the value", "Transfer-Encoding: chunked\u{a0}"),
            both("quotes", "Transfer-Encoding: \"chunked\""),
            both("a bare CR behind the colon", "Transfer-Encoding:\rchunked"),
            both("a bare LF behind the colon", "Transfer-Encoding:\nchunked"),
            both("an empty second", "Transfer-Encoding:", first: "Transfer-Encoding: chunked"),
            Case(
                "TE.0: the chunks of OPTIONS are a request", "TE.0",
                "OPTIONS / HTTP/1.1\r\nHost: x\r\n" + options,
                .forwarded(
                    "OPTIONS / HTTP/1.1\r\nHost: x\r\n"
                        + options.replacing(
                            "chunked\r\n\r\n", with: "chunked\r\n" + added("x"), maxReplacements: 1),
                    keeps: true)),
            hidden("a length behind a bare LF", "Content-Length:\n \(count)"),
            hidden("a length behind a bare CR", "Content-Length:\r \(count)"),
            hidden("a tab before the colon of a length", "Content-Length\t: \(count)"),
            hidden("an expectation behind a word", "Expect: y 100-continue\r\nContent-Length: \(count)", 417),
            hidden("a folded expectation", "Expect:\r\n 100-continue\r\nContent-Length: \(count)"),
            Case("Host hidden by a space before the colon", "host confusion", get("Host : y"), .refused(400)),
            Case("Host hidden by NUL in the name", "host confusion", get("Host\u{0}: y"), .refused(400)),
        ]
    }

    /// A text with its control bytes written out.
    private static func spelt(_ text: String) -> Substring {
        text.debugDescription.dropFirst().dropLast()
    }
}
