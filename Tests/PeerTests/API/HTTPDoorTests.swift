import Glibc
import Linux
import Testing

@testable import Peer

/// Crowds, slow clients and broken ones at the doors of a server.
@Suite struct HTTPDoorTests {
    private static let whole = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    private static let half = "GET / HTTP/1.1\r\nHost:"

    /// A server with two doors.
    private func withServer(
        _ change: (inout DoorLimits) -> Void = { _ in },
        answer: @escaping HTTPServer.Handler = { .text(200, "served \($0.path)") },
        _ body: @escaping @Sendable (_ first: String, _ second: String) throws -> Void
    ) async throws {
        var limits = DoorLimits()
        change(&limits)
        let stem = "/tmp/troop-door-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let server = try HTTPServer(named: "test", limits: limits, handler: answer)
        try server.listen(socket: "\(stem)-a")
        try server.listen(socket: "\(stem)-b")
        try server.start()
        defer {
            server.stop()
            unlink("\(stem)-a")
        }
        try await HTTPClient.apart { try body("\(stem)-a", "\(stem)-b") }
    }

    @Test func aCrowdOfHalfRequestsKeepsNobodyOut() async throws {
        try await withServer({ $0.connections = 8 }) { first, second in
            var crowd: [HTTPClient] = []
            for _ in 0..<40 {
                let client = try HTTPClient(first)
                #expect(client.send(Self.half))
                crowd.append(client)
            }
            for path in [first, second] {
                let client = try HTTPClient(path)
                #expect(client.send(Self.whole))
                let (text, end) = client.rest()
                #expect(text.hasPrefix("HTTP/1.1 200 "))
                #expect(end == .closed)
            }
            // The oldest made room, without an answer; the latest still have their place.
            #expect(crowd[0].rest().text.isEmpty)
            #expect(crowd[39].send(" x\r\nConnection: close\r\n\r\n"))
            #expect(crowd[39].rest().text.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func whoIsBeingAnsweredKeepsItsPlace() async throws {
        let asked = try Doorbell()
        let (gate, opener) = AsyncStream<Void>.makeStream()
        try await withServer({ $0.connections = 1 }) { request in
            if request.path == "/gate" {
                asked.ring()
                for await _ in gate {}
            }
            return .text(200, "served \(request.path)")
        } _: { path, _ in
            let slow = try HTTPClient(path)
            #expect(slow.send(Self.whole.replacing("GET / ", with: "GET /gate ")))
            #expect(asked.wait(milliseconds: 10_000))
            let next = try HTTPClient(path)
            #expect(next.send(Self.whole))
            opener.finish()
            #expect(slow.rest().text.hasSuffix("served /gate\n"))
            #expect(next.rest().text.hasSuffix("served /\n"))
        }
    }

    @Test func aHeadHasItsTimeAndNoMore() async throws {
        try await withServer({ $0.headMilliseconds = 50 }) { path, _ in
            let client = try HTTPClient(path)
            #expect(client.send(Self.half))
            let (text, end) = client.rest()
            #expect(text.hasPrefix("HTTP/1.1 408 "))
            #expect(end == .closed)
            #expect(try HTTPClient(path).rest() == ("", .closed))
        }
    }

    /// Whether nothing of the body has come or a part of it.
    @Test(arguments: ["", "he"]) func aBodyHasItsTimeAndNoMore(_ part: String) async throws {
        try await withServer({ $0.bodyMilliseconds = 50 }) { path, _ in
            let client = try HTTPClient(path)
            #expect(client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n\(part)"))
            let (text, end) = client.rest()
            #expect(text.hasPrefix("HTTP/1.1 408 "))
            #expect(end == .closed)
        }
    }

    /// Once the head is there, the body's own time counts.
    @Test func aBodyMayTakeLongerThanAHead() async throws {
        try await withServer({ $0.headMilliseconds = 500 }) { path, _ in
            let client = try HTTPClient(path)
            #expect(
                client.send(
                    "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhe"))
            usleep(2_500_000)  // late connections are looked for once a second
            #expect(client.send("llo"))
            let (text, end) = client.rest()
            #expect(text.hasPrefix("HTTP/1.1 200 "))
            #expect(end == .closed)
        }
    }

    @Test func aPauseHasItsTimeAndNoMore() async throws {
        try await withServer({ $0.idleMilliseconds = 50 }) { path, _ in
            let client = try HTTPClient(path)
            #expect(client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
            let (text, end) = client.rest()
            #expect(text.hasSuffix("served /\n"))
            #expect(end == .closed)
        }
    }

    @Test(
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", 400), ("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505), ("CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
            ("GET / HTTP/1.1\r\nHost: x\r\nExpect: x\r\n\r\n", 417),
            ("GET /\(String(repeating: "y", count: 9000)) HTTP/1.1\r\nHost: x\r\n\r\n", 414),
            ("GET / HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "y", count: 20_000))\r\n\r\n", 431),
        ] as [(String, Int)])
    func aRefusalIsTheDocumentedErrorAndArrives(_ request: String, _ status: Int) async throws {
        try await withServer { path, _ in
            let client = try HTTPClient(path)
            // What follows is never looked at; an unread rest would turn the close into a reset.
            #expect(client.send(request + String(repeating: "z", count: 500_000)))
            let (text, end) = client.rest()
            #expect(end == .closed)
            #expect(text.hasPrefix("HTTP/1.1 \(status) "))
            #expect(text.contains("\r\nContent-Type: application/json\r\n"))
            #expect(text.contains("\r\nConnection: close\r\n"))
            let body = text.split(separator: "\r\n\r\n").last.map(String.init) ?? ""
            let document = try JSONForm.document([String: String].self, from: Array(body.utf8))
            #expect(document.keys.sorted() == ["error"])
        }
    }

    @Test func aRefusedHeadHasNoBody() async throws {
        try await withServer { path, _ in
            let client = try HTTPClient(path)
            #expect(client.send("HEAD /%zz HTTP/1.1\r\nHost: x\r\n\r\n"))
            #expect(client.rest().text.hasSuffix("\r\n\r\n"))
        }
    }
}
