extension Case {
    /// Connections that are to leave HTTP behind, and those that only say so.
    static var upgrades: [Case] {
        let rule = "9110 §7.8"
        let ask = get("Connection: Upgrade", "Upgrade: websocket")
        let agreed = "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        let switching = "HTTP/1.1 101 Switching Protocols\r\n"
        func strips(_ name: String, _ fields: String...) -> Case {
            let lines = fields.map { $0 + "\r\n" }.joined()
            return Case(
                name, rule, "GET / HTTP/1.1\r\nHost: x\r\n\(lines)\r\n", .forwarded(seenGet(), keeps: true),
                poison: "Upgrade")
        }
        func unlike(_ name: String, _ fields: String) -> Case {
            Case("response: 101 \(name)", rule, response: switching + fields + "\r\n", to: ask, .badGateway)
        }
        return [
            Case(
                "Upgrade to WebSocket passes", rule, ask,
                .forwarded(
                    "GET / HTTP/1.1\r\nHost: x\r\n" + added("x").dropLastLine + agreed, keeps: true)),
            strips("Upgrade that Connection does not name", "Upgrade: websocket"),
            strips("Connection names an Upgrade that is not there", "Connection: Upgrade"),
            strips("two Upgrades", "Connection: Upgrade", "Upgrade: websocket", "Upgrade: websocket"),
            strips("Upgrade to one of a list", "Connection: Upgrade", "Upgrade: h2c, websocket"),
            strips("Upgrade to TLS", "Connection: Upgrade", "Upgrade: TLS/1.2"),
            strips("Upgrade to HTTP/2.0", "Connection: Upgrade", "Upgrade: HTTP/2.0"),
            strips("an empty Upgrade", "Connection: Upgrade", "Upgrade:"),
            Case(
                "Upgrade of an HTTP/1.0 client is ignored", rule,
                "GET / HTTP/1.0\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                .forwarded(seenGet(), keeps: false), poison: "websocket"),
            Case(
                "Upgrade with a body", rule,
                get("Connection: Upgrade", "Upgrade: websocket", "Content-Length: 1") + "a",
                .forwarded(seenGet("Content-Length: 1") + "a", keeps: true), poison: "websocket"),
            Case(
                "Upgrade of a POST", rule,
                post("Connection: Upgrade", "Upgrade: websocket", "Content-Length: 0"),
                .forwarded(seenPost("Content-Length: 0"), keeps: true), poison: "websocket"),
            Case(
                "response: 101 that was asked for", rule,
                response: switching + "Upgrade: websocket\r\nConnection: Upgrade\r\nA: b\r\n\r\n", to: ask,
                .relayed(switching + "A: b\r\n" + agreed, clientStays: true, serverStays: true)),
            Case(
                "response: 101 has no length", "9110 §8.6",
                response: switching + "Content-Length: 5\r\n" + agreed, to: ask,
                .relayed(switching + agreed, clientStays: true, serverStays: true), poison: "Content-Length"),
            unlike("with another protocol", "Connection: Upgrade\r\nUpgrade: websocket2\r\n"),
            unlike("with h2c instead", "Connection: Upgrade\r\nUpgrade: h2c\r\n"),
            unlike("without Upgrade", "Connection: Upgrade\r\n"),
            unlike("whose Connection does not name Upgrade", "Upgrade: websocket\r\n"),
            Case(
                "response: 200 to an upgrade", rule,
                response: "HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nok", to: ask,
                .relayed(
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\(date)\r\nok", clientStays: true,
                    serverStays: true), poison: "websocket"),
        ]
    }
}

extension String {
    /// The lines of a head without the empty one at its end. CRLF is one character of a Swift string.
    fileprivate var dropLastLine: Substring { dropLast() }
}
