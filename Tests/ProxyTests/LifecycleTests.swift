import Glibc
import Linux
import Proxy
import Synchronization
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

    /// A client whose connection ends while its request is under way loses it when it may not be sent twice.
    @Test func afterAHandoverIdleConnectionsKeepTheirTime() async throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address]) {
            $0.drainIdleMilliseconds = 1
            $0.clientIdleMilliseconds = 1_500
        }
        let (asking, silent) = (rig.connect(), rig.connect())
        for wire in [asking, silent] {
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(wire.readMessage()?.text == "a")
        }
        rig.proxy.release()
        async let cut = rig.proxy.drain(until: Instant.now().advanced(milliseconds: 10_000), .keepsItsTime)
        asking.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok")
        let answer = asking.readMessage()
        #expect(answer?.text == "ok" && answer?.field("Connection") == "close")
        #expect(asking.isAtEnd())
        #expect(silent.isAtEnd())
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

    @Test func aSuccessorTakesTheSocketsAndNoConnectionIsLost() async throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address], workers: 2)
        let crowd = try Crowd(at: rig.address)
        var current = rig.proxy
        for _ in 0..<5 {
            var settings = ProxySettings(listen: rig.address, workers: 2)
            settings.drainIdleMilliseconds = 50
            let next = try Proxy(settings)
            next.publish([RoutedServer(address: backend.address, host: "a")])
            let before = crowd.answers
            #expect(await Rig.eventually { crowd.answers >= before + 100 })
            let sockets = try current.copyListeners().plain
            #expect(sockets.count == 2)
            current.release()
            #expect(current.address == nil)
            #expect(try current.copyListeners().plain.isEmpty)
            // Nobody accepts now: who connects waits.
            let waiting = (0..<20).map { _ in rig.connect() }
            try next.open(inheriting: ListenerCopies(plain: sockets))
            for wire in waiting {
                wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(wire.readMessage()?.text == "a")
            }
            #expect(await current.drain(until: Instant.now().advanced(milliseconds: 10_000)) == 0)
            current.stop()
            current = next
        }
        #expect(crowd.stop() == [])
        current.stop()
    }

    @Test func inheritedSocketsNeedNotBeAsManyAsWorkers() throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address], workers: 3)
        var current = rig.proxy
        for workers in [1, 4, 2] {
            let next = try Proxy(ProxySettings(listen: rig.address, workers: workers))
            next.publish([RoutedServer(address: backend.address, host: "a")])
            let sockets = try current.copyListeners().plain
            current.release()
            let waiting = (0..<40).map { _ in rig.connect() }
            try next.open(inheriting: ListenerCopies(plain: sockets))
            for wire in waiting {
                wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(wire.readMessage()?.text == "a")
            }
            #expect(
                try next.copyListeners().plain.map { Glibc.close($0) } == Array(repeating: 0, count: workers))
            current.stop()
            current = next
        }
        current.stop()
    }

    @Test func aCopiedListenerThatIsClosedHereLeavesTheWorkerInPeace() async throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address])
        let sockets = try rig.proxy.copyListeners().plain
        rig.proxy.close()
        // The socket lives on in the copy, and what connects to it is nobody's business here.
        let stranger = rig.connect()
        #expect(rig.proxy.snapshot().listener.accepted == 0)
        for socket in sockets { _ = Glibc.close(socket) }
        #expect(stranger.isAtEnd())
    }

    @Test func closingUnderLoadLosesNoKeptConnection() async throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address], workers: 2) { $0.drainIdleMilliseconds = 200 }
        let crowd = try Crowd(at: rig.address, kept: 100)
        #expect(await Rig.eventually { crowd.connected == 100 && crowd.answers >= 2000 })
        rig.proxy.close()
        #expect(await rig.proxy.drain(until: Instant.now().advanced(milliseconds: 10_000)) == 0)
        #expect(crowd.stop() == [], "each connection ends with a whole answer that says so")
        rig.proxy.stop()
    }
}

/// Clients that ask without a pause, on threads of their own.
private final class Crowd: Sendable {
    private struct State {
        var answers = 0
        var connected = 0
        var faults: [String] = []
        var stops = false
        var threads: [Linux.Thread] = []
    }

    private let state = Mutex(State())

    /// Four clients with a new connection a request; or `kept` connections that each ask until an answer ends them.
    init(at address: SocketAddress, kept: Int = 0) throws {
        for index in 0..<4 {
            let thread = try Linux.Thread.start(named: "crowd-\(index)") { [self] in
                if kept > 0 { keepAsking(address, kept / 4) } else { keepConnecting(to: address) }
            }
            state.withLock { $0.threads.append(thread) }
        }
    }

    /// Kept connections made so far.
    var connected: Int { state.withLock { $0.connected } }

    var answers: Int { state.withLock { $0.answers } }

    /// Ends the load; what went wrong.
    func stop() -> [String] {
        let threads = state.withLock { state in
            state.stops = true
            defer { state.threads = [] }
            return state.threads
        }
        for thread in threads { thread.join() }
        return state.withLock { $0.faults }
    }

    private func keepConnecting(to address: SocketAddress) {
        while !state.withLock({ $0.stops }) { _ = ask(Wire(to: address)) }
    }

    private func keepAsking(_ address: SocketAddress, _ count: Int) {
        var wires = (0..<count).map { _ in Wire(to: address) }
        state.withLock { $0.connected += count }
        while !wires.isEmpty, !state.withLock({ $0.stops }) { wires = wires.filter { ask($0) } }
    }

    /// One request; true while the connection goes on.
    private func ask(_ wire: Wire) -> Bool {
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        let response = wire.readMessage()
        return state.withLock { state in
            guard let response, response.text == "a" else {
                state.faults.append("answer \(state.answers) is \(response.map { "\($0)" } ?? "missing")")
                return false
            }
            state.answers += 1
            return response.field("Connection") != "close"
        }
    }
}
