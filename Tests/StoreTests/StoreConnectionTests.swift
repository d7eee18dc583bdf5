import Fixtures
import Linux
import Testing

@testable import Store

@Suite struct StoreConnectionTests {
    private func open(_ url: String, password: String? = nil) throws -> StoreConnection {
        try StoreConnection.open(try settings(url, password: password), until: soon())
    }

    @Test func commandsAreAnsweredOverTCPAndUnixSockets() throws {
        let server = try RedisServer()
        for url in [server.url(), server.url(host: "localhost"), "unix://\(server.socketPath)"] {
            let connection = try open(url)
            #expect(try connection.call(Command("PING"), until: soon()) == .status("PONG"))
            #expect(try connection.call(Command("SET", "k", "v \r\n é"), until: soon()) == .status("OK"))
            #expect(try connection.call(Command("GET", "k"), until: soon()).text == "v \r\n é")
            #expect(try connection.call(Command("GET", "absent"), until: soon()) == .null)
            #expect(try connection.call(Command("CLIENT", "GETNAME"), until: soon()).text == "troop:test")
            #expect(connection.isOpen && connection.isUsable())
            connection.close()
            #expect(!connection.isOpen && !connection.isUsable())
            #expect(throws: StoreFault.self) { try connection.call(Command("PING"), until: soon()) }
        }
    }

    @Test func wordsMayHoldAnyText() throws {
        let server = try RedisServer()
        let connection = try open(server.url())
        var text = String.UnicodeScalarView()
        for code in UInt32(0)...0x2ff { text.append(try #require(Unicode.Scalar(code))) }
        #expect(try connection.call(Command("SET", "k", String(text)), until: soon()) == .status("OK"))
        #expect(try connection.call(Command("GET", "k"), until: soon()) == .bulk(Array(String(text).utf8)))
        #expect(try connection.call(Command("SET", "", ""), until: soon()) == .status("OK"))
        #expect(try connection.call(Command("GET", ""), until: soon()) == .bulk([]))
    }

    @Test func aValueLargerThanAllBuffersPassesBothWays() throws {
        let server = try RedisServer()
        let connection = try open("unix://\(server.socketPath)")
        let value = String(repeating: "7", count: 8 * 1024 * 1024)
        let echo = Command("ECHO", value)
        let replies = try connection.pipeline([echo, echo, echo], until: soon(20_000))
        #expect(replies == Array(repeating: .bulk(Array(value.utf8)), count: 3))
    }

    @Test func aPipelineKeepsOrderAndErrors() throws {
        let server = try RedisServer()
        let connection = try open(server.url())
        let commands = [
            Command("RPUSH", "list", "a", "b"), Command("INCR", "list"), Command("LRANGE", "list", "0", "-1"),
            Command("INCR", "n"),
        ]
        let replies = try connection.pipeline(commands, until: soon())
        #expect(replies[0] == .integer(2))
        guard case .error(let error) = replies[1] else {
            Issue.record("\(replies[1])")
            return
        }
        #expect(error.code == "WRONGTYPE" && error.kind == .refused)
        #expect(replies[2] == .array([.bulk([97]), .bulk([98])]))
        #expect(replies[3] == .integer(1))
        #expect(try connection.pipeline([], until: soon()) == [])
        let many = try connection.pipeline(
            (0..<20_000).map { _ in Command("INCR", "n") }, until: soon(20_000))
        #expect(many.last == .integer(20_001))
        #expect(connection.isOpen)
    }

    @Test func anErrorReplyIsThrownAndTheConnectionGoesOn() throws {
        let server = try RedisServer()
        let connection = try open(server.url())
        let fault = #expect(throws: StoreFault.self) {
            try connection.call(Command("NONSENSE", "x"), until: soon())
        }
        #expect(fault == .rejected(ReplyError(code: "ERR", message: "unknown command 'NONSENSE'")))
        #expect(try connection.call(Command("PING"), until: soon()) == .status("PONG"))
    }

    @Test func aCommandBeyondTheLimitsIsNotSent() throws {
        let server = try RedisServer()
        let connection = try open(server.url())
        #expect(throws: StoreFault.self) { try connection.call(Command([]), until: soon()) }
        #expect(!connection.isOpen)
    }

    @Test func aScriptTheServerForgotIsSentWhole() throws {
        let server = try RedisServer()
        let connection = try open(server.url())
        let script = Script(name: "add", body: "return redis.call('INCRBY', KEYS[1], ARGV[1])")
        for total in 1...4 {
            let reply = try connection.run(script, keys: ["n"], arguments: ["2"], until: soon())
            #expect(reply == .integer(Int64(total) * 2))
            if total == 2 { try server.command("SCRIPT", "FLUSH") }
        }
        try server.command("SCRIPT", "FLUSH")
        let replies = try connection.pipeline(
            [
                Command("PING"), Command(script, keys: ["n"], arguments: ["1"]), Command("ECHO", "x"),
                Command(script, keys: ["n"], arguments: ["1"]),
            ], until: soon())
        #expect(replies == [.status("PONG"), .integer(9), .bulk([120]), .integer(10)])
        // What is no script of ours is not repeated.
        let plain = try connection.pipeline([Command("EVALSHA", "abc", "0")], until: soon())
        guard case .error(let error) = plain.first else {
            Issue.record("\(plain)")
            return
        }
        #expect(error.kind == .scriptMissing)
    }

    @Test func aScriptsRefusalIsFenced() throws {
        let server = try RedisServer()
        let connection = try open(server.url())
        let script = Script(name: "fence", body: "return redis.error_reply('FENCED held by b')")
        let fault = #expect(throws: StoreFault.self) {
            try connection.run(script, keys: [], arguments: [], until: soon())
        }
        #expect(fault == .rejected(ReplyError(code: "FENCED", message: "held by b")))
        #expect(fault?.kind == .fenced)
        #expect(connection.isOpen)
    }

    @Test func aFrozenServerIsLeftAtTheDeadline() throws {
        let server = try RedisServer()
        let connection = try open(server.url())
        server.pause()
        defer { server.resume() }
        let start = Instant.now()
        let fault = #expect(throws: StoreFault.self) {
            try connection.call(Command("PING"), until: start.advanced(milliseconds: 100))
        }
        #expect((100..<1500).contains(Instant.now().milliseconds(since: start)))
        #expect(fault == .timeout("no reply to PING from 127.0.0.1:\(server.port)"))
        #expect(!connection.isOpen)
        let second = Instant.now()
        #expect(throws: StoreFault.self) {
            try StoreConnection.open(try settings(server.url()), until: second.advanced(milliseconds: 100))
        }
        #expect((100..<1500).contains(Instant.now().milliseconds(since: second)))
    }

    @Test func aFrozenUnixServerIsLeftAtTheDeadlineWhenItsQueueIsFull() throws {
        let server = try RedisServer(configuration: ["tcp-backlog 1"])
        server.pause()
        defer { server.resume() }
        let start = Instant.now()
        for _ in 0..<4 {
            #expect(throws: StoreFault.self) {
                try StoreConnection.open(try settings("unix://\(server.socketPath)"), until: soon(50))
            }
        }
        #expect((200..<3000).contains(Instant.now().milliseconds(since: start)))
    }

    @Test func anEndedConnectionIsNoticedBeforeACommandIsLost() async throws {
        let server = try RedisServer()
        let connection = try open(server.url())
        try server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        #expect(await eventually { !connection.isUsable() })
        #expect(!connection.isOpen)
        let other = try open(server.url())
        server.stop()
        #expect(throws: StoreFault.self) { try other.call(Command("PING"), until: soon()) }
        #expect(!other.isOpen)
        let fault = #expect(throws: StoreFault.self) { try open(server.url()) }
        #expect(fault == .unreachable("127.0.0.1:\(server.port): Connection refused"))
        #expect(throws: StoreFault.self) { try open("unix://\(server.socketPath).absent") }
    }

    @Test func aDeadAddressDoesNotKeepALivingOneWaiting() throws {
        let server = try RedisServer()
        let live = try SocketAddress(host: "127.0.0.1", port: server.port)
        let refused = try SocketAddress(host: "127.0.0.2", port: server.port)
        // 192.0.2.0/24 is for documentation: nothing answers there, or the network refuses at once.
        let silent = try SocketAddress(host: "192.0.2.1", port: server.port)
        let resolver = NameResolver { _, _ in .found([silent, refused, live]) }
        let start = Instant.now()
        let connection = try StoreConnection.open(
            try settings("redis://redis.example:\(server.port)"), resolver: resolver, until: soon(5000))
        #expect(try connection.call(Command("PING"), until: soon()) == .status("PONG"))
        #expect(Instant.now().milliseconds(since: start) < 3000)
        let none = NameResolver { _, _ in .found([refused]) }
        let fault = #expect(throws: StoreFault.self) {
            try StoreConnection.open(
                try settings("redis://redis.example:\(server.port)"), resolver: none, until: soon(5000))
        }
        let reason = "redis.example:\(server.port) (127.0.0.2:\(server.port): Connection refused)"
        #expect(fault == .unreachable(reason))
    }

    @Test func theDatabaseIsSelected() throws {
        let server = try RedisServer()
        let third = try open("\(server.url())/3")
        #expect(try third.call(Command("SET", "k", "3"), until: soon()) == .status("OK"))
        #expect(try open(server.url()).call(Command("GET", "k"), until: soon()) == .null)
        #expect(
            try open("unix://\(server.socketPath)?db=3").call(Command("GET", "k"), until: soon()).text == "3")
        let fault = #expect(throws: StoreFault.self) { try open("\(server.url())/16") }
        #expect(fault?.kind == .configuration)
    }
}
