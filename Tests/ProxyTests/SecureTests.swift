import COpenSSL
import Glibc
import Linux
import Proxy
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct SecureTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func requestsPassInBothVersions(version: Int32) throws {
        let backend = try Backend { _, wire, _ in
            while let request = wire.readMessage() {
                let scheme = request.field("X-Forwarded-Proto") ?? "-"
                guard wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(scheme.utf8.count)\r\n\r\n\(scheme)")
                else { return }
            }
        }
        let secure = try SecureRig([backend.address])
        let client = try SecureClient(authority: secure.folder.certificate("ca"), versions: version...version)
        client.offer(["h2", "http/1.1"])
        let wire = try #require(client.connect(to: secure.address))
        #expect(wire.version == version)
        for _ in 0..<20 {
            wire.send(SecureTests.request)
            #expect(wire.readMessage()?.text == "https")
        }
        #expect(secure.rig.get()?.text == "http")
        #expect(secure.counts.done == 1 && secure.counts.refused == 0)
    }

    @Test func olderVersionsAndOtherProtocolsAreRefused() async throws {
        let secure = try SecureRig([])
        let old = try SecureClient(
            authority: secure.folder.certificate("ca"), versions: TLS1_VERSION...TLS1_1_VERSION)
        #expect(old.connect(to: secure.address) == nil)
        let other = try SecureClient(authority: secure.folder.certificate("ca"))
        other.offer(["h2"])
        #expect(other.connect(to: secure.address) == nil)
        #expect(await Rig.eventually { secure.counts.refused == 2 })
        let strict = try SecureRig([]) { $0.tls?.minimum = .tls13 }
        let two = try SecureClient(
            authority: strict.folder.certificate("ca"), versions: TLS1_2_VERSION...TLS1_2_VERSION)
        #expect(two.connect(to: strict.address) == nil)
    }

    @Test func theNameChoosesTheCertificate() async throws {
        let secure = try SecureRig([])
        for (name, owner) in [
            ("a.test", "a.test"), ("b.test", "b.test"), ("B.TEST", "b.test"), ("x.c.test", "*.c.test"),
            ("c.test", "*.c.test"), ("a.other.test", "a.test"),
        ] {
            #expect(secure.connect(name)?.peerNames.first == owner, "\(name)")
        }
        // Nobody's name gets the default, which is not for it.
        #expect(secure.connect("unknown.test") == nil && secure.connect("x.y.c.test") == nil)
        #expect(secure.connect(nil)?.peerNames.first == "a.test")
        #expect(await Rig.eventually { secure.counts.done == 7 })
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func ticketsResumeAtEveryWorker(version: Int32) throws {
        let backend = try Backend.echoing("x")
        let secure = try SecureRig([backend.address], workers: 4)
        let client = try SecureClient(authority: secure.folder.certificate("ca"), versions: version...version)
        for round in 0..<24 {
            let wire = try #require(client.connect(to: secure.address, name: "b.test"))
            #expect(wire.isResumed == (round > 0))
            wire.send(SecureTests.request)
            #expect(wire.readMessage()?.text == "x")
            client.keepSession(of: wire)
        }
        #expect(secure.counts.done == 24 && secure.counts.resumed == 23)
        // Another name is another session.
        let other = try #require(client.connect(to: secure.address, name: "a.test"))
        #expect(!other.isResumed && other.peerNames.first == "a.test")
    }

    @Test func bodiesOfAnySizePassBothWays() throws {
        let backend = try Backend.echoing()
        let secure = try SecureRig([backend.address])
        let wire = try #require(secure.connect())
        for size in [1, 16_383, 16_384, 16_385, 40_000, 10_000_000] {
            let body = Rig.pattern(size)
            wire.send("PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: \(size)\r\n\r\n")
            wire.send(body)
            #expect(wire.readMessage()?.body == body)
        }
    }

    @Test func aSlowReaderHoldsTheServerBackAndGetsEverything() async throws {
        let body = Rig.pattern(20_000_000)
        let backend = try Backend { backend, wire, _ in
            guard let request = wire.readMessage() else { return }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
            wire.send(body)
            backend.note(request)  // all of it has left
        }
        let secure = try SecureRig([backend.address])
        let wire = try #require(secure.connect())
        wire.send(SecureTests.request)
        #expect(
            await Rig.eventually { secure.rig.proxy.snapshot().listener.bytesToClients > 100_000 })
        #expect(backend.startLines.isEmpty)
        #expect(wire.readMessage()?.body == body)
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        let backend = try Backend.echoing()
        let secure = try SecureRig([backend.address])
        let wire = try #require(secure.connect())
        var bytes = ""
        for number in 0..<2000 {
            bytes += "POST /\(number) HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\(1000 + number)"
        }
        wire.send(bytes)
        for number in 0..<2000 { #expect(wire.readMessage()?.text == "\(1000 + number)") }
        // One record for each byte.
        for byte in Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8) { wire.send([byte]) }
        #expect(wire.readMessage()?.status == 200)
    }

    @Test func connectionsEndWithAGoodbye() async throws {
        let backend = try Backend.echoing("x")
        let secure = try SecureRig([backend.address]) { $0.clientIdleMilliseconds = 50 }
        let wire = try #require(secure.connect())
        wire.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        #expect(wire.readMessage()?.text == "x")
        #expect(wire.isAtEnd() && wire.wasToldGoodbye)
        let idle = try #require(secure.connect())
        idle.send(SecureTests.request)
        #expect(idle.readMessage()?.text == "x")
        #expect(idle.isAtEnd() && idle.wasToldGoodbye)
        wire.close()
        #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.open == 0 })
    }

    @Test func aResponseCutShortShowsNoGoodbye() throws {
        let backend = try Backend { _, wire, _ in
            _ = wire.readMessage()
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
            wire.reset()
        }
        let secure = try SecureRig([backend.address])
        let wire = try #require(secure.connect())
        wire.send(SecureTests.request)
        #expect(wire.readMessage() == nil)
        #expect(!wire.wasToldGoodbye)
    }

    @Test func aRequestCutShortIsNeverTakenForWhole() async throws {
        let bodies = Mutex<[Wire.Message]>([])
        let backend = try Backend { _, wire, _ in
            while let request = wire.readMessage() {
                bodies.withLock { $0.append(request) }
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let secure = try SecureRig([backend.address])
        for framing in ["Content-Length: 5\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
            let wire = try #require(secure.connect())
            wire.send("POST / HTTP/1.1\r\nHost: x\r\n\(framing)")
            wire.finishWriting()  // a FIN without close_notify
            #expect(wire.isAtEnd())
        }
        #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.open == 0 })
        #expect(bodies.withLock { $0.isEmpty })
    }

    @Test func slowAndBrokenHandshakesEnd() async throws {
        let secure = try SecureRig([]) { $0.clientHeadMilliseconds = 200 }
        let silent = Wire(to: secure.address)
        let half = Wire(to: secure.address)
        half.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00])
        let garbage = Wire(to: secure.address)
        garbage.send([0x16, 0x03, 0x01, 0x00, 0x05, 0xff, 0xff, 0xff, 0xff, 0xff])
        _ = garbage.readToEnd()
        let gone = Wire(to: secure.address)
        gone.close()
        #expect(silent.isAtEnd() && half.isAtEnd())
        #expect(await Rig.eventually { secure.counts.refused == 1 && secure.counts.abandoned == 3 })
        #expect(secure.counts.done == 0)
        #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.open == 0 })
    }

    @Test(arguments: ["GET", "DELETE", "OPTIONS", "get"])
    func plainRequestsAreToldToUseTLS(method: String) throws {
        let secure = try SecureRig([])
        let wire = Wire(to: secure.address)
        wire.send("\(method) / HTTP/1.1\r\nHost: x\r\n\r\n")
        let response = try #require(wire.readMessage())
        #expect(response.status == 400 && response.text.contains("TLS"))
        #expect(wire.isAtEnd())
        #expect(secure.counts.plain == 1)
    }

    @Test func thePlainListenerMayRedirect() throws {
        let secure = try SecureRig([]) {
            $0.tls?.redirects = true
            $0.forwarding.requestID = true
        }
        let port = secure.address.port
        let wire = secure.rig.connect()
        for (target, host, location) in [
            ("/", "a.test", "https://a.test:\(port)/"),
            ("/x?y=%0a", "a.test:80", "https://a.test:\(port)/x?y=%0a"),
            ("http://b.test?q", "a.test", "https://b.test:\(port)/?q"),
            ("/v6", "[::1]:80", "https://[::1]:\(port)/v6"), ("/v6", "[::1]", "https://[::1]:\(port)/v6"),
        ] {
            wire.send("GET \(target) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            let response = try #require(wire.readMessage())
            #expect(response.status == 308 && response.field("Location") == location)
            #expect(response.field("Date")?.hasSuffix(" GMT") == true)
            #expect(response.field("X-Request-Id")?.utf8.count == 32)
            #expect(response.field("Content-Length") == "0" && response.field("Connection") == nil)
        }
        let old = secure.rig.connect()
        old.send("GET /x HTTP/1.0\r\nHost: a.test\r\n\r\n")
        let older = try #require(old.readMessage())
        #expect(older.status == 301 && older.field("Connection") == "close" && older.field("Date") != nil)
        let bare = secure.rig.connect()
        bare.send("GET /x HTTP/1.0\r\n\r\n")
        #expect(bare.readMessage()?.status == 400)
        let forwarded = try SecureRig([]) {
            $0.tls?.redirects = true
            $0.tls?.redirectPort = 443
        }
        let moved = try #require(forwarded.rig.get("/x", host: "a.test:80"))
        #expect(moved.field("Location") == "https://a.test/x" && moved.field("X-Request-Id") == nil)
        #expect(try #require(secure.connect()).version == TLS1_3_VERSION)
    }

    @Test func closingAndDrainingWorkAsWithoutTLS() async throws {
        let backend = try Backend.echoing("x")
        let secure = try SecureRig([backend.address]) { $0.drainIdleMilliseconds = 50 }
        let kept = try #require(secure.connect())
        kept.send(SecureTests.request)
        #expect(kept.readMessage()?.field("Connection") == nil)
        let idle = try #require(secure.connect())
        secure.rig.proxy.close()
        #expect(secure.rig.proxy.secureAddress == nil)
        kept.send(SecureTests.request)
        #expect(kept.readMessage()?.field("Connection") == "close")
        #expect(kept.isAtEnd() && kept.wasToldGoodbye)
        let proxy = secure.rig.proxy
        async let cut = proxy.drain(until: Instant.now().advanced(milliseconds: 10_000))
        #expect(idle.isAtEnd())
        #expect(await cut == 0)
    }

    @Test func handshakesMayBreakOffOrBeSpoiltAnywhere() async throws {
        let backend = try Backend.echoing("x")
        let secure = try SecureRig([backend.address]) { $0.clientHeadMilliseconds = 1_000 }
        let hello = try secure.client.hello(name: "b.test")
        #expect(hello.count > 100)
        var seed: UInt64 = 1
        for offset in 0..<hello.count {
            let cut = Wire(to: secure.address)
            cut.send(Array(hello[..<offset]))
            if offset.isMultiple(of: 2) { cut.close() } else { cut.reset() }
            // Knuth's generator: the same bytes in every run.
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var spoilt = hello
            spoilt[offset] ^= UInt8(truncatingIfNeeded: seed >> 56) | 1
            let wire = Wire(to: secure.address)
            wire.send(spoilt)
            wire.close()
        }
        #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.open == 0 })
        let wire = try #require(secure.connect("b.test"))
        wire.send(SecureTests.request)
        #expect(wire.readMessage()?.text == "x")
    }
}
