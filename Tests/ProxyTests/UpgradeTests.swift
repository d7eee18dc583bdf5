import Linux
import Proxy
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct UpgradeTests {
    private static let request =
        "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    private static let agreement =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nContent-Length: 5\r\n\r\n"

    /// A server that agrees to every upgrade and echoes bytes from there on; others get what their head was.
    private func server(first: String = "") throws -> Backend {
        try Backend { backend, wire, _ in
            while let request = wire.readHead() {
                backend.note(request)
                guard let name = request.field("Upgrade") else {
                    let text = request.fields.map(\.name).joined(separator: ",")
                    wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
                    continue
                }
                #expect(name == "websocket" && request.field("Connection") == "Upgrade")
                #expect(request.field("Sec-WebSocket-Key") == "dGhlIHNhbXBsZSBub25jZQ==")
                wire.send(UpgradeTests.agreement + first)
                wire.echoToEnd()
                return
            }
        }
    }

    @Test func bytesPassBothWaysAndCountsAreKept() async throws {
        let rig = try Rig([try server(first: "hello").address])
        let wire = rig.connect()
        wire.send(UpgradeTests.request + "early")
        let head = try #require(wire.readHead())
        #expect(
            head.status == 101 && head.field("Upgrade") == "WebSocket"
                && head.field("Connection") == "Upgrade")
        #expect(head.field("Sec-WebSocket-Accept") != nil && head.field("Content-Length") == nil)
        #expect(wire.take(10) == Array("helloearly".utf8))
        for size in [1, 100, 20_000] {
            let frame = Rig.pattern(size)
            wire.send(frame)
            #expect(wire.take(size) == frame)
        }
        #expect(rig.proxy.snapshot().listener.upgraded == 1)
        #expect(rig.proxy.snapshot().servers[0].inFlight == 1)
        wire.finishWriting()
        #expect(wire.isAtEnd())
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.open == 0 })
        #expect(rig.proxy.snapshot().listener.upgraded == 0 && rig.proxy.snapshot().listener.upgrades == 1)
        #expect(await Rig.eventually { rig.proxy.snapshot().servers[0].inFlight == 0 })
    }

    @Test func bytesPassUnderTLS() throws {
        let secure = try SecureRig([try server().address])
        let wire = try #require(secure.connect())
        wire.send(UpgradeTests.request)
        #expect(wire.readHead()?.status == 101)
        for size in [1, 16_384, 50_000] {
            let frame = Rig.pattern(size)
            wire.send(frame)
            #expect(wire.take(size) == frame)
        }
        wire.sayGoodbye()
        wire.finishWriting()
        #expect(wire.isAtEnd() && wire.wasToldGoodbye)
    }

    @Test func aSideThatDoesNotReadHoldsTheOtherBack() async throws {
        let body = Rig.pattern(20_000_000)
        let backend = try Backend { backend, wire, _ in
            guard let request = wire.readHead() else { return }
            wire.send(UpgradeTests.agreement)
            wire.send(body)
            backend.note(request)  // all of it has left
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send(UpgradeTests.request)
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.bytesToClients > 100_000 })
        #expect(backend.startLines.isEmpty)
        #expect(wire.readHead()?.status == 101)
        #expect(wire.take(body.count) == body)
        #expect(wire.isAtEnd())
    }

    @Test func onlyWhatIsAllowedIsAskedFor() throws {
        let rig = try Rig([try server().address]) { $0.upgrades.protocols = ["websocket", "h2c"] }
        for (fields, method) in [
            ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n", "GET"),
            ("Connection: Upgrade\r\nUpgrade: chat\r\n", "GET"),
            ("Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n", "GET"),
            ("Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n", "GET"),
            ("Upgrade: websocket\r\n", "GET"), ("Connection: Upgrade\r\n", "GET"),
            ("Connection: Upgrade\r\nUpgrade: websocket\r\n", "OPTIONS"),
        ] {
            let wire = rig.connect()
            for _ in 0..<2 {
                wire.send("\(method) / HTTP/1.1\r\nHost: x\r\n\(fields)\r\n")
                let response = try #require(wire.readMessage())
                #expect(response.status == 200 && !response.text.contains("pgrade"), "\(fields)")
            }
        }
        let none = try Rig([try server().address]) { $0.upgrades.protocols = [] }
        let wire = none.connect()
        wire.send(UpgradeTests.request)
        #expect(wire.readMessage()?.status == 200)
        let old = rig.connect()
        old.send(UpgradeTests.request.replacing("HTTP/1.1", with: "HTTP/1.0"))
        #expect(old.readMessage()?.status == 200)
    }

    @Test func aServerMayDecline() throws {
        let backend = try Backend { _, wire, _ in
            while wire.readHead() != nil {
                wire.send("HTTP/1.1 426 Upgrade Required\r\nUpgrade: foo\r\nContent-Length: 2\r\n\r\nno")
            }
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        for _ in 0..<3 {
            wire.send(UpgradeTests.request)
            let response = try #require(wire.readMessage())
            #expect(response.status == 426 && response.text == "no")
        }
        #expect(backend.connections == 1 && rig.proxy.snapshot().listener.upgrades == 0)
    }

    @Test(arguments: [
        "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n\r\n",
    ])
    func aWrongAgreementIsABadGateway(bytes: String) async throws {
        let backend = try Backend.answering(bytes)
        let folder = try AccessLogTests.Folder()
        let log = AccessLogTests()
        let rig = try log.logging(to: folder, [backend.address])
        let wire = rig.connect()
        wire.send(UpgradeTests.request)
        let answer = try #require(wire.readMessage())
        #expect(answer.status == 502)
        #expect(
            answer.sentence == "server \(backend.address): sent a malformed response: "
                + "the protocol is switched, but not as it was asked for")
        #expect(rig.proxy.snapshot().listener.responseFaults == ["bad_upgrade": 1])
        #expect(rig.proxy.snapshot().servers[0].errors == 1)
        // Nobody asked.
        #expect(rig.get()?.status == 502)
        #expect(
            rig.proxy.snapshot().listener.responseFaults == ["bad_upgrade": 1, "unasked_upgrade": 1])
        #expect(await Rig.eventually { folder.lines().count == 2 })
        let lines = folder.lines().map(log.values)
        #expect(lines.map { $0["status"] } == ["502", "502"])
        #expect(
            lines.map { $0["end"] } == ["server_malformed:bad_upgrade", "server_malformed:unasked_upgrade"])
    }

    /// To a server that does nothing else, failures days apart must not look like a row.
    @Test func upgradesCountAsAnswers() async throws {
        let backend = try Backend { _, wire, _ in
            guard wire.readHead()?.field("Upgrade") != nil else { return }
            wire.send(UpgradeTests.agreement)
            wire.echoToEnd()
        }
        // Each may be ejected, but for the last.
        let rig = try Rig([backend.address]) {
            $0.balancing.ejection.sharePercent = 100
            $0.balancing.balance = .roundRobin
            $0.balancing.slowStartMilliseconds = 0
        }
        for _ in 0..<4 { #expect(rig.get()?.status == 502) }
        for _ in 0..<3 {
            let wire = rig.connect()
            wire.send(UpgradeTests.request)
            #expect(wire.readHead()?.status == 101)
        }
        #expect(rig.get()?.status == 502)
        let counted = try #require(rig.proxy.snapshot().servers.first)
        #expect(counted.p50 != nil && counted.durations.counts.reduce(0, +) == 3)
        // A server that fails upgrades, too, shows by its own ejection that the workers' counts were looked at.
        let witness = try Backend { _, wire, _ in _ = wire.readHead() }
        func publish(_ servers: [SocketAddress]) {
            rig.proxy.publish(servers.map { RoutedServer(address: $0, host: "test") })
        }
        func isEjected(_ server: SocketAddress) -> Bool {
            rig.proxy.snapshot().servers.contains { $0.server.address == server && $0.ejectedUntil != nil }
        }
        publish([backend.address, witness.address])
        let wasLooked = await Rig.eventually {
            let wire = rig.connect()
            wire.send(UpgradeTests.request)
            _ = wire.readHead()
            return isEjected(witness.address)
        }
        #expect(wasLooked && !isEjected(backend.address))
        #expect(rig.proxy.snapshot().servers.first { $0.server.address == backend.address }?.errors == 5)
        // Without upgrades in between it is.
        publish([backend.address, try Backend.echoing().address])
        let isOut = await Rig.eventually {
            _ = rig.get()
            return isEjected(backend.address)
        }
        #expect(isOut)
    }

    @Test func restingConnectionsEnd() async throws {
        let rig = try Rig([try server().address]) { $0.upgrades.idleMilliseconds = 200 }
        let wire = rig.connect()
        wire.send(UpgradeTests.request)
        #expect(wire.readHead()?.status == 101)
        #expect(wire.isAtEnd())
        #expect(await Rig.eventually { rig.proxy.snapshot().servers[0].inFlight == 0 })
    }

    @Test func aLostSideEndsTheOther() async throws {
        let server = try server()
        let rig = try Rig([server.address])
        let wire = rig.connect()
        wire.send(UpgradeTests.request)
        #expect(wire.readHead()?.status == 101)
        wire.reset()
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.open == 0 })
        let breaking = try Backend { _, wire, _ in
            _ = wire.readHead()
            wire.send(UpgradeTests.agreement)
            _ = wire.take(1)
            wire.reset()
        }
        let other = try Rig([breaking.address])
        let second = other.connect()
        second.send(UpgradeTests.request)
        #expect(second.readHead()?.status == 101)
        second.send("x")
        #expect(second.isAtEnd())
    }

    @Test func drainingLetsThemGoOnToTheDeadline() async throws {
        let rig = try Rig([try server().address])
        let wire = rig.connect()
        wire.send(UpgradeTests.request)
        #expect(wire.readHead()?.status == 101)
        // A frame that is not whole yet.
        wire.send([0x82, 10] + Array("first".utf8))
        #expect(wire.take(7)?.suffix(5) == Array("first".utf8)[...])
        let late = rig.connect()
        late.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(late.readMessage()?.status == 200)
        rig.proxy.close()
        // No new ones while closing.
        late.send(UpgradeTests.request)
        #expect(late.readMessage()?.status == 200)
        let proxy = rig.proxy
        async let cut = proxy.drain(until: Instant.now().advanced(milliseconds: 300))
        wire.send("still")
        #expect(wire.take(5) == Array("still".utf8))
        #expect(wire.readToEnd() == FarewellTests.goingAway)
        #expect(await cut == 1)
    }

    /// The server agrees only after it was taken off the list.
    @Test func anUpgradeAgreedToWhileItsServerDrainsHasTheDrainsTime() async throws {
        let gate = try Doorbell()
        let server = try Backend { backend, wire, _ in
            guard let request = wire.readHead() else { return }
            backend.note(request)
            _ = gate.wait(milliseconds: 10_000)
            wire.send(Array(UpgradeTests.agreement.utf8) + [0x82, 10] + Array("first".utf8))
            wire.echoToEnd()
        }
        let rig = try Rig([server.address]) { $0.balancing.drainMilliseconds = 300 }
        let wire = rig.connect()
        wire.send(UpgradeTests.request)
        #expect(await Rig.eventually { server.startLines.count == 1 })
        rig.proxy.publish([RoutedServer(address: server.address, host: "h", state: .draining)])
        // The worker has heard of it when it sends nobody there any more.
        #expect(rig.get()?.status == 503)
        gate.ring()
        #expect(wire.readHead()?.status == 101)
        #expect(wire.take(7)?.suffix(5) == Array("first".utf8)[...])
        wire.send("still")
        #expect(wire.take(5) == Array("still".utf8))
        #expect(wire.readToEnd() == FarewellTests.goingAway)
    }
}
