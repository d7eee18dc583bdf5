import Glibc
import Linux
import Peer
import Testing

@Suite struct HTTPServerTests {
    /// A server that answers what it was asked, on a socket of its own.
    private func withServer(_ body: (String) async throws -> Void) async throws {
        let path = "/tmp/troop-http-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
        let server = try HTTPServer(
            named: "test",
            quick: { $0.path.hasPrefix("/quick") ? .text(200, "quick \($0.path)") : nil },
            handler: { request in
                .text(
                    200,
                    "\(request.method) \(request.path) \(request.query["q"] ?? "-") \(request.body.count)")
            })
        try server.listen(socket: path)
        try server.start()
        defer { server.stop() }
        try await body(path)
        server.stop()
        #expect(access(path, F_OK) != 0)
    }

    /// Everything that comes back for some bytes, until the server closes or `answers` heads have come.
    ///
    /// On a thread of its own: a blocked pool could not run the server's handler.
    private func exchange(
        _ path: String, _ text: String, answers: Int = 1, step: Int = .max
    ) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            do {
                let thread = try Thread.start(named: "client") {
                    continuation.resume(
                        with: Result { try Self.exchangeNow(path, text, answers: answers, step: step) })
                }
                thread.detach()
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    private static func exchangeNow(
        _ path: String, _ text: String, answers: Int, step: Int
    ) throws -> String {
        let raw = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let descriptor = Descriptor(owning: raw)
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(code == 0)
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(step))
            guard send(raw, piece, piece.count, Int32(MSG_NOSIGNAL)) == piece.count else { break }
            rest = rest.dropFirst(piece.count)
        }
        var got = ""
        var chunk = [UInt8](repeating: 0, count: 4096)
        while got.components("HTTP/1.1 ") < answers || !got.hasSuffix("\n") {
            let count = recv(descriptor.raw, &chunk, chunk.count, 0)
            guard count > 0 else { break }
            got += String(decoding: chunk.prefix(count), as: UTF8.self)
        }
        return got
    }

    @Test(arguments: [Int.max, 1, 7]) func aRequestIsAnswered(_ step: Int) async throws {
        try await withServer { path in
            let answer = try await exchange(
                path, "POST /a%20b?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", step: step)
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer.hasSuffix("\r\n\r\nPOST /a b 1 5\n"))
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        try await withServer { path in
            let requests = (1...3).map { "GET /\($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined()
            let answer = try await exchange(path, requests, answers: 3)
            let bodies = answer.split(separator: "\r\n\r\n").dropFirst().map {
                String($0.prefix { $0 != "\n" })
            }
            #expect(bodies == ["GET /1 - 0", "GET /2 - 0", "GET /3 - 0"])
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", "400"), ("GET / HTTP/1.1\nHost: x\n\n", "400"),
        ("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", "413"),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "411"),
        ("GET / HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "y", count: 20_000))\r\n\r\n", "431"),
    ])
    func aBadRequestIsRefusedAndTheConnectionClosed(_ text: String, _ status: String) async throws {
        try await withServer { path in
            let answer = try await exchange(path, text, answers: 2)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
            #expect(answer.contains("Connection: close"))
            #expect(answer.components("HTTP/1.1 ") == 1)
        }
    }

    /// Pipelined requests are answered in their order, whichever way each answer takes.
    @Test func quickAndOtherAnswersKeepTheirOrder() async throws {
        try await withServer { path in
            let paths = ["/quick/1", "/a", "/quick/2", "/quick/3", "/b", "/quick/4"]
            let asked = paths.map { "GET \($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined()
            let answer = try await exchange(path, asked, answers: paths.count)
            let told = answer.split(whereSeparator: \.isNewline).compactMap { line in
                paths.first { line == "quick \($0)" || line.hasSuffix("GET \($0) - 0") }
            }
            #expect(told == paths)
        }
    }

    @Test func aLiveSocketIsNotTakenOver() async throws {
        try await withServer { path in
            let second = try HTTPServer(named: "second") { _ in .text(200, "second") }
            #expect(throws: SystemFault.self) { try second.listen(socket: path) }
            let answer = try await exchange(path, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(answer.contains("GET / - 0"))
        }
    }
}

extension String {
    /// How often a text occurs.
    fileprivate func components(_ text: String) -> Int { ranges(of: text).count }
}
