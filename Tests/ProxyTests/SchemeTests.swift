import Linux
import Proxy
import Testing

/// Targets that name a scheme, and the connections that they come by.
@Suite(.timeLimit(.minutes(2))) struct SchemeTests {
    private static func request(_ target: String, _ lines: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: a.test\r\n\(lines)\r\n"
    }

    @Test(arguments: [
        SchemeTests.request("https://a.test/"), SchemeTests.request("HTTPS://a.test?q"),
        "OPTIONS https://a.test HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 0\r\n\r\n",
    ])
    func httpsWithoutTLSIsMisdirected(_ request: String) throws {
        let backend = try Backend.echoing("a")
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send(request)
        let answer = try #require(wire.readMessage())
        #expect(answer.startLine == "HTTP/1.1 421 Misdirected Request")
        #expect(
            answer.sentence == "client: the request target asks for https, and the connection has no TLS")
        #expect(answer.field("Connection") == "close" && wire.isAtEnd())
        #expect(backend.startLines.isEmpty)
        #expect(rig.proxy.snapshot().listener.requestFaults == ["wrong_scheme": 1])
    }

    @Test func aTrustedProxyMayHaveEndedTLS() throws {
        let backend = try Backend.echoing("a")
        let trusted = try Network("127.0.0.1")
        let rig = try Rig([backend.address]) { $0.forwarding.trust = [trusted] }
        let wire = rig.connect()
        wire.send(SchemeTests.request("https://a.test/b"))
        #expect(wire.readMessage()?.status == 200)
        #expect(backend.startLines == ["GET /b HTTP/1.1"])
    }

    @Test func overTLSBothSchemesPass() throws {
        let backend = try Backend.echoing("a")
        let secure = try SecureRig([backend.address])
        let wire = try #require(secure.connect())
        for scheme in ["https", "http"] {
            wire.send(SchemeTests.request("\(scheme)://a.test/\(scheme)"))
            #expect(wire.readMessage()?.status == 200)
        }
        #expect(backend.startLines == ["GET /https HTTP/1.1", "GET /http HTTP/1.1"])
    }

    @Test func whereHttpsIsTheRuleItsClientsAreSentThere() throws {
        let secure = try SecureRig([]) { $0.tls?.redirects = true }
        let wire = secure.rig.connect()
        wire.send(SchemeTests.request("https://a.test/b"))
        let answer = try #require(wire.readMessage())
        #expect(answer.status == 308)
        #expect(answer.field("Location") == "https://a.test:\(secure.address.port)/b")
    }
}
