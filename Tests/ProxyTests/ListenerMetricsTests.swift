import Linux
import Metrics
import Proxy
import Testing

/// What came by which of the two listeners.
@Suite(.timeLimit(.minutes(2))) struct ListenerMetricsTests {
    private static let request = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"

    @Test func plainAndSecureListenersAreCountedApart() async throws {
        let backend = try Backend.echoing("x")
        let secure = try SecureRig([backend.address], workers: 2)
        let plain = secure.rig.connect()
        let wires = [plain, try #require(secure.connect()), try #require(secure.connect("b.test"))]
        for (wire, count) in zip(wires, [3, 4, 1]) {
            for _ in 0..<count {
                wire.send(ListenerMetricsTests.request)
                #expect(wire.readMessage()?.text == "x")
            }
        }
        let listener = secure.rig.proxy.snapshot().listener
        #expect(listener.open == 3 && listener.secure.open == 2)
        #expect(listener.accepted == 3 && listener.secure.accepted == 2)
        #expect(listener.requests == 8 && listener.secure.requests == 5)
        check(secure.rig.proxy, connections: (1, 2), accepted: (1, 2), requests: (3, 5))

        wires[1].close()
        #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.open == 2 })
        #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.secure.open == 1 })
        check(secure.rig.proxy, connections: (1, 1), accepted: (1, 2), requests: (3, 5))

        // What speaks no TLS came by that listener all the same, and is no request.
        let lost = Wire(to: secure.address)
        lost.send(ListenerMetricsTests.request)
        #expect(lost.readMessage()?.status == 400)
        lost.close()
        #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.open == 2 })
        #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.secure.open == 1 })
        check(secure.rig.proxy, connections: (1, 1), accepted: (1, 3), requests: (3, 5))

        plain.close()
        #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.open == 1 })
        check(secure.rig.proxy, connections: (0, 1), accepted: (1, 3), requests: (3, 5))
        wires[2].close()
        #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.open == 0 })
        #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.secure.open == 0 })
    }

    /// Holds the families' samples against what is wanted of the plain and the secure listener.
    private func check(
        _ proxy: Proxy, connections: (Int, Int), accepted: (Int, Int), requests: (Int, Int),
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let text = page(proxy)
        for (name, wanted) in [
            ("connections", connections), ("connections_accepted_total", accepted),
            ("requests_total", requests),
        ] {
            for (listener, count) in [("http", wanted.0), ("https", wanted.1)] {
                let line = "\ntroop_proxy_listener_\(name){listener=\"\(listener)\"} \(count)\n"
                #expect(text.contains(line), "\(line)\(text)", sourceLocation: sourceLocation)
            }
        }
    }

    private func page(_ proxy: Proxy) -> String {
        String(decoding: MetricsText.bytes(of: ProxyMetrics.families(proxy.snapshot())), as: UTF8.self)
    }

    /// Waits for samples, given without the beginning of their names: some are counted after the client's last byte.
    private func expect(
        _ samples: [String], of proxy: Proxy, sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        func missing() -> [String] {
            let text = page(proxy)
            return samples.filter { !text.contains("\ntroop_proxy_\($0)\n") }
        }
        let areThere = await Rig.eventually { missing().isEmpty }
        #expect(areThere, "\(missing()) of \(page(proxy))", sourceLocation: sourceLocation)
    }

    /// Sends requests for which the backend of the tests answers with these statuses.
    private func ask(_ wire: Wire, for statuses: [Int], sourceLocation: SourceLocation = #_sourceLocation) {
        for status in statuses {
            wire.send("GET /\(status) HTTP/1.1\r\nHost: a.test\r\n\r\n")
            #expect(wire.readMessage()?.status == status, sourceLocation: sourceLocation)
        }
    }

    @Test func answersAndRefusalsAreCountedByListener() async throws {
        let backend = try Backend { _, wire, _ in
            while let request = wire.readMessage() {
                let status = request.path.dropFirst()
                guard wire.send("HTTP/1.1 \(status) X\r\nContent-Length: 0\r\n\r\n") else { return }
            }
        }
        let secure = try SecureRig([backend.address], workers: 2)
        ask(secure.rig.connect(), for: [200, 404, 200, 201])
        ask(try #require(secure.connect()), for: [302, 500, 200, 304])
        ask(try #require(secure.connect()), for: [503, 302])
        let noHost = "GET / HTTP/1.1\r\n\r\n"
        let bareLines = "GET / HTTP/1.1\nHost: x\n\n"
        let badChunk = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n"
        for text in [noHost, noHost, badChunk] {
            let wire = secure.rig.connect()
            wire.send(text)
            #expect(wire.readMessage()?.status == 400)
        }
        for text in [noHost, bareLines] {
            let wire = try #require(secure.connect())
            wire.send(text)
            #expect(wire.readMessage()?.status == 400)
        }
        let proxy = secure.rig.proxy
        let answers = [
            "responses_total{listener=\"http\",class=\"2xx\"} 3",
            "responses_total{listener=\"http\",class=\"3xx\"} 0",
            "responses_total{listener=\"http\",class=\"4xx\"} 4",
            "responses_total{listener=\"http\",class=\"5xx\"} 0",
            "responses_total{listener=\"https\",class=\"2xx\"} 1",
            "responses_total{listener=\"https\",class=\"3xx\"} 3",
            "responses_total{listener=\"https\",class=\"4xx\"} 2",
            "responses_total{listener=\"https\",class=\"5xx\"} 2",
        ]
        let refusals = [
            "requests_refused_total{listener=\"http\",reason=\"bad_chunk_size\"} 1",
            "requests_refused_total{listener=\"http\",reason=\"missing_host\"} 2",
            "requests_refused_total{listener=\"https\",reason=\"bare_line_feed\"} 1",
            "requests_refused_total{listener=\"https\",reason=\"missing_host\"} 1",
        ]
        let totals = [
            "responses_total{class=\"2xx\"} 4", "responses_total{class=\"3xx\"} 3",
            "responses_total{class=\"4xx\"} 6", "responses_total{class=\"5xx\"} 2",
            "requests_refused_total 5", "requests_total 11",
            "malformed_messages_total{message=\"request\",reason=\"missing_host\"} 3",
        ]
        let samples = (answers + refusals).map { "listener_\($0)" } + totals
        await expect(samples, of: proxy)
        #expect(!page(proxy).contains("{listener=\"http\",reason=\"bare_line_feed\"}"))
        #expect(!page(proxy).contains("{listener=\"https\",reason=\"bad_chunk_size\"}"))
        // Counters outlive listeners and workers.
        proxy.close()
        await expect(samples, of: proxy)
        proxy.stop()
        await expect(samples, of: proxy)
    }

    @Test func bytesAreCountedByListener() async throws {
        let backend = try Backend.echoing()
        let secure = try SecureRig([backend.address], workers: 2)
        func exchange(_ wire: Wire, _ size: Int) -> (received: Int, sent: Int) {
            let head =
                "PUT / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: \(size)\r\n\r\n"
            wire.send(Array(head.utf8) + Rig.pattern(size))
            return (head.utf8.count + size, wire.readToEnd().count)
        }
        let plain = exchange(secure.rig.connect(), 1_000)
        let one = exchange(try #require(secure.connect()), 300_000)
        let two = exchange(try #require(secure.connect()), 7)
        #expect(plain.sent > 1_000 && one.sent > 300_000 && two.sent > 7)
        await expect(
            [
                "listener_received_bytes_total{listener=\"http\"} \(plain.received)",
                "listener_received_bytes_total{listener=\"https\"} \(one.received + two.received)",
                "listener_sent_bytes_total{listener=\"http\"} \(plain.sent)",
                "listener_sent_bytes_total{listener=\"https\"} \(one.sent + two.sent)",
                "received_bytes_total \(plain.received + one.received + two.received)",
                "sent_bytes_total \(plain.sent + one.sent + two.sent)",
            ], of: secure.rig.proxy)
    }

    @Test func connectionsBeyondALimitAreCountedByListener() async throws {
        let backend = try Backend.echoing("x")
        for (name, other, status) in [
            ("connections_turned_away_total", "connections_over_client_limit_total", 503),
            ("connections_over_client_limit_total", "connections_turned_away_total", 429),
        ] {
            let secure = try SecureRig([backend.address]) {
                if status == 503 { $0.connectionsPerWorker = 1 } else { $0.defence.connectionsPerClient = 1 }
            }
            let kept = try #require(secure.connect())
            kept.send(ListenerMetricsTests.request)
            #expect(kept.readMessage()?.text == "x")
            #expect(secure.connect() == nil && secure.connect() == nil)
            #expect(secure.rig.connect().readMessage()?.status == status)
            await expect(
                [
                    "listener_\(name){listener=\"http\"} 1", "listener_\(name){listener=\"https\"} 2",
                    "listener_\(other){listener=\"http\"} 0", "listener_\(other){listener=\"https\"} 0",
                    "\(name) 3", "\(other) 0",
                    "listener_connections_accepted_total{listener=\"http\"} 1",
                    "listener_connections_accepted_total{listener=\"https\"} 3",
                ], of: secure.rig.proxy)
        }
    }

    @Test func handshakesAreThoseOfTheListenerForTLS() async throws {
        let backend = try Backend.echoing("x")
        let secure = try SecureRig([backend.address])
        for _ in 0..<3 {
            let wire = try #require(secure.connect())
            wire.send(ListenerMetricsTests.request)
            #expect(wire.readMessage()?.text == "x")
            secure.client.keepSession(of: wire)
        }
        let plain = Wire(to: secure.address)
        plain.send(ListenerMetricsTests.request)
        #expect(plain.readMessage()?.status == 400)
        let garbage = Wire(to: secure.address)
        garbage.send([0x16, 0x03, 0x01, 0x00, 0x05, 0xff, 0xff, 0xff, 0xff, 0xff])
        _ = garbage.readToEnd()
        for _ in 0..<2 { Wire(to: secure.address).close() }
        // What comes by the other listener is no handshake, whatever it is.
        secure.rig.connect().send([0x16, 0x03, 0x01, 0x00, 0x05, 0xff, 0xff, 0xff, 0xff, 0xff])
        #expect(secure.rig.get()?.text == "x")
        for (result, count) in [
            ("full", 1), ("resumed", 2), ("refused", 1), ("abandoned", 2), ("not_tls", 1),
        ] {
            await expect(
                [
                    "listener_tls_handshakes_total{listener=\"https\",result=\"\(result)\"} \(count)",
                    "tls_handshakes_total{result=\"\(result)\"} \(count)",
                ], of: secure.rig.proxy)
        }
        #expect(!page(secure.rig.proxy).contains("tls_handshakes_total{listener=\"http\""))
    }
}
