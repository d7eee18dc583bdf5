import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// Answers without an end, over real sockets.
@Suite struct HTTPStreamTests {
    private func withServer(
        limits: DoorLimits = DoorLimits(),
        _ body: (SocketAddress, Record<StreamWriter>, HTTPServer) async throws -> Void
    ) async throws {
        let writers = Record<StreamWriter>()
        let server = try HTTPServer(named: "test", limits: limits) { request in
            guard request.path == "/stream" else { return .text(200, "plain") }
            var response = Response(status: 200, contentType: "text/event-stream", body: [])
            response.stream = { writers.add($0) }
            return response
        }
        let address = try SocketAddress("127.0.0.1:\(try RedisServer.freePort())")
        try server.listen(tcp: address)
        try server.start()
        defer { server.stop() }
        try await body(address, writers, server)
    }

    private func connect(_ address: SocketAddress, asking path: String = "/stream", buffer: Int32? = nil)
        throws
        -> Descriptor
    {
        let descriptor = Descriptor(
            owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        if var buffer {
            setsockopt(descriptor.raw, SOL_SOCKET, SO_RCVBUF, &buffer, socklen_t(MemoryLayout<Int32>.size))
        }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor.raw, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        try #require(address.withSockaddr { Glibc.connect(descriptor.raw, $0, $1) } == 0)
        let text = Array("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        try #require(send(descriptor.raw, text, text.count, Int32(MSG_NOSIGNAL)) == text.count)
        return descriptor
    }

    private func read(_ descriptor: borrowing Descriptor, until end: String) -> String {
        var got = ""
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while !got.hasSuffix(end) {
            let count = recv(descriptor.raw, &chunk, chunk.count, 0)
            guard count > 0 else { return got + "<end>" }
            got += String(decoding: chunk.prefix(count), as: UTF8.self)
        }
        return got
    }

    @Test func piecesArriveAsTheyAreWritten() async throws {
        try await withServer { address, writers, _ in
            let client = try connect(address)
            #expect(await eventually { writers.all.count == 1 })
            let writer = try #require(writers.all.first)
            let head = read(client, until: "\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"))
            #expect(!head.contains("Content-Length"))
            #expect(writer.write(Array("one.".utf8)))
            #expect(read(client, until: "one.") == "one.")
            #expect(writer.write(Array("two.".utf8)))
            #expect(read(client, until: "two.") == "two.")
        }
    }

    @Test func aReaderThatLeavesIsNoticed() async throws {
        try await withServer { address, writers, _ in
            do {
                let client = try connect(address)
                #expect(await eventually { writers.all.count == 1 })
                _ = read(client, until: "\r\n\r\n")
            }
            let writer = try #require(writers.all.first)
            #expect(await eventually { !writer.write(Array("x".utf8)) })
        }
    }

    @Test func aSlowReaderIsDroppedAndOthersReadOn() async throws {
        try await withServer { address, writers, _ in
            let slow = try connect(address, buffer: 4096)
            #expect(await eventually { writers.all.count == 1 })
            let fast = try connect(address)
            #expect(await eventually { writers.all.count == 2 })
            _ = read(fast, until: "\r\n\r\n")
            let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 256 * 1024) + Array(".".utf8)
            var slowIsThere = true
            for _ in 0..<200 where slowIsThere {
                slowIsThere = writers.all[0].write(piece)
                try #require(writers.all[1].write(piece))
                // The one who reads gets every byte.
                var got = 0
                var chunk = [UInt8](repeating: 0, count: 65_536)
                while got < piece.count {
                    let count = recv(fast.raw, &chunk, min(chunk.count, piece.count - got), 0)
                    try #require(count > 0)
                    got += count
                }
            }
            #expect(!slowIsThere)
            withExtendedLifetime(slow) {}
        }
    }

    @Test func aReaderThatTakesNothingIsCutOffInTime() async throws {
        var limits = DoorLimits()
        limits.stallMilliseconds = 300
        try await withServer(limits: limits) { address, writers, _ in
            let slow = try connect(address, buffer: 4096)
            #expect(await eventually { writers.all.count == 1 })
            #expect(writers.all[0].write([UInt8](repeating: 1, count: 8 * 1024 * 1024)))
            #expect(await eventually { !writers.all[0].write([]) })
            withExtendedLifetime(slow) {}
        }
    }

    @Test func aStreamDoesNotCountAsWorkWhenASuccessorTakesOver() async throws {
        try await withServer { address, writers, server in
            let client = try connect(address)
            #expect(await eventually { writers.all.count == 1 })
            _ = read(client, until: "\r\n\r\n")
            server.release()
            await server.drain(until: Instant.now().advanced(milliseconds: 5000))
            #expect(read(client, until: "never") == "<end>")
        }
    }

    @Test func aHeadRequestGetsTheHeadAlone() async throws {
        try await withServer { address, _, _ in
            let client = try connect(address, asking: "/plain")
            #expect(read(client, until: "plain\n").hasSuffix("plain\n"))
            let text = Array("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
            #expect(send(client.raw, text, text.count, Int32(MSG_NOSIGNAL)) == text.count)
            #expect(read(client, until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
    }
}
