extension Case {
    private static func whole(_ fields: String = "", body: String = "ok") -> String {
        "HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\(date)\r\n\(body)"
    }
    private static let ok = whole()

    static var statusLines: [Case] {
        let line = "9112 §4"
        func bad(_ text: String) -> Case {
            let shown = text.debugDescription.dropFirst().dropLast()
            return Case(
                "the status line \(shown)", line, response: "\(text)\r\nContent-Length: 2\r\n\r\nok",
                .badGateway)
        }
        func good(_ text: String, as seen: String? = nil) -> Case {
            Case(
                "the status line \(text) passes", line, response: "\(text)\r\nContent-Length: 2\r\n\r\nok",
                .relayed(
                    "\(seen ?? text)\r\nContent-Length: 2\r\n\(date)\r\nok", clientStays: true,
                    serverStays: true))
        }
        return [
            bad("HTTP/1.1 20 OK"), bad("HTTP/1.1 2000 OK"), bad("HTTP/1.1 099 OK"), bad("HTTP/1.1 600 OK"),
            bad("HTTP/1.1  200 OK"),
            bad("HTTP/1.1 -20 OK"), bad("HTTP/1.1 2x0 OK"), bad("HTTP/1.1\t200 OK"), bad("HTTP/1.1 200\tOK"),
            bad("HTTP/1.1"),
            bad("HTTP/2.0 200 OK"), bad("HTTP/1.10 200 OK"), bad("http/1.1 200 OK"), bad(" HTTP/1.1 200 OK"),
            bad("ICY 200 OK"),
            bad("HTTP/1.1 200 O\u{0}K"), bad("HTTP/1.1 200 O\rK"), bad("hello"), bad(""),
            good("HTTP/1.1 200", as: "HTTP/1.1 200 "), good("HTTP/1.1 200 "),
            good("HTTP/1.1 599 Own Words \u{e9}"), good("HTTP/1.2 200 OK", as: "HTTP/1.1 200 OK"),
            Case(
                "a status line that ends in a bare LF", "9112 §2.2",
                response: "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok", .badGateway),
            Case(
                "a status 101 that nobody asked for", "9110 §7.8",
                response: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
                .badGateway),
        ]
    }

    static var responseFields: [Case] {
        func bad(_ name: String, _ source: String, _ field: String) -> Case {
            Case(
                "response: \(name)", source,
                response: "HTTP/1.1 200 OK\r\n\(field)\r\nContent-Length: 2\r\n\r\nok", .badGateway)
        }
        func strips(_ name: String, _ fields: String, to kept: String = "", poison: String) -> Case {
            Case(
                "response: \(name)", "9110 §7.6.1",
                response: "HTTP/1.1 200 OK\r\n\(fields)Content-Length: 2\r\n\r\nok",
                .relayed(whole(kept), clientStays: true, serverStays: true), poison: poison)
        }
        let many = (0..<100).map { "A\($0): b" }.joined(separator: "\r\n")
        return [
            bad("a folded field", "9112 §5.2", "A: b\r\n c"),
            bad("a space before a colon", "9112 §5.1", "A : b"),
            bad("a bare LF", "9112 §2.2", "A: b\nB: c"), bad("a bare CR", "9112 §2.2", "A: b\rc"),
            bad("NUL in a value", "9110 §5.5", "A: b\u{0}"),
            bad("a name that is no token", "9110 §5.1", "A(b): c"),
            bad("a field without a colon", "9112 §5", "A"),
            bad("a field without a name", "9112 §5", ": b"),
            bad("Connection names Content-Length", "9110 §7.6.1", "Connection: content-length"),
            bad("more than a hundred fields", "9110 §5.4", many),
            bad("a head of 17 KB", "9110 §5.4", "A: \(String(repeating: "v", count: 17_000))"),
            strips("a nominated field", "Connection: X-Foo\r\nX-Foo: 1\r\n", poison: "X-Foo"),
            strips("Keep-Alive", "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n", poison: "Keep-Alive"),
            strips("Upgrade", "Upgrade: h2c\r\nConnection: Upgrade\r\n", poison: "h2c"),
            strips("Proxy-Connection", "Proxy-Connection: keep-alive\r\n", poison: "Proxy-Connection"),
            strips(
                "other fields pass", "Set-Cookie: a\r\nSet-Cookie: b\r\nVia: 1.0 c\r\n",
                to: "Set-Cookie: a\r\nSet-Cookie: b\r\nVia: 1.0 c\r\n", poison: "{none}"),
            Case(
                "response: a date is kept", "9110 §6.6.1",
                response:
                    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\nok",
                .relayed(
                    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\nok",
                    clientStays: true, serverStays: true)),
            Case(
                "response: close concerns the server only", "9112 §9.6",
                response: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", closes: true,
                .relayed(ok, clientStays: true, serverStays: false), poison: "Connection: close"),
        ]
    }

    static var responseFraming: [Case] {
        let rule = "9112 §6.3"
        func bad(_ name: String, _ fields: String, body: String = "ok") -> Case {
            Case(
                "response: \(name)", rule, response: "HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n\(body)",
                .badGateway)
        }
        func broken(_ name: String, _ body: String) -> Case {
            Case(
                "response: \(name)", "9112 §7.1",
                response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(body)", .badGateway)
        }
        let head = "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
        let old = "GET / HTTP/1.0\r\nHost: x\r\n\r\n"
        let poisoned = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
        let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
        return [
            bad("length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked", body: "0\r\n\r\n"),
            bad("two lengths", "Content-Length: 2\r\nContent-Length: 3"),
            bad("the same length twice", "Content-Length: 2\r\nContent-Length: 2"),
            bad("a list of lengths", "Content-Length: 2, 2"),
            bad("a length with a sign", "Content-Length: +2"), bad("an empty length", "Content-Length:"),
            bad("a negative length", "Content-Length: -2"),
            bad("a length beyond 63 bits", "Content-Length: 9223372036854775808"),
            bad("an unknown coding", "Transfer-Encoding: cow"),
            bad("chunked twice", "Transfer-Encoding: chunked, chunked", body: "0\r\n\r\n"),
            bad("gzip, then chunked", "Transfer-Encoding: gzip, chunked", body: "0\r\n\r\n"),
            bad("identity", "Transfer-Encoding: identity\r\nContent-Length: 2"),
            Case(
                "response: chunks in HTTP/1.0", "9112 §6.1",
                response: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .badGateway),
            broken("a malformed chunk size", "z\r\n"),
            broken("a chunk that ends in a bare LF", "1\r\na\n0\r\n\r\n"),
            broken("a chunk longer than its size", "1\r\nab\r\n0\r\n\r\n"),
            broken("a trailer named Content-Length", "0\r\nContent-Length: 5\r\n\r\n"),
            broken("a trailer named Set-Cookie", "0\r\nSet-Cookie: a\r\n\r\n"),
            Case(
                "response: chunks with extensions and trailers", "9112 §7.1",
                response: chunks + "\r\n2;a=b\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
                .relayed(
                    chunks + date + "\r\n2;a=b\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n", clientStays: true,
                    serverStays: true)),
            Case(
                "response: chunks for an HTTP/1.0 client", "9112 §6.1",
                response: chunks + "\r\n2\r\nok\r\n0\r\n\r\n", to: old,
                .relayed(
                    "HTTP/1.1 200 OK\r\n\(date)Connection: close\r\n\r\nok", clientStays: false,
                    serverStays: true), poison: "chunked"),
            Case(
                "response: a body that ends with the connection", rule, response: "HTTP/1.1 200 OK\r\n\r\nok",
                closes: true,
                .relayed(
                    chunks.replacing(
                        "Transfer-Encoding: chunked\r\n", with: date + "Transfer-Encoding: chunked\r\n")
                        + "\r\n2\r\nok\r\n0\r\n\r\n",
                    clientStays: true, serverStays: false)),
            Case(
                "response: an empty body that ends with the connection", rule,
                response: "HTTP/1.1 200 OK\r\n\r\n", closes: true,
                .relayed(
                    "HTTP/1.1 200 OK\r\n\(date)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    clientStays: true, serverStays: false)),
            Case(
                "response: an HTTP/1.0 body that ends with the connection, for an HTTP/1.0 client", rule,
                response: "HTTP/1.0 200 OK\r\n\r\nok", closes: true, to: old,
                .relayed(
                    "HTTP/1.1 200 OK\r\n\(date)Connection: close\r\n\r\nok", clientStays: false,
                    serverStays: false)),
            Case(
                "response: a body that is too short", "9112 §8",
                response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", closes: true,
                .cut("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\(date)\r\nok")),
            Case(
                "response: chunks without their end", "9112 §8", response: chunks + "\r\n2\r\nok\r\n",
                closes: true, .cut(chunks + date + "\r\n2\r\nok\r\n")),
            Case(
                "response: HEAD with a length has no body", rule,
                response: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", to: head,
                .relayed(
                    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\(date)\r\n", clientStays: true,
                    serverStays: true)),
            Case(
                "response: HEAD with chunks has no body", rule, response: chunks + "\r\n", to: head,
                .relayed(chunks + date + "\r\n", clientStays: true, serverStays: true)),
            Case(
                "response: a body to HEAD goes nowhere", "queue poisoning", response: poisoned, to: head,
                .relayed(
                    "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\(date)\r\n", clientStays: true,
                    serverStays: false), poison: "poison"),
            Case(
                "response: 204 has no length", "9110 §8.6",
                response: "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
                .relayed("HTTP/1.1 204 No Content\r\n\(date)\r\n", clientStays: true, serverStays: true),
                poison: "Content-Length"),
            Case(
                "response: 204 has no chunks", "9112 §6.1",
                response: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
                .relayed("HTTP/1.1 204 No Content\r\n\(date)\r\n", clientStays: true, serverStays: true),
                poison: "chunked"),
            Case(
                "response: a body to 204 goes nowhere", "queue poisoning",
                response: "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison",
                .relayed("HTTP/1.1 204 No Content\r\n\(date)\r\n", clientStays: true, serverStays: false),
                poison: "poison"),
            Case(
                "response: 304 keeps its length and has no body", rule,
                response: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
                .relayed(
                    "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\(date)\r\n", clientStays: true,
                    serverStays: true)),
            Case(
                "response: a body to 304 goes nowhere", "queue poisoning",
                response: "HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison",
                .relayed(
                    "HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\(date)\r\n", clientStays: true,
                    serverStays: false), poison: "poison"),
            Case(
                "response: a second response goes nowhere", "queue poisoning",
                response: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + poisoned,
                .relayed(ok, clientStays: true, serverStays: false), poison: "poison"),
            Case(
                "response: bytes behind the last chunk go nowhere", "queue poisoning",
                response: chunks + "\r\n0\r\n\r\n" + poisoned,
                .relayed(chunks + date + "\r\n0\r\n\r\n", clientStays: true, serverStays: false),
                poison: "poison"),
            Case(
                "response: 100 and 103 come before 200", "9110 §15.2",
                response:
                    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                .relayed(
                    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok,
                    clientStays: true, serverStays: true)),
            Case(
                "response: 103 for an HTTP/1.0 client", "9110 §15.2",
                response: "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                to: old,
                .relayed(
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\(date)Connection: close\r\n\r\nok",
                    clientStays: false, serverStays: true), poison: "103"),
            Case(
                "response: 417 passes", "9110 §10.1.1",
                response: "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno",
                to: post("Expect: 100-continue", "Content-Length: 1", body: "a"),
                .relayed(
                    "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\(date)\r\nno",
                    clientStays: true, serverStays: true)),
            Case(
                "response: GET with a body costs the server's connection", "9110 §9.3.1",
                response: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                to: get("Content-Length: 1") + "a", .relayed(ok, clientStays: true, serverStays: false)),
        ]
    }
}
