extension Case {
    /// What `Connection` may name, how much of it, and what becomes of trailers, dates and `Upgrade`.
    static var nominations: [Case] {
        let rule = "9110 §7.6.1"
        let list = "9110 §5.6.1"
        let commas = String(repeating: ",", count: 32)
        let words = [String](repeating: "keep-alive", count: 32).joined(separator: ",")
        let last = "0\r\nX-Sum: 1\r\n\r\n"
        return [
            Case(
                "Connection names Expect", rule,
                post("Connection: Expect", "Expect: 100-continue", "Content-Length: 1", body: "a"),
                .refused(400)),
            Case(
                "Connection names Max-Forwards", rule,
                "OPTIONS / HTTP/1.1\r\nHost: x\r\nConnection: Max-Forwards\r\nMax-Forwards: 5\r\n\r\n",
                .refused(400)),
            Case(
                "Connection of 32 elements", list, get("Connection: \(words)"),
                .forwarded(seenGet(), keeps: true)),
            Case(
                "Connection of 33 elements that name no field", list, get("Connection: \(words),close"),
                .refused(400)),
            Case(
                "Connection of 33 elements, most of them empty", list, get("Connection: \(commas)x"),
                .refused(400)),
            Case(
                "two Connections of 33 elements together", list,
                get("Connection: \(words)", "Connection: close"), .refused(400)),
            Case(
                "a nominated field thrice", rule,
                get("x-a: 1", "Connection: X-A", "X-a: 2", "X-B: 3", "X-A:"),
                .forwarded(seenGet("X-B: 3"), keeps: true), poison: "X-a"),
            Case(
                "a nominated trailer", rule,
                post("Connection: X-Sum", "Transfer-Encoding: chunked", body: last), .refusedInBody(400)),
            Case(
                "a trailer behind another nomination", rule,
                post("Connection: X-Other", "Transfer-Encoding: chunked", body: last), .refusedInBody(400)),
            Case(
                "a trailer behind the nomination of TE", rule,
                post("TE: trailers", "Connection: TE, close", "Transfer-Encoding: chunked", body: last),
                .forwarded(seenPost("Transfer-Encoding: chunked", body: last), keeps: false)),
            Case(
                "no trailer behind a nomination", rule,
                post("Connection: X-Sum", "Transfer-Encoding: chunked", body: "0\r\n\r\n"),
                .forwarded(seenPost("Transfer-Encoding: chunked", body: "0\r\n\r\n"), keeps: true)),
            Case(
                "a trailer whose name begins with Proxy-", "9110 §6.5.1",
                chunked("0\r\nProxy-Any: 1\r\n\r\n"), .refusedInBody(400)),
            Case("a trailer Via", "9110 §6.5.1", chunked("0\r\nVia: 1.1 a\r\n\r\n"), .refusedInBody(400)),
            Case("an empty Expect", list, get("Expect:"), .forwarded(seenGet("Expect:"), keeps: true)),
            Case(
                "an Expect of empty elements", list, get("Expect: , ,"),
                .forwarded(seenGet("Expect: , ,"), keeps: true)),
            Case(
                "response: a nominated trailer", rule,
                response:
                    "HTTP/1.1 200 OK\r\nConnection: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + last, .badGateway),
            Case(
                "response: a nominated Date", "9110 §6.6.1",
                response:
                    "HTTP/1.1 200 OK\r\nConnection: Date\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                    + "Content-Length: 2\r\n\r\nok",
                .relayed(
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\(date)\r\nok", clientStays: true,
                    serverStays: true), poison: "1994"),
            Case(
                "response: Upgrade stays in 426", "9110 §15.5.22",
                response:
                    "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nConnection: Upgrade\r\n"
                    + "Content-Length: 2\r\n\r\nok",
                .relayed(
                    "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nContent-Length: 2\r\n\(date)"
                        + "Connection: Upgrade\r\n\r\nok", clientStays: true, serverStays: true)),
            Case(
                "response: a 426 without Upgrade", "9110 §15.5.22",
                response: "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nok",
                .relayed(
                    "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\(date)\r\nok",
                    clientStays: true, serverStays: true)),
        ]
    }
}
