import Linux
import Testing

@testable import Proxy

/// Old clients send an empty line behind a request (RFC 9112 §2.2): that is no request, and nobody waits for an answer.
@Suite(.timeLimit(.minutes(2))) struct EmptyLineTests {
    private static let post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
    private static let get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

    /// Only the limit that a test sets is short.
    private func rig(adjust: (inout ProxySettings) -> Void) throws -> Rig {
        try Rig([try Backend.echoing("a").address]) {
            $0.clientHeadMilliseconds = 600_000
            $0.clientIdleMilliseconds = 600_000
            adjust(&$0)
        }
    }

    /// The line comes with the request, behind its answer, or in two halves.
    @Test(arguments: ["\r\n", "\r"], [true, false])
    func aRestingClientIsLetGoInSilence(line: String, isTogether: Bool) async throws {
        let rig = try rig { $0.clientIdleMilliseconds = 200 }
        let wire = rig.connect()
        wire.send(EmptyLineTests.post + (isTogether ? line : ""))
        #expect(wire.readMessage()?.text == "hi")
        if !isTogether { wire.send(line) }
        #expect(wire.isAtEnd())
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.open == 0 })
        let listener = rig.proxy.snapshot().listener
        #expect(listener.requests == 1 && listener.responses4xx == 0)
    }

    /// The time for a head is not the one that counts.
    @Test func theNextRequestIsAnsweredByItsOwnAnswer() async throws {
        let rig = try rig { $0.clientHeadMilliseconds = 500 }
        let wire = rig.connect()
        wire.send(EmptyLineTests.post + "\r\n")
        #expect(wire.readMessage()?.text == "hi")
        // A head whose time is up shows that a line before it would have been found, too.
        let other = rig.connect()
        other.send("\r\nGET")
        #expect(other.readMessage()?.status == 408)
        for text in [EmptyLineTests.get, "\r", "\n" + EmptyLineTests.get, EmptyLineTests.get + "\r\n"] {
            wire.send(text)
            if text != "\r" { #expect(wire.readMessage()?.text == "a") }
        }
        wire.send(EmptyLineTests.post)
        #expect(wire.readMessage()?.text == "hi")
        #expect(rig.proxy.snapshot().listener.responses4xx == 1)
    }

    @Test func aSecondEmptyLineIsRefused() throws {
        let rig = try rig { _ in }
        for pieces in [["\r\n\r\n"], ["\r\n", "\r\n"], ["\r", "\n", "\r", "\n"]] {
            let wire = rig.connect()
            wire.send(EmptyLineTests.post)
            #expect(wire.readMessage()?.text == "hi")
            for piece in pieces { wire.send(piece) }
            #expect(wire.readMessage()?.status == 400)
            #expect(wire.isAtEnd())
        }
    }

    /// Before its first request a client has the time for a head, and no more by way of an empty line.
    @Test(arguments: ["\r\n", "\r"])
    func aClientThatSendsNothingElseIsLetGoInSilence(line: String) throws {
        let rig = try rig { $0.clientHeadMilliseconds = 200 }
        let wire = rig.connect()
        wire.send(line)
        #expect(wire.isAtEnd())
        #expect(rig.proxy.snapshot().listener.responses4xx == 0)
    }

    @Test func emptyLinesDoNotProlongTheRest() async throws {
        let rig = try rig { $0.clientIdleMilliseconds = 200 }
        let wire = rig.connect()
        wire.send(EmptyLineTests.post + "\r")
        #expect(wire.readMessage()?.text == "hi")
        wire.send("\n")
        #expect(wire.isAtEnd())
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.open == 0 })
    }

    @Test func aBrokenEmptyLineIsRefused() throws {
        let rig = try rig { _ in }
        for pieces in [["\n"], ["\r", "\rGET / HTTP/1.1\r\n"]] {
            let wire = rig.connect()
            for piece in pieces { wire.send(piece) }
            #expect(wire.readMessage()?.status == 400)
        }
    }
}
