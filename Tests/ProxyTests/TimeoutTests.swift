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
}
