import Linux
import Proxy
import Testing

@Suite(.timeLimit(.minutes(2))) struct LifecycleTests {
    @Test func anAddressThatAnotherProgramHasIsRefused() throws {
        let other = try Backend.echoing("other")  // listens without SO_REUSEPORT, as most programs do
        let proxy = try Proxy(ProxySettings(listen: other.address, workers: 2))
        let fault = #expect(throws: SystemFault.self) { try proxy.open() }
        #expect(fault.map { "\($0)" } == "bind \(other.address): Address already in use")
        #expect(proxy.address == nil)
    }

    @Test func theNextProxyListensBeforeTheLastCloses() throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address])
        let second = try Proxy(ProxySettings(listen: rig.address, workers: 1))
        second.publish([RoutedServer(address: backend.address, host: "a")])
        try second.open()
        rig.proxy.close()
        for _ in 0..<20 { #expect(rig.get()?.text == "a") }
        #expect(second.snapshot().listener.requests == 20)
        second.stop()
    }

    @Test func openIsIdempotentAndWorksAgainAfterClose() throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address])
        try rig.proxy.open()
        #expect(rig.get()?.text == "a")
        rig.proxy.close()
        rig.proxy.close()
        #expect(rig.proxy.address == nil)
        #expect(rig.connect().isAtEnd())
        try rig.proxy.open()
        let again = try #require(rig.proxy.address)
        let wire = Wire(to: again)
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readMessage()?.field("Connection") == nil)
    }

    @Test func closingAcceptsWhatWaitsAndEndsKeptConnections() throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address])
        let kept = rig.connect()
        kept.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(kept.readMessage()?.field("Connection") == nil)
        let waiting = (0..<100).map { _ in rig.connect() }
        rig.proxy.close()
        for wire in waiting + [kept] {
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            let response = wire.readMessage()
            #expect(response?.text == "a" && response?.field("Connection") == "close")
            #expect(wire.isAtEnd())
        }
    }

    @Test func drainingWaitsForResponsesAndEndsIdleConnections() async throws {
        let gate = try Doorbell()
        let backend = try Backend { backend, wire, _ in
            while let request = wire.readMessage() {
                backend.note(request)
                if request.path == "/slow" { _ = gate.wait(milliseconds: 10_000) }
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
            }
        }
        let rig = try Rig([backend.address]) { $0.drainIdleMilliseconds = 50 }
        let idle = rig.connect()
        idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(idle.readMessage()?.text == "late")
        let slow = rig.connect()
        slow.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await Rig.eventually { backend.startLines.count == 2 })
        rig.proxy.close()
        async let cut = rig.proxy.drain(until: Instant.now().advanced(milliseconds: 10_000))
        #expect(idle.isAtEnd())
        gate.ring()
        let response = slow.readMessage()
        #expect(response?.text == "late" && response?.field("Connection") == "close")
        #expect(await cut == 0)
    }

    @Test func theDeadlineCutsWhatIsLeft() async throws {
        let backend = try Backend { _, wire, _ in _ = wire.readToEnd() }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await Rig.eventually { rig.proxy.snapshot().servers[0].inFlight == 1 })
        rig.proxy.close()
        #expect(await rig.proxy.drain(until: Instant.now().advanced(milliseconds: 50)) == 1)
        #expect(wire.isAtEnd())
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.open == 0 })
    }

    @Test func stoppingEndsEverythingAndMayBeRepeated() throws {
        let rig = try Rig([], workers: 3)
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readMessage()?.status == 503)
        rig.proxy.stop()
        rig.proxy.stop()
        #expect(wire.isAtEnd())
        #expect(rig.connect().isAtEnd())
    }
}
