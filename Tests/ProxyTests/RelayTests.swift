import Linux
import Proxy
import Testing

@Suite(.timeLimit(.minutes(2))) struct RelayTests {
    private static let megabytes = 5_000_000

    @Test func aKeptConnectionServesManyRequestsOverOneToTheServer() async throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        for number in 0..<50 {
            wire.send("GET /\(number) HTTP/1.1\r\nHost: x.test\r\n\r\n")
            let response = try #require(wire.readMessage())
            #expect(response.status == 200 && response.text == "a")
            #expect(response.field("Connection") == nil)
        }
        #expect(backend.connections == 1)
        #expect(await Rig.eventually { rig.proxy.snapshot().servers[0].inFlight == 0 })
        let snapshot = rig.proxy.snapshot()
        #expect(snapshot.servers[0].requests == 50 && snapshot.servers[0].connects == 1)
        #expect(snapshot.servers[0].errors == 0)
        #expect(snapshot.listener.requests == 50 && snapshot.listener.responses2xx == 50)
        #expect(snapshot.listener.open == 1 && snapshot.listener.accepted == 1)
        let p50 = try #require(snapshot.servers[0].p50)
        let p99 = try #require(snapshot.servers[0].p99)
        #expect(p50 > 0 && p50 <= p99 && p99 < 10_000)
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        let backend = try Backend.echoing()
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        var bytes = ""
        for number in 0..<300 {
            bytes += "POST /\(number) HTTP/1.1\r\nHost: x.test\r\nContent-Length: 4\r\n\r\n\(1000 + number)"
        }
        wire.send(bytes)
        for number in 0..<300 { #expect(wire.readMessage()?.text == "\(1000 + number)") }
    }

    @Test func headsAreCleanedAndForwardingIsSet() throws {
        let backend = try Backend { _, wire, _ in
            while let request = wire.readMessage() {
                let text = request.fields.map { "\($0.name): \($0.value)" }.joined(separator: "\n")
                let body = request.startLine + "\n" + text
                let fields =
                    "Connection: keep-alive, X-Own\r\nX-Own: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 2\r\n"
                wire.send("HTTP/1.1 200 Fine\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            }
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send(
            "GET http://real.test?q HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6\r\nHost: other\r\nConnection: X-Foo, Upgrade\r\n"
                + "X-Foo: 1\r\nUpgrade: chat\r\nTE: trailers\r\nX-Forwarded-Proto: https\r\nForwarded: for=6.6.6.6\r\n"
                + "Keep-Alive: 5\r\nProxy-Connection: keep-alive\r\ntraceparent: 00-1\r\n\r\n")
        let response = try #require(wire.readMessage())
        #expect(response.startLine == "HTTP/1.1 200 Fine")
        #expect(response.fields.map(\.name) == ["X-Kept", "Content-Length", "Date"])
        #expect(
            response.text == """
                GET /?q HTTP/1.1
                Host: real.test
                traceparent: 00-1
                X-Forwarded-For: 127.0.0.1
                X-Forwarded-Proto: http
                X-Forwarded-Host: real.test
                """)
    }

    @Test func largeBodiesPassBothWaysUnchanged() throws {
        let backend = try Backend.echoing()
        let rig = try Rig([backend.address])
        let body = Rig.pattern(RelayTests.megabytes)
        let wire = rig.connect()
        for _ in 0..<2 {
            wire.send("POST / HTTP/1.1\r\nHost: x.test\r\nContent-Length: \(body.count)\r\n\r\n")
            wire.send(body)
            #expect(wire.readMessage()?.body == body)
        }
    }

    @Test func chunkedBodiesPassBothWaysWithExtensionsAndTrailers() throws {
        let backend = try Backend { _, wire, _ in
            while let request = wire.readMessage() {
                wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for start in stride(from: 0, to: request.body.count, by: 100_000) {
                    let chunk = request.body[start..<min(start + 100_000, request.body.count)]
                    wire.send(Array("\(String(chunk.count, radix: 16));a=b\r\n".utf8) + chunk + [13, 10])
                }
                wire.send("0\r\nX-Sum: 1\r\n\r\n")
            }
        }
        let rig = try Rig([backend.address])
        let body = Rig.pattern(1_000_000)
        let wire = rig.connect()
        for size in [7777, 65_536] {
            wire.send("PUT / HTTP/1.1\r\nHost: x.test\r\nTransfer-Encoding: chunked\r\n\r\n")
            for start in stride(from: 0, to: body.count, by: size) {
                let chunk = body[start..<min(start + size, body.count)]
                wire.send(Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [13, 10])
            }
            wire.send("0\r\n\r\n")
            #expect(wire.readMessage()?.body == body)
        }
    }

    @Test func headHasNoBodyAndKeepsItsLength() throws {
        let backend = try Backend.echoing("hello")
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        for _ in 0..<3 {
            wire.send("HEAD / HTTP/1.1\r\nHost: x.test\r\n\r\n")
            #expect(wire.readMessage(withoutBody: true)?.field("Content-Length") == "5")
            wire.send("GET / HTTP/1.1\r\nHost: x.test\r\n\r\n")
            #expect(wire.readMessage()?.text == "hello")
        }
        #expect(backend.connections == 1)
    }

    @Test func oldClientsGetUnchunkedContentAndAHostIsSentOn() throws {
        let backend = try Backend { backend, wire, _ in
            while let request = wire.readMessage() {
                backend.note(request)
                let host = request.field("Host") ?? "-"
                wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
                wire.send("\(String(host.utf8.count, radix: 16))\r\n\(host)\r\n0\r\n\r\n")
            }
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        let response = try #require(wire.readMessage(untilClose: true))
        #expect(response.field("Transfer-Encoding") == nil && response.field("Connection") == "close")
        #expect(response.text == "abc\(backend.address)")
        #expect(backend.startLines == ["GET / HTTP/1.1"])
    }

    @Test func oldClientsMayKeepTheirConnection() throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        for _ in 0..<3 {
            wire.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let response = try #require(wire.readMessage())
            #expect(response.field("Connection") == "keep-alive" && response.text == "a")
        }
        wire.send("GET / HTTP/1.0\r\n\r\n")
        #expect(wire.readMessage()?.field("Connection") == "close")
        #expect(wire.isAtEnd())
    }

    @Test func aBodyUntilCloseComesInChunksAndTheClientStays() throws {
        let body = Rig.pattern(300_000)
        let backend = try Backend { _, wire, _ in
            _ = wire.readMessage()
            wire.send(Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + body)
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        for _ in 0..<3 {
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            let response = try #require(wire.readMessage())
            #expect(response.field("Connection") == nil && response.body == body)
            #expect(response.field("Transfer-Encoding") == "chunked")
        }
        wire.send("GET / HTTP/1.0\r\n\r\n")
        let response = try #require(wire.readMessage(untilClose: true))
        #expect(response.field("Connection") == "close" && response.body == body)
        #expect(response.field("Transfer-Encoding") == nil)
    }

    @Test func aBodyUntilResetIsCutForTheClientToo() async throws {
        let backend = try Backend { _, wire, _ in
            _ = wire.readMessage()
            wire.send("HTTP/1.1 200 OK\r\n\r\npart")
            wire.reset()
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        let seen = String(decoding: wire.readToEnd(), as: UTF8.self)
        #expect(seen.isEmpty || seen.hasPrefix("HTTP/1.1 200 "), "\(seen)")
        #expect(!seen.hasSuffix("0\r\n\r\n"))
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.cut == 1 })
    }

    @Test func aBodyUntilALateResetIsCutBehindItsPart() async throws {
        let gate = try Doorbell()
        let backend = try Backend { _, wire, _ in
            _ = wire.readMessage()
            wire.send("HTTP/1.1 200 OK\r\n\r\npart")
            _ = gate.wait(milliseconds: 10_000)
            wire.reset()
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        let head = try #require(wire.readHead())
        #expect(head.status == 200 && head.field("Transfer-Encoding") == "chunked")
        #expect(wire.take(7) == Array("4\r\npart".utf8))
        gate.ring()
        #expect(wire.isAtEnd(), "no last chunk")
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.cut == 1 })
    }

    @Test func continueIsPassedOn() throws {
        let backend = try Backend { _, wire, _ in
            while let head = wire.readHead() {
                #expect(head.field("Expect") == "100-continue")
                wire.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
                let body = wire.take(5) ?? []
                wire.send(Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".utf8) + body)
            }
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        for _ in 0..<3 {
            wire.send("POST / HTTP/1.1\r\nHost: x.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
            #expect(wire.readHead()?.status == 100)
            #expect(wire.readHead()?.field("Link") == "</a>")
            wire.send("hello")
            #expect(wire.readMessage()?.text == "hello")
        }
    }

    @Test func aHalfClosedClientStillGetsItsResponse() throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x.test\r\n\r\n")
        wire.finishWriting()
        #expect(wire.readMessage()?.text == "a")
        #expect(wire.isAtEnd())
    }

    @Test func anEarlyResponseArrivesAlthoughTheBodyIsNotRead() throws {
        let backend = try Backend { _, wire, _ in
            _ = wire.readHead()
            wire.send("HTTP/1.1 413 Too Much\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!")
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("POST / HTTP/1.1\r\nHost: x.test\r\nContent-Length: 50000000\r\n\r\n")
        wire.send(Rig.pattern(100_000))
        let response = try #require(wire.readMessage())
        #expect(response.status == 413 && response.text == "no!" && response.field("Connection") == "close")
    }

    @Test func aSlowReaderHoldsTheServerBackAndGetsEverything() async throws {
        let body = Rig.pattern(20_000_000)
        let backend = try Backend { backend, wire, _ in
            guard let request = wire.readMessage() else { return }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
            wire.send(body)
            backend.note(request)  // all of it has left
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x.test\r\n\r\n")
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.bytesToClients > 100_000 })
        #expect(backend.startLines.isEmpty)
        #expect(wire.readMessage()?.body == body)
    }

    @Test func responsesByteByByteAreWhole() throws {
        let backend = try Backend { _, wire, _ in
            while wire.readMessage() != nil {
                for byte in "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8
                {
                    wire.send([byte])
                }
            }
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        for _ in 0..<5 {
            for byte
                in "POST / HTTP/1.1\r\nHost: x.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n\r\n"
                .utf8
            {
                wire.send([byte])
            }
            #expect(wire.readMessage()?.text == "abc")
        }
    }
}
