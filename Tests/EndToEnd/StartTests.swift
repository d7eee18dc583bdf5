import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// What an agent says when it cannot start, or starts into a broken world.
@Suite(.serialized) struct StartTests {
    private func withFile(_ text: String, _ body: (String) async throws -> Void) async throws {
        var template = Array("/tmp/troop-start-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            for name in ["troop.yaml", "agent.sock", "log"] { unlink("\(folder)/\(name)") }
            for name in ["servers.json", "epoch.json", "registration.json"] {
                unlink("\(folder)/state/\(name)")
            }
            rmdir("\(folder)/state")
            rmdir(folder)
        }
        try Ensemble.write(text.replacing("FOLDER", with: folder), to: "\(folder)/troop.yaml")
        try await body("\(folder)/troop.yaml")
    }

    private func good(api: UInt16, proxy: UInt16, redis: UInt16 = 1) -> String {
        """
        cluster: test
        host: {name: a, address: 127.0.0.1}
        state: FOLDER/state
        redis: {url: "redis://127.0.0.1:\(redis)/0"}
        api: {listen: "127.0.0.1:\(api)", socket: FOLDER/agent.sock}
        proxy: {listen: "127.0.0.1:\(proxy)", workers: 1}

        """
    }

    @Test func aWrongConfigurationIsToldWithItsPlace() async throws {
        try await withFile("cluster: test\nredis: {url: \"redis://127.0.0.1/0\"}\nelection:\n  tll: 1s\n") {
            path in
            let run = try Program.run(["agent", "--config", path])
            #expect(run.code == 1)
            #expect(run.output.contains("troop.yaml:4:3: election.tll: "))
            #expect(run.output.contains("election.ttl"), "the nearest known key is named: \(run.output)")
        }
    }

    @Test func aMissingFileIsOneClearLine() throws {
        let run = try Program.run(["agent", "--config", "/nowhere/troop.yaml"])
        #expect(run.code == 1)
        #expect(run.output.split(separator: "\n").count == 1)
        #expect(run.output.contains("/nowhere/troop.yaml"))
    }

    @Test func aPortInUseIsOneClearLine() async throws {
        let redis = try RedisServer()  // its port is surely taken
        for (api, proxy, key) in [
            (redis.port, try RedisServer.freePort(), "api.listen"),
            (try RedisServer.freePort(), redis.port, "proxy.listen"),
        ] {
            try await withFile(good(api: api, proxy: proxy)) { path in
                let run = try Program.run(["agent", "--config", path])
                #expect(run.code == 1)
                #expect(run.output.contains("troop: \(key) 127.0.0.1:\(redis.port): Address already in use"))
            }
        }
    }

    @Test func aMissingSocketFolderIsOneClearLine() async throws {
        let text = good(api: try RedisServer.freePort(), proxy: try RedisServer.freePort())
        try await withFile(text.replacing("FOLDER/agent.sock", with: "/nowhere/agent.sock")) { path in
            let run = try Program.run(["agent", "--config", path])
            #expect(run.code == 1)
            #expect(run.output.contains("troop: api.socket /nowhere/agent.sock: No such file or directory"))
        }
    }

    @Test(.timeLimit(.minutes(1))) func anAgentStartsWithoutRedisAndSaysSoOnce() async throws {
        let port = try RedisServer.freePort()
        let text = good(api: try RedisServer.freePort(), proxy: try RedisServer.freePort(), redis: port)
        try await withFile(text) { path in
            let folder = path.replacing("/troop.yaml", with: "")
            let agent = try Program(["agent", "--config", path], log: "\(folder)/log")
            let socket = "TROOP_SOCKET=\(folder)/agent.sock"
            let isUnreachable = await eventually {
                (try? Program.run(["status"], environment: [socket]))?.code == 3
            }
            #expect(isUnreachable, "\(agent.output)")
            let rounds = Instant.now().advanced(milliseconds: 2500)
            let isOver = await eventually { Instant.now() > rounds }
            #expect(isOver)
            #expect(
                agent.output.split(separator: "\n").filter { $0.contains("Redis does not answer") }.count == 1
            )
            agent.signal(SIGTERM)
            #expect(agent.wait() == 0, "\(agent.output)")
            #expect(access("\(folder)/agent.sock", F_OK) != 0, "the socket's file is gone")
        }
    }

    @Test func noAgentIsToldWithWhatToDo() throws {
        let run = try Program.run(["status", "--socket", "/nowhere/agent.sock"])
        #expect(run.code == 69)
        #expect(run.output.contains("no agent answers at /nowhere/agent.sock"))
    }

    @Test(arguments: [["status", "--bogus"], ["servers", "add"], ["history", "--count", "0"], ["bogus"]])
    func wrongUsageIsSixtyFour(_ arguments: [String]) throws {
        #expect(try Program.run(arguments).code == 64)
    }

    @Test(arguments: [[], ["-o", "json"]])
    func theVersionIsTold(_ arguments: [String]) throws {
        let run = try Program.run(["version"] + arguments)
        #expect(run.code == 0)
        #expect(run.output.contains(Version.text))
    }
}
