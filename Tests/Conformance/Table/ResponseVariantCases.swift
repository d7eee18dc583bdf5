// Further spellings of responses, most of them refused.
extension Case {
    static var responseVariants: [Case] {
        let date = Case.date
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\(date)\r\nok"
        func line(_ text: String) -> Case {
            Case(
                "the status line \(text.debugDescription.dropFirst().dropLast())", "9112 §4",
                response: "\(text)\r\nContent-Length: 2\r\n\r\nok", .badGateway)
        }
        func bad(_ name: String, _ source: String, _ field: String) -> Case {
            Case(
                "response: \(name)", source,
                response: "HTTP/1.1 200 OK\r\n\(field)\r\nContent-Length: 2\r\n\r\nok", .badGateway)
        }
        func interim(_ name: String, _ line: String, _ fields: String, poison: String? = nil) -> Case {
            Case(
                "response: \(name)", "9110 §15.2",
                response: "\(line)\r\n\(fields)\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                .relayed("\(line)\r\n\r\n" + ok, clientStays: true, serverStays: true), poison: poison)
        }
        return [
            line("HTTP/1.1 000 OK"), line("HTTP/1.1 999 OK"), line("HTTP/0.9 200 OK"),
            line("HTTP/3.0 200 OK"), line("HTTP/1.1 200OK"), line("HTTP/1.1 +20 OK"),
            line("HTTP/1.1 2 0 OK"), line("HTTP/1.1 200\u{b}OK"), line("HTTP/1.1 200 O\u{7f}K"),
            line("HTTPS/1.1 200 OK"), line("\nHTTP/1.1 200 OK"), line("\u{0}HTTP/1.1 200 OK"),
            Case(
                "response: HTTP/1.0 costs the server's connection", "9112 §9.3",
                response: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
                .relayed(ok, clientStays: true, serverStays: false)),
            Case(
                "response: HTTP/1.0 with keep-alive", "9112 §9.3",
                response: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
                .relayed(ok, clientStays: true, serverStays: true), poison: "keep-alive"),
            bad("ESC in a value", "9110 §5.5", "A: b\u{1b}c"),
            bad("DEL in a value", "9110 §5.5", "A: b\u{7f}"),
            bad("a vertical tab in a value", "9110 §5.5", "A:\u{b}b"),
            bad("a bare CR at a value's end", "9110 §5.5", "A: b\r"),
            bad("NUL within a name", "9112 §5.1", "A\u{0}: b"),
            bad("a tab before a colon", "9112 §5.1", "A\t: b"),
            bad("a space before the first field", "9112 §5.1", " A: b"),
            bad("Connection names Transfer-Encoding", "9110 §7.6.1", "Connection: transfer-encoding"),
            bad("Connection is no list of tokens", "9110 §7.6.1", "Connection: a b"),
            Case(
                "response: bytes above ASCII in a value", "9110 §5.5",
                response: "HTTP/1.1 200 OK\r\nA: \u{e9}\u{80}\r\nContent-Length: 2\r\n\r\nok",
                .relayed(
                    "HTTP/1.1 200 OK\r\nA: \u{e9}\u{80}\r\nContent-Length: 2\r\n\(date)\r\nok",
                    clientStays: true, serverStays: true)),
            interim("103 has no length", "HTTP/1.1 103 Early Hints", "Content-Length: 5\r\n", poison: ": 5"),
            interim(
                "103 has no chunks", "HTTP/1.1 103 Early Hints", "Transfer-Encoding: chunked\r\n",
                poison: "chunked"),
            interim("an unknown interim status passes", "HTTP/1.1 150 Own Words", ""),
        ]
    }

    static var responseFramingVariants: [Case] {
        let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
        let poison = "6\r\npoison\r\n0\r\n\r\n"
        func bad(_ name: String, _ fields: String, body: String = "0\r\n\r\n") -> Case {
            Case(
                "response: \(name)", "9112 §6.3", response: "HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n\(body)",
                .badGateway)
        }
        func broken(_ name: String, _ body: String) -> Case {
            Case("response: \(name)", "9112 §7.1", response: chunks + "\r\n" + body, .badGateway)
        }
        return [
            bad("a length in hexadecimal", "Content-Length: 0x2", body: "ok"),
            bad("a length with an underscore", "Content-Length: 0_2", body: "ok"),
            bad("a length with a fraction", "Content-Length: 2.0", body: "ok"),
            bad("a space before a length's colon", "Content-Length : 2", body: "ok"),
            bad("chunks and length", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
            bad("Transfer-Encoding twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
            bad("Transfer-Encoding with a vertical tab", "Transfer-Encoding:\u{b}chunked"),
            bad("a folded Transfer-Encoding", "Transfer-Encoding:\r\n chunked"),
            bad("a space before the colon of Transfer-Encoding", "Transfer-Encoding : chunked"),
            bad("chunked with a parameter", "Transfer-Encoding: chunked;a=b"),
            bad("xchunked", "Transfer-Encoding: xchunked"), bad("gzip alone", "Transfer-Encoding: gzip"),
            bad("an empty Transfer-Encoding", "Transfer-Encoding:"),
            broken("a chunk size with a sign", "+2\r\nok\r\n0\r\n\r\n"),
            broken("a chunk size in the way of C", "0x2\r\nok\r\n0\r\n\r\n"),
            broken("a chunk size with an underscore", "0_2\r\nok\r\n0\r\n\r\n"),
            broken("an empty chunk size", "\r\nok\r\n0\r\n\r\n"),
            broken("a space behind a chunk size", "2 \r\nok\r\n0\r\n\r\n"),
            broken("a chunk size beyond 63 bits", "FFFFFFFFFFFFFFFF\r\nok\r\n0\r\n\r\n"),
            broken("a chunk size line that ends in a bare LF", "2\nok\r\n0\r\n\r\n"),
            broken("a bare CR in a chunk extension", "2;a\rb\r\nok\r\n0\r\n\r\n"),
            broken("a bare LF in a chunk extension", "2;a\nok\r\n0\r\n\r\n"),
            broken("a trailer with NUL", "0\r\nA: b\u{0}\r\n\r\n"),
            broken("a trailer named Transfer-Encoding", "0\r\nTransfer-Encoding: chunked\r\n\r\n"),
            broken("the last line of chunks ends in a bare LF", "0\r\n\n"),
            Case(
                "response: chunks to HEAD go nowhere", "queue poisoning",
                response: chunks + "\r\n" + poison, to: "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
                .relayed(chunks + date + "\r\n", clientStays: true, serverStays: false), poison: "poison"),
            Case(
                "response: chunks to 204 go nowhere", "queue poisoning",
                response: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n" + poison,
                .relayed("HTTP/1.1 204 No Content\r\n\(date)\r\n", clientStays: true, serverStays: false),
                poison: "poison"),
            Case(
                "response: chunks to 304 go nowhere", "queue poisoning",
                response: "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n" + poison,
                .relayed(
                    "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\(date)\r\n",
                    clientStays: true, serverStays: false), poison: "poison"),
            Case(
                "response: an interim response behind the final one goes nowhere", "queue poisoning",
                response: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                    + "HTTP/1.1 100 Continue\r\nX: poison\r\n\r\n",
                .relayed(
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\(date)\r\nok", clientStays: true,
                    serverStays: false), poison: "poison"),
        ]
    }
}
