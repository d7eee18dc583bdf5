import Fixtures
import Glibc
import Linux
import Peer
import Testing
import Transfer

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
        LoneAgent.configuration(
            in: "FOLDER", redis: redis, api: api, port: proxy, proxy: ["workers: 1"])
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
            #expect(run.output.split(separator: "\n").count == 1)
            #expect(
                run.output.hasPrefix(
                    "troop: api.socket /nowhere/agent.sock: there is no folder /nowhere; create it"),
                "\(run.output)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func aSecondAgentAtASocketIsOneClearLine() async throws {
        let redis = try RedisServer.freePort()
        let text = good(api: try RedisServer.freePort(), proxy: try RedisServer.freePort(), redis: redis)
        try await withFile(text) { path in
            let folder = path.replacing("/troop.yaml", with: "")
            let agent = try Program(["agent", "--config", path], log: "\(folder)/log")
            let answers = await eventually { agent.output.contains("agent started") }
            #expect(answers, "\(agent.output)")
            let other = good(api: try RedisServer.freePort(), proxy: try RedisServer.freePort(), redis: redis)
            try await withFile(other.replacing("FOLDER/agent.sock", with: "\(folder)/agent.sock")) { path in
                let run = try Program.run(["agent", "--config", path])
                #expect(run.code == 1)
                #expect(run.output.contains("agent.sock: another agent answers there; "), "\(run.output)")
            }
            agent.signal(SIGTERM)
            #expect(agent.wait() == 0)
        }
    }

    @Test(.timeLimit(.minutes(1))) func tooFewDescriptorsAreToldAtTheStart() async throws {
        let text = good(api: try RedisServer.freePort(), proxy: try RedisServer.freePort())
        try await withFile(text) { path in
            let folder = path.replacing("/troop.yaml", with: "")
            let agent = try Program(["agent", "--config", path], log: "\(folder)/log", descriptors: 300)
            let isTold = await eventually {
                agent.output.contains("LimitNOFILE=") && agent.output.contains("limit=300")
                    && agent.output.contains("needed=44096") && agent.output.contains("agent started")
            }
            #expect(isTold, "\(agent.output)")
            agent.signal(SIGTERM)
            #expect(agent.wait() == 0)
        }
    }

    @Test(.timeLimit(.minutes(1))) func aServerOutOfDescriptorsSaysSoOnceAndRecovers() async throws {
        let port = try RedisServer.freePort()
        var template = Array("/tmp/troop-start-XXXXXX".utf8CString)
        let raw = mkstemp(&template)
        try #require(raw >= 0)
        close(raw)
        let log = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(log) }
        let app = try Program(["sample-app", "--port", "\(port)"], log: log, descriptors: 30)
        let listens = await eventually { app.output.contains("listens on") }
        #expect(listens, "\(app.output)")
        var crowd: [Int32] = []
        let address = try SocketAddress("127.0.0.1:\(port)")
        for _ in 0..<60 {
            let raw = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            crowd.append(raw)
            try #require(address.withSockaddr { connect(raw, $0, $1) } == 0)
        }
        let complaint = "cannot accept connections for now (accept: Too many open files)"
        let isTold = await eventually { app.output.contains(complaint) }
        #expect(isTold, "\(app.output)")
        for raw in crowd { close(raw) }
        let isBack = await eventually {
            (try? Transfer(url: "http://127.0.0.1:\(port)/").perform())?.status == 200
        }
        #expect(isBack)
        #expect(app.output.ranges(of: complaint).count == 1, "\(app.output)")
        app.signal(SIGTERM)
        #expect(app.wait() == 0)
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

    @Test(arguments: [
        (["add"], "say where it listens, as: troop servers add 10.0.0.9:3000"),
        (["remove"], "say where it listens, as: troop servers remove 10.0.0.9:3000"),
        (["add", "10.0.0.1:80", "10.0.0.2:80"], "say one at a time"),
        (["add", "0.0.0.0:80"], "0.0.0.0 is where a program listens"), (["add", "10.0.0.1"], "has no port"),
        (["bogus"], "there are list, add and remove"),
        (["10.0.0.1:80"], "troop servers add 10.0.0.1:80, or: troop servers remove 10.0.0.1:80"),
    ])
    func wrongUsageOfServersSaysWhatToDo(_ arguments: [String], _ advice: String) throws {
        let run = try Program.run(["servers"] + arguments)
        #expect(run.code == 64)
        #expect(run.output.contains(advice), "\(run.output)")
    }

    @Test(arguments: [
        (["upgrade", "--binary", "/nowhere/troop"], "--binary /nowhere/troop: No such file"),
        (["bench", "hosts", "--redis", "x"], "--redis: "),
    ])
    func whatIsFoundLateComesWithoutTheUsageOfEverything(_ arguments: [String], _ fault: String) throws {
        let run = try Program.run(arguments)
        #expect(run.code == 64)
        #expect(run.output.contains(fault) && !run.output.contains("Usage:"), "\(run.output)")
    }

    @Test(arguments: [
        ["status", "--bogus"], ["servers", "add"], ["history", "--count", "0"], ["bogus"],
        ["monkeys", "mode", "nurse", "enforce"], ["monkeys", "mode", "gift", "loud"],
    ])
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
