import Linux
import Proxy
import Testing

/// What the proxy adds to the 101 that a client gets, and what it leaves out.
@Suite(.timeLimit(.minutes(2))) struct UpgradeHeadTests {
    private static let fields = "Connection: Upgrade\r\nUpgrade: chat\r\n"

    /// Agrees to everything, with an id and a cookie of its own, and sends first what id the request had.
    private func server() throws -> Backend {
        try Backend { backend, wire, _ in
            guard let request = wire.readHead() else { return }
            backend.note(request)
            wire.send(
                "HTTP/1.1 101 Switching Protocols\r\nX-Request-Id: own\r\n\(UpgradeHeadTests.fields)"
                    + "Set-Cookie: a=b\r\nx-request-id: again\r\n\r\n<\(request.field("X-Request-Id") ?? "none")>"
            )
            wire.echoToEnd()
        }
    }

    private func ask(_ rig: Rig, _ lines: String = "") -> (wire: Wire, head: Wire.Message?) {
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\(UpgradeHeadTests.fields)\(lines)\r\n")
        return (wire, wire.readHead())
    }

    private func values(_ name: String, _ head: Wire.Message) -> [String] {
        head.fields.filter { $0.name.lowercased() == name }.map(\.value)
    }

    @Test func theClientGetsTheRequestsIdInsteadOfTheServersOwn() throws {
        let rig = try Rig([try server().address]) {
            $0.upgrades.protocols = ["chat"]
            $0.forwarding.requestID = true
        }
        let (wire, answer) = ask(rig, "X-Request-Id: mine\r\n")
        let head = try #require(answer)
        #expect(
            head.status == 101 && head.field("Upgrade") == "chat" && head.field("Connection") == "Upgrade")
        let ids = values("x-request-id", head)
        let id = try #require(ids.first)
        #expect(ids.count == 1 && id.utf8.count == 32, "\(ids)")
        #expect(wire.take(34) == Array("<\(id)>".utf8))
        #expect(values("set-cookie", head) == ["a=b"])
        wire.send("ping")
        #expect(wire.take(4) == Array("ping".utf8))
    }

    @Test func withoutTheOptionTheServersIdPasses() throws {
        let rig = try Rig([try server().address]) {
            $0.upgrades.protocols = ["chat"]
            $0.forwarding.requestID = false
        }
        let (wire, answer) = ask(rig, "X-Request-Id: mine\r\n")
        #expect(answer.map { values("x-request-id", $0) } == ["own", "again"])
        #expect(wire.take(6) == Array("<mine>".utf8))
    }

    @Test func theFirstUpgradeOfAClientSetsItsCookie() throws {
        let servers = [try server(), try server(), try server()]
        let rig = try Rig(servers.map(\.address)) {
            $0.upgrades.protocols = ["chat"]
            $0.balancing.stickiness = .cookie
            $0.forwarding.requestID = false
        }
        let (first, answer) = ask(rig)
        let cookies = values("set-cookie", try #require(answer))
        try #require(cookies.count == 2, "\(cookies)")
        #expect(cookies[0] == "a=b")
        let cookie = String(cookies[1].prefix { $0 != ";" })
        #expect(first.take(6) == Array("<none>".utf8))
        for _ in 0..<6 {
            let (wire, again) = ask(rig, "Cookie: \(cookie)\r\n")
            #expect(again.map { values("set-cookie", $0) } == ["a=b"])
            wire.send("ping")
            #expect(wire.take(10) == Array("<none>ping".utf8))
        }
        #expect(servers.map(\.connections).sorted() == [0, 0, 7])
        // A cookie that names nobody is put right.
        let (_, other) = ask(rig, "Cookie: \(cookie.prefix { $0 != "=" })=0000000000000000\r\n")
        #expect(other.map { values("set-cookie", $0).count } == 2)
    }
}
