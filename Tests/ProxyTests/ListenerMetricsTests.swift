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
        let text = String(
            decoding: MetricsText.bytes(of: ProxyMetrics.families(proxy.snapshot())), as: UTF8.self)
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
}
