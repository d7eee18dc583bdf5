import Linux
import Synchronization
import Testing

@testable import Proxy

/// Servers that take few requests at a time, and the queue before them.
@Suite(.timeLimit(.minutes(2))) struct QueueTests {
    private let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

    @Test(arguments: [1, 2]) func aFullServersRequestsWaitTheirTurn(_ workers: Int) async throws {
        let gate = try Doorbell()
        let backend = try Backend.gated("a", gate)
        let rig = try Rig([backend.address], workers: workers) { $0.balancing.inFlightMax = 1 }
        let wires = (0..<6).map { _ in rig.connect() }
        for (number, wire) in wires.enumerated() {
            wire.send("GET /\(number) HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(
                await Rig.eventually {
                    rig.proxy.snapshot().listener.queued + backend.startLines.count == number + 1
                })
        }
        #expect(backend.startLines.count == 1 && rig.proxy.snapshot().listener.queued == 5)
        for served in 1...6 {
            #expect(rig.proxy.snapshot().servers[0].inFlight == 1)
            gate.ring()
            #expect(await Rig.eventually { backend.startLines.count == min(served + 1, 6) })
        }
        for wire in wires { #expect(wire.readMessage()?.text == "a") }
        if workers == 1 { #expect(backend.startLines == (0..<6).map { "GET /\($0) HTTP/1.1" }) }
        #expect(rig.proxy.snapshot().listener.queued == 0)
    }

    @Test func whoWaitsTooLongIsTold() async throws {
        let gate = try Doorbell()
        let backend = try Backend.gated("a", gate)
        let rig = try Rig([backend.address]) {
            $0.balancing.inFlightMax = 1
            $0.balancing.queueMilliseconds = 100
        }
        let first = rig.connect()
        first.send(request)
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        let second = rig.connect()
        second.send(request)
        let answer = try #require(second.readMessage())
        #expect(answer.status == 503 && answer.text.contains("none had room in time"))
        #expect(rig.proxy.snapshot().listener.queueTimeouts == 1)
        gate.ring()
        #expect(first.readMessage()?.status == 200)
        second.send(request)  // its connection is as good as before
        gate.ring()
        #expect(second.readMessage()?.status == 200)
    }

    @Test func aLongQueueTakesNobodyMore() async throws {
        let gate = try Doorbell()
        let backend = try Backend.gated("a", gate)
        let rig = try Rig([backend.address]) {
            $0.balancing.inFlightMax = 1
            $0.balancing.queueMax = 1
        }
        let wires = (0..<3).map { _ in rig.connect() }
        wires[0].send(request)
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        wires[1].send(request)
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.queued == 1 })
        wires[2].send(request)
        let answer = try #require(wires[2].readMessage())
        #expect(answer.status == 503 && answer.text.contains("so is the queue"))
        gate.ring()
        #expect(wires[0].readMessage()?.status == 200)
        gate.ring()
        #expect(wires[1].readMessage()?.status == 200)
    }

    @Test(arguments: [true, false]) func whoLeavesTheQueueGivesItsPlaceUp(_ resets: Bool) async throws {
        let gate = try Doorbell()
        let backend = try Backend.gated("a", gate)
        let rig = try Rig([backend.address]) { $0.balancing.inFlightMax = 1 }
        let wires = (0..<3).map { _ in rig.connect() }
        for (number, wire) in wires.enumerated() {
            wire.send("GET /\(number) HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(
                await Rig.eventually {
                    rig.proxy.snapshot().listener.queued + backend.startLines.count == number + 1
                })
        }
        if resets { wires[1].reset() } else { wires[1].close() }
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.queued == 1 })
        gate.ring()
        #expect(wires[0].readMessage()?.status == 200)
        gate.ring()
        #expect(wires[2].readMessage()?.status == 200)
        #expect(backend.startLines == ["GET /0 HTTP/1.1", "GET /2 HTTP/1.1"])
    }

    @Test func aFullServerIsPassedOverForOneWithRoom() async throws {
        let gate = try Doorbell()
        let (full, free) = (try Backend.gated("full", gate), try Backend.echoing("free"))
        let rig = try Rig([full.address]) { $0.balancing.inFlightMax = 1 }
        let first = rig.connect()
        first.send(request)
        #expect(await Rig.eventually { full.startLines.count == 1 })
        rig.proxy.publish([full, free].map { RoutedServer(address: $0.address, host: "h") })
        let wire = rig.connect()
        for _ in 0..<20 {
            wire.send(request)
            #expect(wire.readMessage()?.text == "free")
        }
        gate.ring()
        #expect(first.readMessage()?.text == "full")
    }

    /// A request that failed somewhere waits for the others, while they are full; that keeps nobody else waiting. What it
    /// failed at may be well again, when there is nothing else.
    @Test func aRequestThatFailedOnceHoldsNobodyUp() async throws {
        let gate = try Doorbell()
        let (dead, full) = (try Rig.deadAddress(), try Backend.gated("full", gate))
        let rig = try Rig([full.address]) { $0.balancing.inFlightMax = 1 }
        func publish(_ state: ServerState) {
            rig.proxy.publish([
                RoutedServer(address: full.address, host: "h", state: state),
                RoutedServer(address: dead, host: "h"),
            ])
        }
        let first = rig.connect()
        first.send(request)
        #expect(await Rig.eventually { full.startLines.count == 1 })
        publish(.active)
        #expect(await Rig.eventually { rig.proxy.hasSettled })
        let failed = rig.connect()
        failed.send(request)
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.queued == 1 })
        _ = try Backend(at: dead) { _, wire, _ in
            while wire.readMessage() != nil { wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback") }
        }
        for _ in 0..<3 {
            let later = rig.connect()
            later.send(request)
            #expect(later.readMessage()?.text == "back")
            #expect(rig.proxy.snapshot().listener.queued == 1)
        }
        publish(.draining)
        #expect(failed.readMessage()?.text == "back")
        gate.ring()
        #expect(first.readMessage()?.text == "full")
    }

    /// It has room, and refuses quickly: everybody who waits would be sent there, and spend the retries.
    @Test func whoWaitsIsNotSentToAServerThatIsGone() async throws {
        let (gate, end) = (try Doorbell(), try Doorbell())
        let open = Mutex(false)
        let full = try Backend { _, wire, _ in
            while wire.readMessage() != nil {
                if !open.withLock({ $0 }) { _ = gate.wait(milliseconds: 10_000) }
                open.withLock { $0 = true }
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let gone = try Backend { backend, wire, _ in
            guard let request = wire.readMessage() else { return }
            backend.note(request)
            _ = end.wait(milliseconds: 10_000)
            backend.stopListening()
            wire.reset()
        }
        let rig = try Rig([full.address, gone.address]) {
            $0.balancing.inFlightMax = 1
            $0.balancing.balance = .roundRobin
        }
        let waiting = (0..<80).map { _ in
            let wire = rig.connect()
            wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            return wire
        }
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.queued == 78 })
        #expect(await Rig.eventually { gone.startLines.count == 1 })
        end.ring()
        #expect(await Rig.eventually { rig.proxy.snapshot().servers[1].inFlight == 0 })
        #expect(await Rig.eventually { rig.proxy.snapshot().servers[1].rank == .dead })
        gate.ring()
        let statuses = waiting.map { $0.readMessage()?.status }
        // The one that was with it got no answer.
        #expect(statuses.filter { $0 == 200 }.count == 79 && statuses.contains(502), "\(statuses)")
        #expect(rig.proxy.snapshot().listener.retriesDenied == 0)
    }
}
