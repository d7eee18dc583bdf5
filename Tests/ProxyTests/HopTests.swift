import HTTP
import Linux
import Testing

@testable import Proxy

/// What ends at this hop, what it adds, and how it calls itself.
@Suite(.timeLimit(.minutes(5))) struct HopTests {
    /// What the server gets of a request, without its `Host`, and what the client gets.
    private func passed(
        _ lines: String, version: String = "1.1", adjust: (inout ForwardingSettings) throws -> Void
    ) throws -> (lines: [String], response: Wire.Message) {
        let backend = try ForwardingTests.mirror()
        var forwarding = ForwardingSettings()
        forwarding.xForwarded = false
        try adjust(&forwarding)
        let rig = try Rig([backend.address]) { $0.forwarding = forwarding }
        let wire = rig.connect()
        wire.send("GET / HTTP/\(version)\r\nHost: x.test\r\n\(lines)\r\n")
        let response = try #require(wire.readMessage())
        let seen = response.text.split(separator: "\n").map(String.init)
        return (seen.filter { $0 != "Host: x.test" }, response)
    }

    /// What a client gets when the server answers with these bytes.
    private func answered(_ bytes: String, to fields: String = "") throws -> Wire.Message {
        let backend = try Backend.answering(bytes)
        let rig = try Rig([backend.address])
        let wire = rig.connect()
        wire.send("GET / HTTP/1.1\r\nHost: x.test\r\n\(fields)\r\n")
        return try #require(wire.readMessage())
    }

    private func values(_ message: Wire.Message, _ name: String) -> [String] {
        message.fields.filter { $0.name.lowercased() == name }.map(\.value)
    }

    // MARK: Via

    @Test func viaIsWrittenBothWaysBehindWhatCame() throws {
        let (lines, response) = try passed("Via: 1.0 first\r\nA: 1\r\n") { $0.via = "troop" }
        #expect(lines == ["Via: 1.0 first", "A: 1", "Via: 1.1 troop"])
        #expect(values(response, "via") == ["1.1 troop"])
    }

    @Test func viaSaysTheVersionThatCame() throws {
        let (lines, response) = try passed("", version: "1.0") { $0.via = "troop" }
        #expect(lines == ["Via: 1.0 troop"])
        #expect(values(response, "via") == ["1.1 troop"])
    }

    @Test func viaOfAnOldServerSaysSo() throws {
        let backend = try Backend.answering(
            "HTTP/1.0 200 OK\r\nVia: 1.0 inner\r\nContent-Length: 2\r\n\r\nok")
        let rig = try Rig([backend.address]) { $0.forwarding.via = String(repeating: "n", count: 64) }
        let response = try #require(rig.get())
        #expect(values(response, "via") == ["1.0 inner", "1.0 " + String(repeating: "n", count: 64)])
    }

    @Test func withoutANameThereIsNoVia() throws {
        let (lines, response) = try passed("Via: 1.0 first\r\n") { _ in }
        #expect(lines == ["Via: 1.0 first"])
        #expect(values(response, "via") == [])
    }

    // MARK: Forwarded

    @Test func anOpenQuoteDoesNotSwallowTheProxysElement() throws {
        let own = "for=127.0.0.1;proto=http;host=\"x.test\""
        func told(_ lines: String) throws -> [String] {
            try passed(lines) {
                $0.trust = [try Network("127.0.0.1")]
                $0.forwarded = true
            }.lines
        }
        #expect(try told("Forwarded: for=\"evil\r\n") == ["Forwarded: \(own)"])
        #expect(try told("Forwarded: for=\"evil, for=192.0.2.1\r\n") == ["Forwarded: \(own)"])
        #expect(
            try told("Forwarded: for=\"evil\r\nForwarded: for=192.0.2.1\r\n")
                == ["Forwarded: for=192.0.2.1, \(own)"])
        #expect(try told("Forwarded: for=\"a,b\"\r\n") == ["Forwarded: for=\"a,b\", \(own)"])
    }

    // MARK: Nominations

    @Test func aNominatedTraceIsNone() throws {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let (lines, _) = try passed(
            "Connection: traceparent\r\ntraceparent: \(trace)\r\ntracestate: a=1\r\n"
        ) { $0.startsTraces = true }
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("traceparent: 00-") == true)
        #expect(lines.first?.contains(trace) == false)
    }

    @Test func aResponseThatLosesItsDateGetsOne() throws {
        let old = "Sun, 06 Nov 1994 08:49:37 GMT"
        let response = try answered(
            "HTTP/1.1 200 OK\r\nDate: \(old)\r\nConnection: X, Date\r\nContent-Length: 2\r\n\r\nok")
        let dates = values(response, "date")
        #expect(dates.count == 1 && dates != [old])
        let kept = try answered(
            "HTTP/1.1 200 OK\r\nDate: \(old)\r\nConnection: X\r\nContent-Length: 2\r\n\r\nok")
        #expect(values(kept, "date") == [old])
    }

    // MARK: 426

    @Test func theProtocolsOf426ReachTheClient() throws {
        let head = "HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nUpgrade: h2c\r\nKeep-Alive: 5\r\n"
        let response = try answered(head + "Content-Length: 2\r\n\r\nok")
        #expect(values(response, "upgrade") == ["TLS/1.2", "h2c"])
        #expect(values(response, "connection") == ["Upgrade"])
        #expect(values(response, "keep-alive") == [])
        let last = try answered(head + "Content-Length: 2\r\n\r\nok", to: "Connection: close\r\n")
        #expect(values(last, "connection").sorted() == ["Upgrade", "close"])
        let other = try answered("HTTP/1.1 400 Bad\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok")
        #expect(values(other, "upgrade") == [] && values(other, "connection") == [])
    }

    // MARK: HEAD

    @Test func headIsAnsweredWithoutABodyBeforeItsLineIsRead() throws {
        let long = String(repeating: "a", count: 9000)
        for (text, status) in [
            ("HEAD /\(long) HTTP/1.1\r\nHost: a\r\n\r\n", 414), ("HEAD / HTTP/1.1\nHost: a\n\n", 400),
        ] {
            let rig = try Rig([])
            let wire = rig.connect()
            wire.send(text)
            #expect(wire.readHead()?.status == status)
            #expect(wire.isAtEnd())
        }
    }
}
