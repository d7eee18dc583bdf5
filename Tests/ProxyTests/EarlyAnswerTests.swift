import CLinux
import Glibc
import Linux
import Testing

@testable import Proxy

/// Answers that come before their request has been sent whole, and words in between that clients do not read at once.
@Suite(.timeLimit(.minutes(2))) struct EarlyAnswerTests {
    private let upload = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"

    /// The proxy learns of the reset when it writes the request's next piece, and then the kernel only says that nothing
    /// more comes: no proper end of a body that lasts until the connection ends.
    @Test func aResetAmidTheUploadIsNoEndOfTheAnswer() throws {
        let backend = try Backend { _, wire, _ in
            guard wire.readHead() != nil else { return }
            wire.send("HTTP/1.1 200 OK\r\n\r\n[1,2,3,")
            _ = wire.take(200_000)
            wire.reset()
        }
        let rig = try Rig([backend.address])
        let piece = [UInt8](repeating: 0x61, count: 100_000)
        for _ in 0..<20 {
            let wire = rig.connect()
            wire.send(upload)
            let descriptor = wire.descriptor
            let sender = try Thread.start(named: "upload") {
                while send(descriptor, piece, piece.count, Int32(MSG_NOSIGNAL)) > 0 {}
            }
            let text = String(decoding: wire.readToEnd(), as: UTF8.self)
            sender.join()
            #expect(text.isEmpty || text.contains("[1,2,3,"), "\(text)")
            #expect(!text.hasSuffix("0\r\n\r\n"), "\(text)")
        }
    }

    @Test func aClientThatStopsItsUploadGetsTheAnswerWhole() async throws {
        let gate = try Doorbell()
        let backend = try Backend { _, wire, _ in
            guard wire.readHead() != nil else { return }
            wire.send("HTTP/1.1 413 Too Large\r\nContent-Length: 10\r\n\r\nfirst")
            _ = gate.wait(milliseconds: 10_000)
            wire.send("after")
            _ = wire.readToEnd()
        }
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send(upload + "abc")
        #expect(wire.readHead()?.status == 413)
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

    /// Once the answer has begun its body's limit counts, however the upload goes.
    @Test func anAnswerThatBeganMayPauseLongerThanItsBeginning() throws {
        let backend = try Backend { _, wire, _ in
            guard wire.readHead() != nil else { return }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
            _ = wire.take(4)
            usleep(800_000)
            wire.send("after")
            _ = wire.readToEnd()
        }
        let rig = try Rig([backend.address]) {
            $0.firstByteMilliseconds = 200
            $0.responseBodyMilliseconds = 20_000
        }
        let wire = rig.connect()
        wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
        #expect(wire.readHead()?.status == 200)
        #expect(wire.take(5) == Array("first".utf8))
        wire.send("body")
        #expect(wire.take(5) == Array("after".utf8))
    }

    @Test func interimResponsesWaitForAClientThatReadsLate() async throws {
        let hint = "HTTP/1.1 103 Early Hints\r\nLink: <\(String(repeating: "a", count: 15_000))>\r\n\r\n"
        let backend = try Backend { backend, wire, _ in
            guard let request = wire.readMessage() else { return }
            backend.note(request)
            for _ in 0..<30 { wire.send(hint) }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast")
            _ = wire.readToEnd()
        }
        let rig = try Rig([backend.address])
        let wire = Wire.narrow(to: rig.address)
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        // Half a second is time for all that the kernels take; the test does not depend on it.
        usleep(500_000)
        for _ in 0..<30 {
            let head = wire.readHead()
            #expect(head?.status == 103 && head?.field("Link")?.count == 15_002)
        }
        #expect(wire.readMessage()?.text == "last")
    }

    /// Behind a part of an interim response no answer of the proxy's own can stand.
    @Test func aClientThatNeverReadsThemIsCut() async throws {
        let hint = "HTTP/1.1 103 Early Hints\r\nLink: <\(String(repeating: "a", count: 15_000))>\r\n\r\n"
        let backend = try Backend { _, wire, _ in
            guard wire.readMessage() != nil else { return }
            for _ in 0..<30 { wire.send(hint) }
            _ = wire.readToEnd()
        }
        let folder = try AccessLogTests.Folder()
        let log = AccessLogTests()
        let rig = try log.logging(to: folder, [backend.address]) { $0.responseBodyMilliseconds = 300 }
        let wire = Wire.narrow(to: rig.address)
        wire.send("GET /deaf HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await Rig.eventually { folder.lines().count == 1 })
        #expect(folder.lines().map { log.values($0)["end"] } == ["timeout_client_read"])
        let text = String(decoding: wire.readToEnd(), as: UTF8.self)
        #expect(!text.contains("HTTP/1.1 50"))
    }

    /// What a client has sent before it could know of the end is answered.
    @Test func whatWasPipelinedIsAnsweredBeforeTheEnd() async throws {
        let gate = try Doorbell()
        let backend = try Backend.gated("a", gate)
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        for number in 0..<5 { wire.send("GET /\(number) HTTP/1.1\r\nHost: x\r\n\r\n") }
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        rig.proxy.release()
        for number in 0..<5 {
            gate.ring()
            let answer = try #require(wire.readMessage())
            #expect(answer.text == "a")
            #expect((answer.field("Connection") == "close") == (number == 4))
        }
        #expect(wire.isAtEnd())
    }

    @Test func anEmptyLineBehindARequestIsNoFurtherOne() async throws {
        let gate = try Doorbell()
        let backend = try Backend.gated("a", gate)
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi\r\n")
        #expect(await Rig.eventually { backend.startLines.count == 1 })
        rig.proxy.release()
        gate.ring()
        #expect(wire.readMessage()?.field("Connection") == "close")
        #expect(wire.isAtEnd())
    }

    /// One request has one id, the proxy's, whatever a server calls it in passing.
    @Test(arguments: [true, false]) func interimResponsesCarryNoOtherId(_ hasID: Bool) throws {
        let backend = try Backend.answering(
            "HTTP/1.1 103 Early Hints\r\nX-Request-Id: own\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        )
        let rig = try Rig([backend.address]) { $0.forwarding.requestID = hasID }
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        let hint = try #require(wire.readHead())
        #expect(hint.status == 103 && hint.field("Link") == "<a>")
        #expect(hint.field("X-Request-Id") == (hasID ? nil : "own"))
        #expect(wire.readMessage()?.status == 200)
    }
}
