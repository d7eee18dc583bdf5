import HTTP
import Linux
import Proxy
import Testing

@Suite(.timeLimit(.minutes(2))) struct FaultTests {
    @Test(arguments: [
        ("GET / HTTP/1.1\nHost: x\n\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501), ("GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: \(String(repeating: "a", count: 20_000))\r\n\r\n", 431),
        ("GET /\(String(repeating: "a", count: 20_000)) HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    ])
    func aMalformedRequestIsAnsweredAndItsConnectionClosed(_ text: String, _ status: Int) throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send(text + "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        let response = try #require(wire.readMessage())
        #expect(response.status == status && response.field("Connection") == "close")
        #expect(response.text.hasPrefix("client: "))
        #expect(wire.isAtEnd())
        #expect(backend.startLines.isEmpty)
        #expect(rig.proxy.snapshot().listener.rejectedHeads == 1)
    }

    @Test func refusalsAreCountedByReasonOnBothSides() async throws {
        let backend = try Backend.answering(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n")
        let rig = try Rig([backend.address])
        for text in ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n"] {
            let wire = rig.connect()
            wire.send(text)
            #expect(wire.readMessage()?.status == 400)
        }
        #expect(rig.get()?.status == 502)
        let listener = rig.proxy.snapshot().listener
        #expect(listener.requestFaults == ["missing_host": 2, "bare_line_feed": 1])
        #expect(listener.responseFaults == ["repeated_content_length": 1])
    }

    @Test func aHeadThatOutgrowsItsRewritingIsCounted() throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        // Within the limit for heads, but the server would be told of the host twice.
        wire.send("GET / HTTP/1.1\r\nHost: \(String(repeating: "a", count: 16_000))\r\n\r\n")
        #expect(wire.readMessage()?.status == 431)
        #expect(rig.proxy.snapshot().listener.requestFaults == ["head_too_large": 1])
        #expect(backend.startLines.isEmpty)
    }

    @Test func limitsAreThoseOfTheSettings() throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address]) {
            $0.head = HeadLimits(headBytes: 1024, targetBytes: 300, fields: 10)
        }
        let cases = [
            ("GET /\(String(repeating: "a", count: 299)) HTTP/1.1\r\nHost: x\r\n\r\n", 200),
            ("GET /\(String(repeating: "a", count: 300)) HTTP/1.1\r\nHost: x\r\n\r\n", 414),
            ("GET / HTTP/1.1\r\nHost: x\r\n\(String(repeating: "A: b\r\n", count: 9))\r\n", 200),
            ("GET / HTTP/1.1\r\nHost: x\r\n\(String(repeating: "A: b\r\n", count: 10))\r\n", 431),
            ("GET / HTTP/1.1\r\nHost: x\r\nA: \(String(repeating: "b", count: 900))\r\n\r\n", 200),
            ("GET / HTTP/1.1\r\nHost: x\r\nA: \(String(repeating: "b", count: 1000))\r\n\r\n", 431),
        ]
        for (text, status) in cases {
            let wire = rig.connect()
            wire.send(text)
            #expect(wire.readMessage()?.status == status)
        }
    }

    @Test func theAnswerToARefusedRequestSurvivesItsUnreadBody() throws {
        let rig = try Rig([])
        let wire = rig.connect()
        wire.send(
            "POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n\(String(repeating: "a", count: 100_000))")
        #expect(wire.readMessage()?.text.hasPrefix("client: the Host field is missing\n") == true)
        #expect(wire.isAtEnd())
    }

    @Test func aRefusedHeadRequestIsAnsweredWithoutABody() throws {
        let rig = try Rig([])
        let wire = rig.connect()
        wire.send("HEAD / HTTP/1.1\r\n\r\n")
        #expect(wire.readHead()?.status == 400)
        #expect(wire.isAtEnd())
    }

    @Test func aServerThatNeverContinuesIsNotWaitedForForEver() throws {
        let backend = try Backend { _, wire, _ in _ = wire.readToEnd() }
        let rig = try Rig([backend.address]) { $0.firstByteMilliseconds = 200 }
        let wire = rig.connect()
        wire.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        let answer = try #require(wire.readMessage())
        #expect(answer.status == 504)
        #expect(answer.sentence == "server \(backend.address): sent no response in time")
        #expect(wire.isAtEnd())
        #expect(rig.proxy.snapshot().servers[0].errors == 1)
    }

    @Test func aBadChunkInTheMiddleEndsBothSides() async throws {
        let backend = try Backend { backend, wire, _ in
            guard let head = wire.readHead() else { return }
            backend.note(head)
            #expect(wire.readToEnd().count < 100)
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        wire.send("nonsense\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readMessage()?.status == 400)
        #expect(wire.isAtEnd())
        #expect(await Rig.eventually { rig.proxy.snapshot().servers[0].inFlight == 0 })
    }

    @Test func withoutAServerTheAnswerSaysSo() throws {
        let rig = try Rig([])
        let wire = rig.connect()
        for _ in 0..<3 {
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            let response = try #require(wire.readMessage())
            #expect(response.status == 503 && response.sentence == "proxy: no server is active")
            #expect(response.field("Content-Type") == "text/plain; charset=utf-8")
            #expect(response.field("Date")?.hasSuffix(" GMT") == true)
        }
        wire.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readMessage(withoutBody: true)?.status == 503)
        #expect(wire.readMessage()?.sentence == "proxy: no server is active")
    }

    @Test func aRefusedConnectionGoesToAnotherServer() throws {
        let backend = try Backend.echoing("alive")
        let dead = try Rig.deadAddress()
        let rig = try Rig([dead, backend.address])
        let wire = rig.connect()
        for _ in 0..<20 {
            wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
            let response = try #require(wire.readMessage())
            #expect(response.status == 200 && response.text == "body")
        }
        let snapshot = rig.proxy.snapshot()
        #expect((1...3).contains(snapshot.servers[0].errors) && snapshot.servers[1].errors == 0)
        #expect(snapshot.listener.retries == snapshot.servers[0].errors)
    }

    @Test func withOnlyDeadServersTheLastOneIsNamed() throws {
        let dead = [
            try Rig.deadAddress(), try Rig.deadAddress(), try Rig.deadAddress(), try Rig.deadAddress(),
        ]
        let rig = try Rig(dead)
        let response = try #require(rig.get())
        #expect(response.status == 502)
        #expect(dead.contains { response.sentence == "server \($0): cannot connect: Connection refused" })
        #expect(rig.proxy.snapshot().servers.map(\.errors).reduce(0, +) == 3)
    }

    /// A server that answers one request on each connection, then closes when the second one arrives.
    private func staleBackend() throws -> Backend {
        try Backend { backend, wire, _ in
            guard let first = wire.readMessage() else { return }
            backend.note(first)
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            if let second = wire.readMessage() { backend.note(second) }
        }
    }

    @Test func aStaleConnectionIsReplacedForIdempotentRequests() throws {
        let backend = try staleBackend()
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        for number in 0..<10 {
            wire.send("PUT /\(number) HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
            #expect(wire.readMessage()?.status == 200)
        }
        #expect(backend.connections == 10)
        #expect(rig.proxy.snapshot().servers[0].errors == 0)
    }

    @Test func aPostIsNotRepeated() throws {
        let backend = try staleBackend()
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readMessage()?.status == 200)
        wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
        let response = try #require(wire.readMessage())
        #expect(response.status == 502)
        #expect(response.sentence == "server \(backend.address): closed the connection without a response")
        #expect(backend.startLines == ["GET / HTTP/1.1", "POST / HTTP/1.1"])
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\nA: b\n\n", "sent a malformed response: a line ends in a bare LF"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "sent a malformed response: the Content-Length is malformed"
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "sent a malformed response: the protocol is switched although nobody asked for it"
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "sent a malformed response: a chunk size is malformed"
        ),
    ])
    func aMalformedResponseIsABadGateway(_ bytes: String, _ reason: String) throws {
        let backend = try Backend.answering(bytes)
        let rig = try Rig([backend.address])
        let response = try #require(rig.get())
        #expect(response.status == 502)
        #expect(response.sentence == "server \(backend.address): \(reason)")
        #expect(rig.proxy.snapshot().servers[0].errors == 1)
    }

    @Test func bytesBehindAResponseReachNobody() throws {
        let extra = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        let backend = try Backend.answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood" + extra)
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        for _ in 0..<10 {
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(wire.readMessage()?.text == "good")
        }
        #expect(backend.connections == 10)
    }

    @Test func aResponseBrokenOffIsCut() async throws {
        let backend = try Backend { _, wire, _ in
            _ = wire.readMessage()
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readHead()?.status == 200)
        #expect(wire.readToEnd().count == 3)
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.cut == 1 })
    }

    @Test func tooManyConnectionsAreTurnedAway() throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address]) { $0.connectionsPerWorker = 1 }
        let first = rig.connect()
        first.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(first.readMessage()?.status == 200)
        let second = rig.connect()
        let response = try #require(second.readMessage())
        #expect(response.status == 503 && response.sentence == "proxy: too many connections")
        #expect(response.field("Date")?.hasSuffix(" GMT") == true)
        #expect(rig.proxy.snapshot().listener.turnedAway == 1)
    }

    @Test func resetsOnEitherSideLeaveNothingBehind() async throws {
        let backend = try Backend { _, wire, number in
            _ = wire.readMessage()
            if number % 2 == 0 { wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc") }
            wire.reset()
        }
        let rig = try Rig([backend.address])
        for number in 0..<40 {
            let wire = rig.connect()
            wire.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            if number % 3 == 0 { wire.reset() } else { _ = wire.readToEnd() }
        }
        #expect(
            await Rig.eventually {
                let snapshot = rig.proxy.snapshot()
                return snapshot.listener.open == 0 && snapshot.servers[0].inFlight == 0
            })
    }

    @Test func mutatedBytesNeverReachAnotherClientsResponse() throws {
        let backend = try Backend.echoing()
        let rig = try Rig([backend.address])
        let victim = rig.connect()
        var seed: UInt64 = 42
        func random(_ bound: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % bound
        }
        let text = "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        for round in 0..<150 {
            var bytes = Array((text + text).utf8)
            for _ in 0...random(3) { bytes[random(bytes.count)] = UInt8(random(256)) }
            let attacker = rig.connect()
            attacker.send(bytes)
            attacker.finishWriting()
            victim.send("POST /v HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n\(100_000 + round)")
            #expect(victim.readMessage()?.text == "\(100_000 + round)")
            _ = attacker.readToEnd()
        }
    }
}
