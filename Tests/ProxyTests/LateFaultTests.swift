import HTTP
import Linux
import Proxy
import Testing

/// What goes wrong late: after an interim response, within an answer, within a request that came in pieces.
@Suite(.timeLimit(.minutes(2))) struct LateFaultTests {
    private static let waiting =
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"

    /// A server that says 100 Continue and then sends these bytes, or closes.
    private func continuing(_ bytes: String) throws -> Backend {
        try Backend { backend, wire, _ in
            guard let head = wire.readHead() else { return }
            backend.note(head)
            wire.send("HTTP/1.1 100 Continue\r\n\r\n" + bytes)
            if !bytes.isEmpty { _ = wire.readMessage() }
        }
    }

    @Test(arguments: [("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "malformed"), ("", "closed the connection")])
    func aServerLostAfterAnInterimResponseIsStillToldOf(_ bytes: String, _ sentence: String) throws {
        let backend = try continuing(bytes)
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send(LateFaultTests.waiting)
        #expect(wire.readHead()?.status == 100)
        let answer = try #require(wire.readMessage())
        #expect(answer.status == 502 && answer.text.contains(sentence))
        #expect(rig.proxy.snapshot().listener.cut == 0)
    }

    @Test func aSilentServerIsToldOfEvenAfterAnInterimResponse() throws {
        let backend = try Backend { _, wire, _ in
            _ = wire.readMessage()
            wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            _ = wire.readToEnd()
        }
        let rig = try Rig([backend.address]) { $0.firstByteMilliseconds = 200 }
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readHead()?.status == 103)
        #expect(wire.readMessage()?.status == 504)
    }

    @Test(arguments: ["", "3\r\nabc\r\n"])
    func afterContinueItIsTheClientsTurn(_ piece: String) throws {
        let backend = try Backend { _, wire, _ in
            _ = wire.readHead()
            wire.send("HTTP/1.1 100 Continue\r\n\r\n")
            _ = wire.readToEnd()
        }
        let rig = try Rig([backend.address]) {
            $0.firstByteMilliseconds = 600_000
            $0.requestBodyMilliseconds = 200
        }
        let wire = rig.connect()
        wire.send(LateFaultTests.waiting)
        #expect(wire.readHead()?.status == 100)
        if !piece.isEmpty { wire.send(piece) }
        let answer = try #require(wire.readMessage())
        #expect(answer.status == 408 && answer.sentence == "client: the request's body did not come in time")
        #expect(rig.proxy.snapshot().servers[0].errors == 0)
    }

    @Test func aClientThatDoesNotWaitForContinueIsWaitedFor() throws {
        let backend = try Backend { _, wire, _ in _ = wire.readToEnd() }
        let rig = try Rig([backend.address]) {
            $0.firstByteMilliseconds = 600_000
            $0.requestBodyMilliseconds = 200
        }
        let wire = rig.connect()
        wire.send(LateFaultTests.waiting + "3\r\nabc\r\n")
        #expect(wire.readMessage()?.status == 408)
        #expect(rig.proxy.snapshot().servers[0].errors == 0)
    }

    @Test func aBadChunkAfterContinueIsAnswered() throws {
        let backend = try Backend { _, wire, _ in
            _ = wire.readHead()
            wire.send("HTTP/1.1 100 Continue\r\n\r\n")
            _ = wire.readToEnd()
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send(LateFaultTests.waiting)
        #expect(wire.readHead()?.status == 100)
        wire.send("zz\r\n")
        let answer = try #require(wire.readMessage())
        #expect(answer.status == 400 && answer.field("Connection") == "close")
    }

    @Test func nothingIsRepeatedAfterAnInterimResponse() throws {
        // The second request on a connection gets an interim response, and then the connection ends.
        let backend = try Backend { backend, wire, number in
            guard let first = wire.readMessage() else { return }
            backend.note(first)
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            guard let second = wire.readMessage() else { return }
            backend.note(second)
            wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readMessage()?.status == 200)
        wire.send("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readHead()?.status == 103)
        #expect(wire.readMessage()?.status == 502)
        #expect(backend.startLines == ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"])
    }

    @Test func aServerThatBreaksItsAnswersOffIsEjected() async throws {
        let bad = try Backend { _, wire, _ in
            _ = wire.readMessage()
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        }
        let good = try (0..<2).map { try Backend.echoing("\($0)") }
        let rig = try Rig([bad.address] + good.map(\.address)) { $0.balancing.balance = .roundRobin }
        let isEjected = await Rig.eventually {
            _ = rig.get()
            return rig.proxy.snapshot().servers[0].ejectedUntil != nil
        }
        #expect(isEjected)
        #expect(rig.proxy.snapshot().servers[0].errors < 20, "by the failures in a row, not by their share")
    }

    /// The body comes after its head, and only then the server turns out to have closed.
    @Test func aRequestInPiecesIsRepeatedOnAFreshConnection() async throws {
        let backend = try Backend { backend, wire, _ in
            guard let first = wire.readMessage() else { return }
            backend.note(first)
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(first.body.count)\r\n\r\n" + first.text)
            if let second = wire.readMessage() { backend.note(second) }
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        for number in 0..<5 {
            wire.send("PUT /\(number) HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
            // The head is on its way before the body comes.
            #expect(await Rig.eventually { rig.proxy.snapshot().servers[0].inFlight == 1 })
            wire.send("in ")
            wire.send("pieces")
            let answer = try #require(wire.readMessage())
            #expect(answer.status == 200 && answer.text == "in pieces")
        }
        #expect(rig.proxy.snapshot().listener.staleRetries == 4)
    }

    @Test func aBadChunkBehindOneThatWentOutIsCut() async throws {
        let gate = try Doorbell()
        let backend = try Backend { backend, wire, _ in
            guard let request = wire.readMessage() else { return }
            wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n")
            _ = gate.wait(milliseconds: 10_000)
            wire.send("zz\r\nevil\r\n0\r\n\r\n")
            // The same connection gets no other request.
            if wire.isAtEnd() { backend.note(request) }
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readHead()?.status == 200)
        #expect(wire.take(9) == Array("4\r\ngood\r\n".utf8))
        gate.ring()
        #expect(wire.isAtEnd(), "neither the bad chunk nor a last one")
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        let snapshot = rig.proxy.snapshot()
        #expect(snapshot.listener.responseFaults == ["bad_chunk_size": 1] && snapshot.listener.cut == 1)
        #expect(snapshot.servers[0].errors == 1 && snapshot.servers[0].inFlight == 0)
        #expect(backend.connections == 1)
    }

    @Test func withoutMemoryForHeadsClientsAreTold() throws {
        // Room for some ten heads.
        let rig = try Rig([]) { $0.bufferBytesPerWorker = 200_000 }
        let wires = (0..<20).map { _ in rig.connect() }
        for wire in wires { wire.send("GET / HTTP/1.1\r\nHos") }
        let answer = try #require(wires.last?.readMessage())
        #expect(answer.status == 503 && answer.sentence == "proxy: no memory for the request is left")
        #expect(answer.field("X-Request-Id") != nil && wires.last?.isAtEnd() == true)
        #expect(rig.proxy.snapshot().listener.turnedAway >= 5)
        // Nor is any left for an answer: it comes all the same.
        wires[0].send("t: x\r\n\r\n")
        #expect(wires[0].readMessage()?.status == 503)
    }
}
