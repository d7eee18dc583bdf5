extension Case {
    static var chunks: [Case] {
        let size = "9112 §7.1"
        let part = "9112 §7.1.1"
        let trailer = "9112 §7.1.2"
        let end = "0\r\n\r\n"
        func passes(_ name: String, _ source: String, _ body: String) -> Case {
            Case(name, source, chunked(body), .forwarded(seenChunked(body), keeps: true))
        }
        func fails(_ name: String, _ source: String, _ body: String, _ status: Int = 400) -> Case {
            Case(name, source, chunked(body + smuggled), .refusedInBody(status), poison: "/smuggled")
        }
        let sizes = [
            "", "g", "-1", "+1", "0x1", "1 ", " 1", "\t1", "1\t", "1_0", "1.", "1,1", "\u{0}1", "1\u{0}",
            "\u{ff}",
        ]
        let long = String(repeating: "e", count: 1100)
        let bad = [
            ("nothing behind a semicolon", "1;"), ("a value is missing", "1;a="),
            ("a name is missing", "1;=b"),
            ("a quote without end", "1;a=\"b"), ("a space behind an extension", "1;a "),
            ("NUL in an extension", "1;a\u{0}"),
            ("a bare CR in an extension", "1;a\rb"), ("two words", "1;a b"),
            ("text behind a quote", "1;a=\"b\"c"),
        ]
        let names = [
            "Content-Length", "Transfer-Encoding", "Host", "Connection", "Authorization", "Cookie",
            "X-Forwarded-For", "content_length",
            "Trailer", "TE",
        ]
        return [
            passes("two chunks", size, "3\r\nabc\r\n2\r\nde\r\n" + end),
            passes("sizes in capitals and with zeros", size, "00A\r\n0123456789\r\n" + end),
            passes("a last chunk of several zeros", size, "1\r\na\r\n0000\r\n\r\n"),
            passes(
                "extensions", part, "1;a\r\nz\r\n1;a=b;c=\"d;\\\"\"\r\nz\r\n1 ; a = b\r\nz\r\n0;e\r\n\r\n"),
            passes("trailers", trailer, "1\r\na\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n"),
            fails("a size of 17 digits", size, "00000000000000001\r\na\r\n" + end),
            fails("a size beyond 63 bits", size, "8000000000000000\r\na\r\n" + end),
            fails("a size beyond 64 bits", size, "10000000000000001\r\na\r\n" + end),
            fails("a size line that ends in a bare LF", size, "1\na\r\n" + end),
            fails("a size line that ends in a bare CR", size, "1\ra\r\n" + end),
            fails("a chunk that ends in a bare LF", size, "1\r\na\n" + end),
            fails("a chunk that ends in a bare CR", size, "1\r\na\r" + end),
            fails("a chunk that is longer than its size", size, "1\r\nab\r\n" + end),
            fails("a chunk that is shorter than its size", size, "3\r\na\r\n" + end),
            fails("no line end behind a chunk", size, "1\r\na" + end),
            fails("an extension of more than 1 KiB", part, "1;\(long)\r\na\r\n" + end),
            fails("a trailer with NUL", trailer, "0\r\nA: b\u{0}\r\n\r\n"),
            fails("a trailer without a colon", trailer, "0\r\nA\r\n\r\n"),
            fails("a trailer without a name", trailer, "0\r\n: b\r\n\r\n"),
            fails("a folded trailer", trailer, "0\r\nA: b\r\n c\r\n\r\n"),
            fails("a trailer that ends in a bare LF", trailer, "0\r\nA: b\n\r\n"),
            fails(
                "trailers of more than 8 KiB", trailer,
                "0\r\nA: \(String(repeating: long, count: 8))\r\n\r\n", 431),
            fails(
                "more than a hundred trailers", trailer,
                "0\r\n\(String(repeating: "A: b\r\n", count: 101))\r\n", 431),
            fails("the last line of chunks ends in a bare LF", trailer, "0\r\n\n"),
            fails("the last line of chunks ends in a bare CR", trailer, "0\r\n\rX"),
        ]
            + sizes.map {
                fails(
                    "a chunk size of \"\($0.debugDescription.dropFirst().dropLast())\"", size,
                    "\($0)\r\na\r\n" + end)
            }
            + bad.map { name, line in fails("chunk extension: \(name)", part, "\(line)\r\na\r\n" + end) }
            + names.map { fails("trailer \($0)", "9110 §6.5.1", "0\r\n\($0): 1\r\n\r\n") }
    }

    /// Persistence, pipelines, what ends at this hop.
    static var connections: [Case] {
        let keep = "9112 §9.3"
        let hop = "9110 §7.6.1"
        func old(_ fields: String) -> String { "GET / HTTP/1.0\r\nHost: x\r\n\(fields)\r\n" }
        func strips(_ name: String, _ fields: [String], to kept: [String] = [], poison: String) -> Case {
            Case(
                name, hop, "GET / HTTP/1.1\r\nHost: x\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n",
                .forwarded(
                    "GET / HTTP/1.1\r\nHost: x\r\n" + kept.map { $0 + "\r\n" }.joined() + added("x"),
                    keeps: true),
                poison: poison)
        }
        let names = (0..<33).map { "a\($0)" }.joined(separator: ",")
        return [
            Case(
                "close", keep, get("Connection: close"), .forwarded(seenGet(), keeps: false),
                poison: "Connection: close"),
            Case(
                "Close among others", keep, get("Connection: keep-alive, Close"),
                .forwarded(seenGet(), keeps: false)),
            Case(
                "nothing is read behind close", keep, get("Connection: close") + smuggled,
                .forwarded(seenGet(), keeps: false), poison: "/smuggled"),
            Case("HTTP/1.0", keep, old(""), .forwarded(seenGet(), keeps: false)),
            Case(
                "HTTP/1.0 with keep-alive", keep, old("Connection: keep-alive\r\n"),
                .forwarded(seenGet(), keeps: true)),
            Case(
                "HTTP/1.0 without Host", "9112 §3.2", "GET / HTTP/1.0\r\n\r\n",
                .forwarded("GET / HTTP/1.1\r\nHost: {server}\r\n" + added(nil), keeps: false)),
            Case(
                "two requests at once", "9112 §9.3.2", plain + get("A: b"),
                .forwarded(seenGet() + seenGet("A: b"), keeps: true), responses: 2),
            Case(
                "two requests with bodies at once", "9112 §9.3.2",
                post("Content-Length: 2", body: "ab") + chunked("1\r\nc\r\n0\r\n\r\n"),
                .forwarded(
                    seenPost("Content-Length: 2", body: "ab") + seenChunked("1\r\nc\r\n0\r\n\r\n"),
                    keeps: true), responses: 2),
            Case(
                "an empty line between two requests", "9112 §2.2", plain + "\r\n" + plain,
                .forwarded(seenGet() + seenGet(), keeps: true), responses: 2),
            strips("a nominated field", ["Connection: X-Foo", "X-Foo: 1"], poison: "X-Foo"),
            strips(
                "nominated fields in several lists",
                ["X-a: 1", "Connection: x-A, close-not", "Connection: , X-B ,", "B: 2", "X-B: 3"],
                to: ["B: 2"], poison: "X-B"),
            strips("Keep-Alive", ["Keep-Alive: timeout=5"], poison: "Keep-Alive"),
            strips("Proxy-Connection", ["Proxy-Connection: close"], poison: "Proxy-Connection"),
            strips("TE", ["TE: trailers"], poison: "TE:"),
            strips("TE and its nomination", ["TE: gzip", "Connection: TE"], poison: "TE:"),
            strips(
                "Upgrade to h2c",
                ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ"],
                poison: "h2c"),
            strips("Proxy, which CGI reads as HTTP_PROXY", ["Proxy: http://evil.test"], poison: "evil.test"),
            Case("Connection names Host", hop, get("Connection: Host"), .refused(400)),
            Case(
                "Connection names Content-Length", hop,
                post("Connection: Content-Length", "Content-Length: 3", body: "abc"), .refused(400)),
            Case(
                "Connection names Transfer-Encoding", hop,
                post("Connection: Transfer-Encoding", "Transfer-Encoding: chunked", body: "0\r\n\r\n"),
                .refused(400)),
            Case("Connection is no list of tokens", hop, get("Connection: a b"), .refused(400)),
            Case("Connection with a quoted string", hop, get("Connection: \"close\""), .refused(400)),
            Case("Connection names 33 fields", hop, get("Connection: \(names)"), .refused(400)),
        ]
    }

    /// What the proxy itself says, and what others only pretend.
    static var rewriting: [Case] {
        let pretended = "forged origin"
        func drops(_ line: String) -> Case {
            Case(
                "\(line.prefix { $0 != ":" })", pretended, get(line, "A: b"),
                .forwarded(seenGet("A: b"), keeps: true), poison: line)
        }
        return [
            drops("X-Forwarded-For: 6.6.6.6"), drops("X-FORWARDED-PROTO: https"),
            drops("X-Forwarded-Anything: 1"),
            drops("Forwarded: for=6.6.6.6"), drops("X-Real-IP: 6.6.6.6"), drops("X_Forwarded_For: 6.6.6.6"),
            drops("X-Forwarded_For: 6.6.6.6"), drops("X_Real_IP: 6.6.6.6"), drops("Content_Length: 5"),
            drops("Transfer_Encoding: chunked"),
            Case(
                "other fields with underscores pass", "9110 §5.1", get("X_Own: 1"),
                .forwarded(seenGet("X_Own: 1"), keeps: true)),
            Case(
                "Connection names X-Forwarded-For", "9110 §7.6.1", get("Connection: X-Forwarded-For"),
                .forwarded(seenGet(), keeps: true)),
            Case(
                "OPTIONS with hops left", "9110 §7.6.2",
                "OPTIONS * HTTP/1.1\r\nHost: x\r\nMax-Forwards: 10\r\nTE: a\r\n\r\n",
                .forwarded("OPTIONS * HTTP/1.1\r\nHost: x\r\nMax-Forwards: 9\r\n" + added("x"), keeps: true),
                poison: "Max-Forwards: 10"),
            Case(
                "OPTIONS without hops left", "9110 §7.6.2",
                "OPTIONS * HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n", .answered(200)),
            Case(
                "TRACE without hops left", "9110 §7.6.2",
                "TRACE / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n", .answered(501)),
            Case(
                "OPTIONS with malformed hops", "9110 §7.6.2",
                "OPTIONS * HTTP/1.1\r\nHost: x\r\nMax-Forwards: -1\r\n\r\n", .refused(400)),
            Case(
                "GET with hops left", "9110 §7.6.2", get("Max-Forwards: 0"),
                .forwarded(seenGet("Max-Forwards: 0"), keeps: true)),
        ]
    }

    /// The published classes of request smuggling.
    static var smuggling: [Case] {
        let hidden = smuggled
        func both(_ name: String, _ first: String, _ second: String, _ status: Int = 400) -> Case {
            Case(name, "TE.TE", post(first, second, body: "0\r\n\r\n" + hidden), .refused(status))
        }
        let count = hidden.utf8.count
        return [
            Case(
                "CL.TE", "CL.TE",
                post(
                    "Content-Length: \(5 + count)", "Transfer-Encoding: chunked", body: "0\r\n\r\n" + hidden),
                .refused(400)),
            Case(
                "TE.CL", "TE.CL",
                post(
                    "Transfer-Encoding: chunked", "Content-Length: 4",
                    body: "2c\r\n" + hidden + "\r\n0\r\n\r\n"), .refused(400)),
            both("TE.TE with a space before the colon", "Content-Length: 4", "Transfer-Encoding : chunked"),
            both("TE.TE with a leading space", "Content-Length: 4", " Transfer-Encoding: chunked"),
            both("TE.TE with a tab behind the colon", "Content-Length: 4", "Transfer-Encoding:\tchunked"),
            both("TE.TE with a vertical tab", "Content-Length: 4", "Transfer-Encoding:\u{b}chunked"),
            both("TE.TE with a folded value", "Content-Length: 4", "Transfer-Encoding:\r\n chunked"),
            both("TE.TE behind a bare LF", "Content-Length: 4", "X: y\nTransfer-Encoding: chunked"),
            both("TE.TE behind a bare CR", "Content-Length: 4", "X: y\rTransfer-Encoding: chunked"),
            both("TE.TE with xchunked", "Content-Length: 4", "Transfer-Encoding: xchunked"),
            both("TE.TE with identity", "Transfer-Encoding: identity", "Transfer-Encoding: chunked"),
            both("TE.TE with NUL", "Content-Length: 4", "Transfer-Encoding: chunked\u{0}"),
            both("TE.TE with NUL in the name", "Content-Length: 4", "Transfer\u{0}-Encoding: chunked"),
            both(
                "TE.TE with an underscore and a colon", "Content-Length: 4",
                "Transfer_Encoding:: chunked\u{1}"),
            Case(
                "CL.0: the body is a request", "CL.0", post("Content-Length: \(count)", body: hidden),
                .forwarded(seenPost("Content-Length: \(count)", body: hidden), keeps: true)),
            Case(
                "CL.0 with a sign before the length", "CL.0", post("Content-Length: +\(count)", body: hidden),
                .refused(400)),
            Case(
                "CL.0 with a space in the name", "CL.0", post("Content-Length : \(count)", body: hidden),
                .refused(400)),
            Case(
                "0.CL: a length that only one side sees", "0.CL",
                post("Content-Length\u{0}: \(count)", body: hidden), .refused(400)),
            Case(
                "0.CL: a length behind a folded line", "0.CL",
                post("X: y\r\n Content-Length: \(count)", body: hidden), .refused(400)),
            Case(
                "TERM.EXT: LF ends an extension", "TERM.EXT", chunked("2;\nxx\r\n4c\r\n0\r\n\r\n" + hidden),
                .refusedInBody(400), poison: "/smuggled"),
            Case(
                "EXT.TERM: CR ends an extension", "EXT.TERM", chunked("2;a\rxx\r\n0\r\n\r\n" + hidden),
                .refusedInBody(400), poison: "/smuggled"),
            Case(
                "TERM.SPILL: LF ends a chunk", "TERM.SPILL", chunked("5\r\nAAAAA\n0\r\n\r\n" + hidden),
                .refusedInBody(400), poison: "/smuggled"),
            Case(
                "SPILL.TERM: two bytes stand for CRLF", "SPILL.TERM",
                chunked("5\r\nAAAAAXX0\r\n\r\n" + hidden), .refusedInBody(400), poison: "/smuggled"),
            Case(
                "LF LF ends the trailers", "bare LF", chunked("0\n\n" + hidden), .refusedInBody(400),
                poison: "/smuggled"),
            Case(
                "a trailer that would be merged", "trailer merging",
                chunked("0\r\nContent-Length: 30\r\n\r\n" + hidden), .refusedInBody(400), poison: "/smuggled"),
            Case(
                "request line splitting by a bare LF", "splitting",
                "GET /a HTTP/1.1\nX: y HTTP/1.1\r\nHost: x\r\n\r\n", .refused(400)),
            Case(
                "request line splitting by a bare CR", "splitting", "GET /a\r\rHTTP/1.1\r\nHost: x\r\n\r\n",
                .refused(400)),
            Case(
                "request line splitting by a form feed", "splitting",
                "GET\u{c}/a\u{c}HTTP/1.1\r\nHost: x\r\n\r\n", .refused(400)),
            Case(
                "a body that follows GET without a length", "0.CL", plain + "X" + hidden,
                .forwarded(seenGet() + "XGET /smuggled HTTP/1.1\r\nHost: x\r\n" + added("x"), keeps: true),
                responses: 2),
            Case(
                "HTTP/1.0 with chunks hides a request", "TE in 1.0",
                "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n"
                    + hidden, .refused(400)),
            Case(
                "Host hidden behind an absolute target", "host confusion",
                "GET http://a.test@b.test/ HTTP/1.1\r\nHost: x\r\n\r\n", .refused(400)),
            Case(
                "Host hidden by a backslash", "host confusion",
                "GET http://a.test\\b.test/ HTTP/1.1\r\nHost: x\r\n\r\n", .refused(400)),
            Case(
                "Host hidden behind a space", "host confusion",
                "GET / HTTP/1.1\r\nHost: x\r\n Host: y\r\n\r\n", .refused(400)),
            Case(
                "Content-Length hidden in a name with CR", "name tricks",
                post("\rContent-Length: 5", body: "abcde"), .refused(400)),
            Case(
                "Content-Length hidden by a dash that is none", "name tricks",
                post("Content\u{ad}Length: 5", body: "abcde"), .refused(400)),
        ]
    }
}
