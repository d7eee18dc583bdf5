import Fixtures
import Linux
import Store
import Testing

@Suite struct SignInTests {
    private func open(_ url: String, password: String? = nil) throws -> StoreConnection {
        try StoreConnection.open(try settings(url, password: password), until: soon())
    }

    @Test func aPasswordOpensTheDoor() throws {
        let server = try RedisServer(password: "hunter2")
        let inURL = "redis://:hunter2@127.0.0.1:\(server.port)"
        for connection in [try open(server.url(), password: "hunter2"), try open(inURL)] {
            #expect(try connection.call(Command("PING"), until: soon()) == .status("PONG"))
        }
        // The password beside the URL wins.
        let wrongInURL = "redis://:wrong@127.0.0.1:\(server.port)"
        #expect(try open(wrongInURL, password: "hunter2").isOpen)
    }

    @Test func aMissingOrWrongPasswordIsAMatterOfConfiguration() throws {
        let server = try RedisServer(password: "hunter2")
        let missing = #expect(throws: StoreFault.self) { try open(server.url()) }
        #expect(missing?.kind == .configuration)
        #expect(missing?.description.contains("NOAUTH") == true)
        let wrong = #expect(throws: StoreFault.self) { try open(server.url(), password: "hunter3") }
        #expect(wrong?.kind == .configuration)
        #expect(wrong?.description.contains("WRONGPASS") == true)
        #expect(wrong?.description.contains("hunter") == false)
        let unneeded = try RedisServer()
        let fault = #expect(throws: StoreFault.self) { try open(unneeded.url(), password: "hunter2") }
        #expect(fault?.kind == .configuration)
    }

    @Test func aUserSignsInByName() throws {
        let server = try RedisServer(configuration: ["user ann on >hunter2 ~* +@all", "user default off"])
        let url = "redis://ann:hunter2@127.0.0.1:\(server.port)"
        #expect(try open(url).call(Command("ACL", "WHOAMI"), until: soon()).text == "ann")
        #expect(try open("redis://ann@127.0.0.1:\(server.port)", password: "hunter2").isOpen)
        let fault = #expect(throws: StoreFault.self) { try open("redis://ann@127.0.0.1:\(server.port)") }
        #expect(fault?.kind == .configuration)
        #expect(throws: StoreFault.self) { try open("redis://bob:hunter2@127.0.0.1:\(server.port)") }
    }

    @Test func rightsThatAreMissingAreTold() throws {
        let server = try RedisServer(configuration: ["user ann on >hunter2 ~ours:* +get +ping"])
        let connection = try open("redis://ann:hunter2@127.0.0.1:\(server.port)")
        #expect(try connection.call(Command("GET", "ours:k"), until: soon()) == .null)
        for command in [Command("SET", "ours:k", "v"), Command("GET", "theirs:k")] {
            let fault = #expect(throws: StoreFault.self) { try connection.call(command, until: soon()) }
            #expect(fault?.kind == .configuration)
            #expect(fault?.description.contains("NOPERM") == true)
        }
    }

    @Test func aRenamedAuthDoesNotBetrayThePassword() throws {
        let server = try RedisServer(configuration: ["rename-command AUTH \"\""])
        let fault = #expect(throws: StoreFault.self) { try open(server.url(), password: "hunter2") }
        #expect(fault?.description.contains("unknown command") == true)
        #expect(fault?.description.contains("hunter2") == false)
    }

    @Test func aFullServerSaysSo() async throws {
        let server = try RedisServer(configuration: ["maxclients 1"])
        // The server may still hold the connection over which it was asked whether it has started.
        var first: StoreConnection?
        #expect(
            await eventually {
                first = try? open(server.url())
                return first != nil
            })
        let fault = #expect(throws: StoreFault.self) { try open(server.url()) }
        #expect(fault == .rejected(ReplyError(code: "ERR", message: "max number of clients reached")))
        #expect(fault?.kind == .retry)
        #expect(first?.isOpen == true)
    }

    @Test func realRefusalsAreToldApart() throws {
        let server = try RedisServer()
        let connection = try open(server.url())
        try server.command("CONFIG", "SET", "maxmemory", "1")
        let full = #expect(throws: StoreFault.self) {
            try connection.call(Command("SET", "k", "v"), until: soon())
        }
        #expect(full?.kind == .storeLost)
        let script = Script(name: "set", body: "return redis.call('SET', KEYS[1], 'v')")
        let inScript = #expect(throws: StoreFault.self) {
            try connection.run(script, keys: ["k"], arguments: [], until: soon())
        }
        #expect(inScript?.kind == .storeLost)
        #expect(connection.isOpen)
        try server.command("CONFIG", "SET", "maxmemory", "0")
        try server.command("CONFIG", "SET", "min-replicas-to-write", "1")
        let lonely = #expect(throws: StoreFault.self) {
            try connection.call(Command("SET", "k", "v"), until: soon())
        }
        #expect(lonely?.kind == .storeLost)
        try server.command("CONFIG", "SET", "min-replicas-to-write", "0")
        try server.command("REPLICAOF", "127.0.0.1", "1")
        let replica = #expect(throws: StoreFault.self) {
            try connection.call(Command("SET", "k", "v"), until: soon())
        }
        #expect(replica?.kind == .rediscover)
        #expect(!connection.isOpen)
        let again = try open(server.url())
        let replies = try again.pipeline([Command("SET", "k", "v"), Command("PING")], until: soon())
        #expect(replies.last == .status("PONG"))
        #expect(!again.isOpen)
    }
}
