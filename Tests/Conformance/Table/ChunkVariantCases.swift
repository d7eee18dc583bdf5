// Further spellings of chunks and of what ends at this hop.
extension Case {
    static var chunkVariants: [Case] {
        let part = "9112 §7.1.1"
        let trailer = "9112 §7.1.2"
        let end = "0\r\n\r\n"
        func passes(_ name: String, _ source: String, _ body: String) -> Case {
            Case(name, source, chunked(body), .forwarded(seenChunked(body), keeps: true))
        }
        func fails(_ name: some StringProtocol, _ source: String, _ body: String) -> Case {
            Case("\(name)", source, chunked(body + smuggled), .refusedInBody(400), poison: "/smuggled")
        }
        let sizes = [
            "FFFFFFFFFFFFFFFF", "10000000000000000", "0x0", "00x1", "+0", "-0", "1\u{b}", "1\u{c}",
            "1\u{a0}", "\u{b2}", "\r\n1",
        ]
        let bad = [
            ("no semicolon", "1 a"), ("a quoted name", "1;\"a\"=b"), ("two equals signs", "1;a==b"),
            ("an empty one among others", "1;;a"), ("DEL in quotes", "1;a=\"\u{7f}\""),
            ("a bare LF in quotes", "1;a=\"b\nc\""), ("CRLF in quotes", "1;a=\"b\r\nc\""),
            ("an escaped CRLF in quotes", "1;a=\"b\\\r\nc\""), ("a bare LF behind a space", "1 \n"),
        ]
        let names = [
            "Content-Type", "Content-Encoding", "Content-Range", "Expect", "Max-Forwards", "Range",
            "Set-Cookie", "Proxy-Authorization", "WWW-Authenticate", "Keep-Alive", "Proxy-Connection",
            "Upgrade", "HTTP2-Settings", "Proxy", "Forwarded", "X-Real-IP", "X-Request-Id", "HOST",
            "transfer_encoding",
        ]
        return [
            passes("an extension with single quotes", part, "1;a='b'\r\na\r\n" + end),
            passes("a trailer with bytes above ASCII", trailer, "0\r\nX: \u{e9}\r\n\r\n"),
            fails("a bare LF ends the last chunk's extension", part, "0;a\n\r\n"),
            fails("a bare CR behind the last chunk's size", "9112 §7.1", "0\rX\r\n"),
            fails("a space before a trailer's colon", trailer, "0\r\nA : b\r\n\r\n"),
            fails("a bare CR in a trailer", trailer, "0\r\nA: b\rc\r\n\r\n"),
            fails("a trailer that begins with a space", trailer, "0\r\n A: b\r\n\r\n"),
        ]
            + sizes.map {
                fails(
                    "a chunk size of \"\($0.debugDescription.dropFirst().dropLast())\"", "9112 §7.1",
                    "\($0)\r\na\r\n" + end)
            }
            + bad.map { name, line in fails("chunk extension: \(name)", part, "\(line)\r\na\r\n" + end) }
            + names.map { fails("trailer \($0)", "9110 §6.5.1", "0\r\n\($0): 1\r\n\r\n") }
    }

    static var connectionVariants: [Case] {
        let keep = "9112 §9.3"
        let hops = "9110 §7.6.2"
        func old(_ fields: String) -> String { "GET / HTTP/1.0\r\nHost: x\r\n\(fields)\r\n" }
        let numbers = ["", "+1", "1,2", "1 2", "0x1", "9223372036854775808", "1.0"]
        return [
            Case(
                "HTTP/1.0 with Proxy-Connection", "9112 §C.2.2", old("Proxy-Connection: keep-alive\r\n"),
                .forwarded(seenGet(), keeps: false), poison: "Proxy-Connection"),
            Case(
                "HTTP/1.0 with keep-alive and close", keep, old("Connection: keep-alive, close\r\n"),
                .forwarded(seenGet(), keeps: false)),
            Case(
                "close in a second Connection", keep, get("Connection: keep-alive", "Connection: close"),
                .forwarded(seenGet(), keeps: false)),
            Case(
                "nothing is read behind HTTP/1.0", keep, old("") + smuggled,
                .forwarded(seenGet(), keeps: false), poison: "/smuggled"),
            Case(
                "a nominated Cookie", "9110 §7.6.1", get("Connection: close, Cookie", "Cookie: a"),
                .forwarded(seenGet(), keeps: false), poison: "Cookie"),
            Case(
                "Connection names Host among others", "9110 §7.6.1", get("Connection: close, hOST"),
                .refused(400)),
            Case(
                "an empty Connection", "9110 §7.6.1", get("Connection:"), .forwarded(seenGet(), keeps: true)),
            Case(
                "TRACE with hops left", hops, "TRACE / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 1\r\n\r\n",
                .forwarded("TRACE / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n" + added("x"), keeps: true)),
            Case(
                "OPTIONS with hops twice", hops,
                "OPTIONS / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 1\r\nMax-Forwards: 1\r\n\r\n", .refused(400)),
            Case(
                "GET with malformed hops", hops, get("Max-Forwards: -1"),
                .forwarded(seenGet("Max-Forwards: -1"), keeps: true)),
        ]
            + numbers.map {
                Case(
                    "OPTIONS with Max-Forwards: \($0)", hops,
                    "OPTIONS / HTTP/1.1\r\nHost: x\r\nMax-Forwards: \($0)\r\n\r\n", .refused(400))
            }
    }
}
