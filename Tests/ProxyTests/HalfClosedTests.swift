import Linux
import Proxy
import Testing

/// Clients that have sent their last byte and wait for what is still to come.
@Suite(.timeLimit(.minutes(2))) struct HalfClosedTests {
    private func get(_ path: String, version: String = "1.1") -> String {
        "GET \(path) HTTP/\(version)\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"
    }

    @Test func allOfSeveralRequestsAreAnswered() throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send(get("/0") + get("/1"))
        wire.send("POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nlast")
        wire.finishWriting()
        for text in ["a", "a", "last"] { #expect(wire.readMessage()?.text == text) }
        #expect(wire.isAtEnd())
        #expect(backend.startLines == ["GET /0 HTTP/1.1", "GET /1 HTTP/1.1", "POST /2 HTTP/1.1"])
    }

    @Test func underTLSTheAnswerComesAsWell() throws {
        let secure = try SecureRig([try Backend.echoing("a").address])
        let wire = try #require(secure.connect())
        wire.send(get("/"))
        wire.sayGoodbye()
        wire.finishWriting()
        #expect(wire.readMessage()?.text == "a")
        #expect(wire.isAtEnd())
    }

    /// Both bodies are longer than a block, and pass in pieces.
    @Test func bodiesOfAnyLengthPass() throws {
        let rig = try Rig([try Backend.echoing().address])
        let body = Rig.pattern(3_000_000)
        let wire = rig.connect()
        wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n")
        wire.send(body)
        wire.finishWriting()
        #expect(wire.readMessage()?.body == body)
        #expect(wire.isAtEnd())
    }

    @Test func anAnswerThatComesSlowlyComesWhole() async throws {
        let gate = try Doorbell()
        let backend = try Backend { _, wire, _ in
            _ = wire.readMessage()
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
            _ = gate.wait(milliseconds: 10_000)
            wire.send("after")
            _ = wire.readToEnd()
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send(get("/"))
        #expect(wire.readHead()?.status == 200)
        #expect(wire.take(5) == Array("first".utf8))
        wire.finishWriting()
        // The worker has seen that end when it has served somebody who came later.
        rig.proxy.publish([])
        #expect(await Rig.eventually { rig.get()?.status == 503 })
        gate.ring()
        #expect(wire.take(5) == Array("after".utf8))
        #expect(wire.isAtEnd())
        #expect(rig.proxy.snapshot().listener.cut == 0)
    }

    @Test func anotherServerAnswersWhereOneRefuses() throws {
        let dead = try Rig.deadAddress()
        let rig = try Rig([dead, try Backend.echoing("a").address])
        for _ in 0..<10 {
            let wire = rig.connect()
            wire.send(get("/"))
            wire.finishWriting()
            #expect(wire.readMessage()?.text == "a")
            #expect(wire.isAtEnd())
        }
    }

    // MARK: The queue

    /// A rig whose one server is busy with `first`.
    private func busy(_ gate: Doorbell) async throws -> (rig: Rig, backend: Backend, first: Wire) {
        let backend = try Backend.gated("a", gate)
        let rig = try Rig([backend.address]) { $0.balancing.inFlightMax = 1 }
        let first = rig.connect()
        first.send(get("/first"))
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        return (rig, backend, first)
    }

    @Test(arguments: [true, false]) func theQueueIsWaitedInToTheEnd(_ endsAtOnce: Bool) async throws {
        let gate = try Doorbell()
        let (rig, backend, first) = try await busy(gate)
        let wire = rig.connect()
        wire.send(get("/waits"))
        if endsAtOnce { wire.finishWriting() }
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.queued == 1 })
        wire.finishWriting()
        // It is asked whether it is still there, once, by a word that clients know.
        #expect(wire.readHead()?.status == 100)
        #expect(rig.proxy.snapshot().listener.queued == 1)
        gate.ring()
        #expect(first.readMessage()?.text == "a")
        #expect(await Rig.eventually { backend.startLines.count == 2 })
        gate.ring()
        let answer = try #require(wire.readMessage())
        #expect(answer.status == 200 && answer.text == "a")
        #expect(wire.isAtEnd())
    }

    @Test func underTLSTheQueueIsWaitedInAsWell() async throws {
        let gate = try Doorbell()
        let backend = try Backend.gated("a", gate)
        let secure = try SecureRig([backend.address]) { $0.balancing.inFlightMax = 1 }
        let first = secure.rig.connect()
        first.send(get("/first"))
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        let wires = try (0..<2).map { _ in try #require(secure.connect()) }
        for (number, wire) in wires.enumerated() {
            wire.send(get("/\(number)"))
            #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.queued == number + 1 })
        }
        wires[0].close()
        #expect(await Rig.eventually { secure.rig.proxy.snapshot().listener.queued == 1 })
        wires[1].sayGoodbye()
        wires[1].finishWriting()
        #expect(wires[1].readHead()?.status == 100)
        gate.ring()
        #expect(first.readMessage()?.text == "a")
        gate.ring()
        #expect(wires[1].readMessage()?.text == "a")
        #expect(backend.startLines == ["GET /first HTTP/1.1", "GET /1 HTTP/1.1"])
    }

    /// HTTP/1.0 has no word to ask with: who has closed his side may as well be gone.
    @Test func anOldClientIsToldAtOnce() async throws {
        let gate = try Doorbell()
        let (rig, backend, first) = try await busy(gate)
        let wire = rig.connect()
        wire.send(get("/waits", version: "1.0"))
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.queued == 1 })
        wire.finishWriting()
        let answer = try #require(wire.readMessage())
        #expect(answer.status == 503 && answer.text.contains("the client has closed its side"))
        #expect(wire.isAtEnd())
        gate.ring()
        #expect(first.readMessage()?.text == "a")
        #expect(backend.startLines.count == 1)
    }
}
