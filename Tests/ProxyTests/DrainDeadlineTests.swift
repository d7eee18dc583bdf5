import Linux
import Metrics
import Proxy
import Testing

/// When a server that gets nothing new counts as drained.
@Suite(.timeLimit(.minutes(2))) struct DrainDeadlineTests {
    private static let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

    @Test(arguments: [ServerState.draining, .out])
    func aHeldRequestKeepsItsServerToTheDeadlineOnly(state: ServerState) async throws {
        let gate = try Doorbell()
        let backend = try Backend.gated("late", gate)
        let rig = try Rig([backend.address]) { $0.balancing.drainMilliseconds = 100 }
        let wire = rig.connect()
        wire.send(DrainDeadlineTests.request)
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        #expect(rig.proxy.snapshot().servers.map(\.isDrained) == [false])
        rig.proxy.publish([RoutedServer(address: backend.address, host: "test", state: state)])
        #expect(await Rig.eventually { rig.proxy.snapshot().servers.first?.isDrained == true })
        let snapshot = rig.proxy.snapshot()
        #expect(snapshot.servers.map(\.inFlight) == [1], "the request is held still")
        let text = String(decoding: MetricsText.bytes(of: ProxyMetrics.families(snapshot)), as: UTF8.self)
        #expect(text.contains("\ntroop_proxy_server_drained{server=\"\(backend.address)\"} 1\n"), "\(text)")
        // Nobody takes its request away from it.
        gate.ring()
        #expect(wire.readMessage()?.text == "late")
    }

    @Test func beforeTheDeadlineTheLastAnswerDecides() async throws {
        let gate = try Doorbell()
        let backend = try Backend.gated("late", gate)
        let rig = try Rig([backend.address]) { $0.balancing.drainMilliseconds = 600_000 }
        let wire = rig.connect()
        wire.send(DrainDeadlineTests.request)
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        rig.proxy.publish([RoutedServer(address: backend.address, host: "test", state: .draining)])
        #expect(rig.proxy.snapshot().servers.map(\.isDrained) == [false])
        gate.ring()
        #expect(wire.readMessage()?.text == "late")
        #expect(await Rig.eventually { rig.proxy.snapshot().servers.first?.isDrained == true })
    }

    @Test func aServerThatIsActiveAgainHasItsWholeTimeAnew() async throws {
        let gate = try Doorbell()
        let backend = try Backend.gated("late", gate)
        let rig = try Rig([backend.address]) { $0.balancing.drainMilliseconds = 100 }
        let wire = rig.connect()
        wire.send(DrainDeadlineTests.request)
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        rig.proxy.publish([RoutedServer(address: backend.address, host: "test", state: .draining)])
        #expect(await Rig.eventually { rig.proxy.snapshot().servers.first?.isDrained == true })
        rig.proxy.publish([RoutedServer(address: backend.address, host: "test")])
        #expect(rig.proxy.snapshot().servers.map(\.isDrained) == [false])
        gate.ring()
        #expect(wire.readMessage()?.text == "late")
    }

    @Test func anUpgradedConnectionHasTheDrainToEnd() async throws {
        let backend = try Backend { _, wire, _ in
            _ = wire.readHead()
            wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
            wire.echoToEnd()
        }
        for (milliseconds, ends) in [(Int64(100), true), (600_000, false)] {
            let rig = try Rig([backend.address]) {
                $0.balancing.drainMilliseconds = milliseconds
                $0.upgrades.protocols = ["chat"]  // which has no words for a farewell
            }
            let wire = rig.connect()
            wire.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
            #expect(wire.readHead()?.status == 101)
            wire.send("before")
            #expect(wire.take(6) == Array("before".utf8))
            rig.proxy.publish([RoutedServer(address: backend.address, host: "test", state: .draining)])
            if ends {
                #expect(wire.isAtEnd())
            } else {
                wire.send("after")
                #expect(wire.take(5) == Array("after".utf8))
                wire.finishWriting()
            }
            #expect(await Rig.eventually { rig.proxy.snapshot().servers.first?.inFlight == 0 })
            #expect(rig.proxy.snapshot().servers.map(\.isDrained) == [true])
        }
    }
}
