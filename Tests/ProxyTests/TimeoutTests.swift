import Linux
import Testing

@testable import Proxy

/// Clients and servers that say nothing more.
@Suite(.timeLimit(.minutes(2))) struct TimeoutTests {
    @Test func aSilentServerIsAGatewayTimeout() throws {
        let backend = try Backend { _, wire, _ in
            _ = wire.readMessage()
            _ = wire.readToEnd()
        }
        let rig = try Rig([backend.address]) { $0.firstByteMilliseconds = 200 }
        let response = try #require(rig.get())
        #expect(response.status == 504)
        #expect(response.sentence == "server \(backend.address): sent no response in time")
    }

    @Test func aSlowHeadIsATimeout() throws {
        let rig = try Rig([]) { $0.clientHeadMilliseconds = 200 }
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\n")
        #expect(wire.readMessage()?.status == 408)
        #expect(wire.isAtEnd())
        #expect(rig.connect().isAtEnd())
    }

    @Test func aStalledBodyIsATimeout() throws {
        let backend = try Backend { _, wire, _ in _ = wire.readMessage() }
        let rig = try Rig([backend.address]) { $0.requestBodyMilliseconds = 200 }
        let wire = rig.connect()
        wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        #expect(wire.readMessage()?.status == 408)
        #expect(wire.isAtEnd())
    }

    @Test func aStalledResponseBodyIsCut() async throws {
        let backend = try Backend { _, wire, _ in
            _ = wire.readMessage()
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            _ = wire.readToEnd()
        }
        let rig = try Rig([backend.address]) {
            TimeoutTests.lengthen(&$0)
            $0.responseBodyMilliseconds = 200
        }
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.readHead()?.status == 200)
        #expect(wire.take(3) == Array("abc".utf8))
        #expect(wire.isAtEnd())
        #expect(
            await Rig.eventually {
                let listener = rig.proxy.snapshot().listener
                return listener.cut == 1 && listener.open == 0
            })
    }

    @Test func aClientThatReadsNoMoreIsCut() async throws {
        let body = Rig.pattern(20_000_000)
        let backend = try Backend { backend, wire, _ in
            guard let request = wire.readMessage() else { return }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
            if wire.send(body) { backend.note(request) }  // all of it has left
        }
        let rig = try Rig([backend.address]) {
            TimeoutTests.lengthen(&$0)
            $0.responseBodyMilliseconds = 200
        }
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(
            await Rig.eventually {
                let listener = rig.proxy.snapshot().listener
                return listener.cut == 1 && listener.open == 0
            })
        #expect(backend.startLines.isEmpty)
        #expect(wire.readToEnd().count < body.count)
    }

    @Test func aConnectWithoutAnAnswerIsAGatewayTimeout() throws {
        let server = try FullServer()
        let rig = try Rig([server.address]) {
            TimeoutTests.lengthen(&$0)
            $0.connectMilliseconds = 200
        }
        let response = try #require(rig.get())
        #expect(response.status == 504)
        #expect(response.sentence == "server \(server.address): cannot connect: no answer in time")
        #expect(rig.proxy.snapshot().servers[0].errors == 1)
    }

    @Test func anIdleClientIsLetGo() async throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address]) {
            TimeoutTests.lengthen(&$0)
            $0.clientIdleMilliseconds = 200
        }
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        let response = try #require(wire.readMessage())
        #expect(response.text == "a" && response.field("Connection") == nil)
        #expect(wire.isAtEnd())
        #expect(await Rig.eventually { rig.proxy.snapshot().listener.open == 0 })
        #expect(rig.proxy.snapshot().listener.cut == 0)
    }

    /// Makes every limit so long that no test sees its end, so that the one that a test sets is the one that counts.
    private static func lengthen(_ settings: inout ProxySettings) {
        settings.clientHeadMilliseconds = 600_000
        settings.clientIdleMilliseconds = 600_000
        settings.connectMilliseconds = 600_000
        settings.firstByteMilliseconds = 600_000
        settings.requestBodyMilliseconds = 600_000
        settings.responseBodyMilliseconds = 600_000
        settings.serverIdleMilliseconds = 600_000
    }
}
