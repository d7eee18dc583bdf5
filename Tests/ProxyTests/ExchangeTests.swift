import Glibc
import HTTP
import Testing

@testable import Proxy

/// Transcripts: events in, answers out, no socket.
@Suite struct ExchangeTests {
    private func exchange(_ text: String) throws -> Exchange {
        let bytes = Array(text.utf8)
        let room = UnsafeMutablePointer<Field>.allocate(capacity: 100)
        defer { room.deallocate() }
        var parser = RequestParser()
        let verdict = bytes.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map {
                parser.parse($0, count: buffer.count, fields: room, limits: HeadLimits())
            }
        }
        try #require(verdict == .complete)
        return Exchange(parser.head)
    }

    private func response(_ text: String) throws -> ResponseHead {
        let bytes = Array(text.utf8)
        let room = UnsafeMutablePointer<Field>.allocate(capacity: 100)
        defer { room.deallocate() }
        var parser = ResponseParser()
        let verdict = bytes.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map {
                parser.parse($0, count: buffer.count, fields: room, limits: HeadLimits())
            }
        }
        try #require(verdict == .complete)
        return parser.head
    }

    private let get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    private let post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"

    @Test func connectFailuresTryThreeServers() throws {
        var exchange = try exchange(post)
        exchange.attempt(4)
        #expect(
            exchange.recover(from: .connectFailed(code: 111), reused: false, attemptsMax: 3)
                == .tryAnotherServer)
        exchange.attempt(7)
        #expect(exchange.recover(from: .connectTimeout, reused: false, attemptsMax: 3) == .tryAnotherServer)
        exchange.attempt(9)
        #expect(exchange.recover(from: .connectTimeout, reused: false, attemptsMax: 3) == .answer(504))
        #expect(
            exchange.recover(from: .connectFailed(code: 111), reused: false, attemptsMax: 3) == .answer(502))
        #expect([4, 7, 9, 1].map { exchange.hasTried($0) } == [true, true, true, false])
    }

    /// What the proxy's own host lacks is nothing that a server did.
    @Test func connectsThatCannotBeTriedAreNobodysFault() throws {
        for code in [EADDRNOTAVAIL, EAGAIN, ENOBUFS, ENOMEM] {
            var exchange = try exchange(post)
            let loss = ServerLoss(connect: code)
            #expect(loss == .connectImpossible(code: code) && loss.isOwn)
            #expect(EndReason(loss) == .proxyLimit)
            exchange.attempt(4)
            #expect(exchange.recover(from: loss, reused: false, attemptsMax: 2) == .tryAnotherServer)
            exchange.attempt(5)
            #expect(exchange.recover(from: loss, reused: false, attemptsMax: 2) == .answer(503))
        }
        #expect(ServerLoss(connect: ECONNREFUSED) == .connectFailed(code: ECONNREFUSED))
        #expect(!ServerLoss(connect: ECONNREFUSED).isOwn)
    }

    @Test func aStaleConnectionIsReplacedOnce() throws {
        var exchange = try exchange(get)
        exchange.attempt(1)
        #expect(exchange.recover(from: .closed, reused: true, attemptsMax: 3) == .tryFreshConnection)
        #expect(exchange.freshOnly)
        exchange.attempt(1)
        #expect(exchange.recover(from: .closed, reused: true, attemptsMax: 3) == .answer(502))
    }

    @Test func nothingIsRepeatedThatMayHaveHadAnEffect() throws {
        var posted = try exchange(post)
        posted.attempt(1)
        #expect(posted.recover(from: .closed, reused: true, attemptsMax: 3) == .answer(502))
        var fresh = try exchange(get)
        fresh.attempt(1)
        #expect(fresh.recover(from: .closed, reused: false, attemptsMax: 3) == .answer(502))
        var overwritten = try exchange("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        overwritten.attempt(1)
        overwritten.forgetSentBytes()
        #expect(overwritten.recover(from: .closed, reused: true, attemptsMax: 3) == .answer(502))
        #expect(overwritten.recover(from: .silent, reused: true, attemptsMax: 3) == .answer(504))
    }

    @Test func aResponseThatHasBegunIsCut() throws {
        var exchange = try exchange(get)
        exchange.attempt(1)
        #expect(
            exchange.respond(try response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), closing: false)
                == .pass)
        #expect(exchange.recover(from: .brokenOff, reused: false, attemptsMax: 3) == .answer(502))
        exchange.beginResponse()
        #expect(exchange.recover(from: .brokenOff, reused: false, attemptsMax: 3) == .cut)
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true, true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", true, false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", true, false),
        ("HTTP/1.1 200 OK\r\n\r\n", true, false),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", true, true),
    ])
    func eachSideIsKeptOrNot(_ text: String, _ client: Bool, _ server: Bool) throws {
        var exchange = try exchange(get)
        #expect(exchange.respond(try response(text), closing: false) == .pass)
        #expect(exchange.clientKeepsAlive == client)
        #expect(exchange.keepsServer == server)
        var closing = try self.exchange(get)
        #expect(closing.respond(try response(text), closing: true) == .pass)
        #expect(!closing.clientKeepsAlive)
    }

    @Test func anEarlyResponseEndsTheClientsConnection() throws {
        var exchange = try exchange(post)
        #expect(
            exchange.respond(try response("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"), closing: false)
                == .pass)
        #expect(!exchange.clientKeepsAlive && !exchange.keepsServer)
    }

    @Test func interimResponsesAreLimitedAndNeverSwitchProtocols() throws {
        var exchange = try exchange(get)
        let early = try response("HTTP/1.1 103 Early Hints\r\n\r\n")
        for _ in 0..<32 { #expect(exchange.respond(early, closing: false) == .passInterim) }
        #expect(exchange.respond(early, closing: false) == .refuse(.tooManyInterims))
        var upgraded = try self.exchange(get)
        let switching = try response("HTTP/1.1 101 Switching Protocols\r\n\r\n")
        #expect(upgraded.respond(switching, closing: false) == .refuse(.unaskedUpgrade))
        var old = try self.exchange("GET / HTTP/1.0\r\n\r\n")
        #expect(old.respond(early, closing: false) == .dropInterim)
    }

    @Test func onlyContinueOrTheBodyEndsTheWaitForIt() throws {
        let lines = "Host: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        var exchange = try exchange("POST / HTTP/1.1\r\n" + lines)
        #expect(exchange.awaitsContinue)
        _ = exchange.respond(try response("HTTP/1.1 103 Early Hints\r\n\r\n"), closing: false)
        #expect(exchange.awaitsContinue)
        _ = exchange.respond(try response("HTTP/1.1 100 Continue\r\n\r\n"), closing: false)
        #expect(!exchange.awaitsContinue)
        var hasty = try self.exchange("POST / HTTP/1.1\r\n" + lines)
        hasty.noteBody()
        #expect(!hasty.awaitsContinue)
        var probed = try self.exchange("POST / HTTP/1.1\r\n" + lines)
        probed.wasProbed = true
        #expect(!probed.awaitsContinue)
        #expect(try !self.exchange("POST / HTTP/1.0\r\n" + lines).awaitsContinue)
        let bare = "GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n"
        #expect(try !self.exchange(bare).awaitsContinue)
    }

    @Test func aServerThatMayOverlookABodyIsNotUsedAgain() throws {
        for (method, keeps) in [("GET", false), ("HEAD", false), ("POST", true)] {
            var exchange = try exchange("\(method) / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")
            let body: [UInt8] = [65]
            body.withUnsafeBufferPointer { buffer in
                if let base = buffer.baseAddress { _ = exchange.requestBody.take(base, count: 1) }
            }
            let empty = try response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(exchange.respond(empty, closing: false) == .pass)
            #expect(exchange.keepsServer == keeps && exchange.clientKeepsAlive)
        }
    }

    @Test func onlyABodyUntilCloseEndsWithTheConnection() throws {
        var open = try exchange(get)
        let tooEarly = open.endByClose()
        #expect(!tooEarly)
        #expect(open.respond(try response("HTTP/1.1 200 OK\r\n\r\n"), closing: false) == .pass)
        #expect(open.rechunks && !open.endsByClose && !open.responseBody.isDone)
        let ends = open.endByClose()
        #expect(ends && open.responseBody.isDone)
        var old = try exchange("GET / HTTP/1.0\r\n\r\n")
        #expect(old.respond(try response("HTTP/1.1 200 OK\r\n\r\n"), closing: false) == .pass)
        #expect(!old.rechunks && old.endsByClose && !old.clientKeepsAlive)
        var counted = try exchange(get)
        #expect(
            counted.respond(try response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), closing: false)
                == .pass)
        let endsCounted = counted.endByClose()
        #expect(!endsCounted)
    }
}
