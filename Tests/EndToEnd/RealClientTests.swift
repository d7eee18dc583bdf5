import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// Clients that others have written, through a running agent: curl, wrk, a WebSocket client and a browser.
@Suite(.serialized) struct RealClientTests {
    /// A program of the system's, with its output in a file.
    private final class Tool {
        let id: pid_t
        let log: String
        private var code: Int32?

        init(_ words: [String], log: String) throws {
            self.log = log
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            defer { posix_spawnattr_destroy(&attributes) }
            // A group of its own: a browser is many processes, which end together.
            posix_spawnattr_setpgroup(&attributes, 0)
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
            let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
            defer { for argument in arguments { free(argument) } }
            var child: pid_t = 0
            let failure = posix_spawnp(&child, words[0], &actions, &attributes, arguments, environ)
            guard failure == 0 else {
                throw Program.Fault(description: "\(words[0]): \(String(cString: strerror(failure)))")
            }
            id = child
        }

        deinit {
            kill(-id, SIGKILL)
            if code == nil { waitpid(id, nil, 0) }
        }

        var output: String { Program.text(of: log) }

        /// The exit code, once there is one.
        func wait(within milliseconds: Int64) async -> Int32? {
            _ = await eventually(within: milliseconds) {
                var status: Int32 = 0
                if code == nil, waitpid(id, &status, WNOHANG) == id {
                    code = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
                }
                return code != nil
            }
            return code
        }
    }

    /// True where a program is on the PATH.
    private static func has(_ program: String) -> Bool {
        (getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":").contains {
            access("\($0)/\(program)", X_OK) == 0
        }
    }

    private static let python = "/usr/bin/python3"
    private static var hasPython: Bool {
        access("/usr/lib/python3/dist-packages/websockets/__init__.py", R_OK) == 0
    }

    private static let application = Repository.path("Tests/EndToEnd/Clients/application.py")

    /// A troop of one agent that is up.
    private func begin() async throws -> Ensemble {
        let troop = try Ensemble(["a"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 1) }
        try #require(isUp, "\(troop.logs)")
        return troop
    }

    /// A troop whose only server is an application that others have written.
    private func beginWithApplication() async throws -> (Ensemble, Tool) {
        let troop = try await begin()
        let port = try RedisServer.freePort()
        let application = try Tool(
            [Self.python, Self.application, "\(port)"], log: "\(troop.folder)/application.log")
        let listens = await eventually { application.output.contains("listens") }
        try #require(listens, "\(application.output)")
        let own = "127.0.0.1:\(try troop.member("a").appPort)"
        #expect(try troop.command("a", "servers", "add", "127.0.0.1:\(port)").code == 0)
        #expect(try troop.command("a", "servers", "add", own, "--state", "out").code == 0)
        let isAlone = await eventually {
            let servers = troop.status()?.servers ?? []
            return servers.contains { $0.address == own && $0.state == "out" }
                && servers.contains { $0.address != own && $0.healthy == true }
                && troop.get("/text?n=3")?.body == "xxx"
        }
        try #require(isAlone, "\(troop.logs)")
        return (troop, application)
    }

    /// curl's output and exit code.
    private func curl(_ troop: Ensemble, _ words: String...) async throws -> (code: Int32?, output: String) {
        let tool = try Tool(
            ["curl", "-sS", "--max-time", "20", "--noproxy", "*"] + words,
            log: "\(troop.folder)/curl.log")
        return (await tool.wait(within: 25_000), tool.output)
    }

    @Test(.timeLimit(.minutes(2)), .enabled(if: has("curl"), "curl is not installed"))
    func curlIsServedInEveryManner() async throws {
        let troop = try await begin()
        let url = "http://127.0.0.1:\(troop.proxyPort)"
        let bodies = "\(troop.folder)/body"
        let text = String(repeating: "0123456789abcdef", count: 3000)
        try Ensemble.write(text, to: bodies)
        func expect(_ wanted: String, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation)
            async throws
        {
            let tool = try Tool(
                ["curl", "-sS", "--max-time", "20", "--noproxy", "*"] + words,
                log: "\(troop.folder)/curl.log")
            let code = await tool.wait(within: 25_000)
            #expect(
                code == 0 && tool.output.hasSuffix(wanted),
                "\(words): \(code ?? -1) \(tool.output.suffix(300))",
                sourceLocation: sourceLocation)
        }
        try await expect("hello from app-a\n", url)
        try await expect("200", "-o", "/dev/null", "-w", "%{http_code}", "--head", url)
        try await expect("hello from app-a\n", "--http1.0", url)
        try await expect("hello from app-a\n", "--http0.9", "-H", "Accept-Encoding: gzip", url)
        // By length, with 100-continue, in chunks; several requests over one connection.
        try await expect(text, "--data-binary", "@\(bodies)", "\(url)/echo")
        try await expect(text, "-H", "Expect: 100-continue", "--data-binary", "@\(bodies)", "\(url)/echo")
        // The sample application reads no chunks, and says so: they have reached it.
        try await expect(
            "send the body with a Content-Length\"}\n", "-H", "Transfer-Encoding: chunked", "--data-binary",
            "@\(bodies)", "\(url)/echo")
        try await expect(
            "1\n0", "-o", "/dev/null", "-o", "/dev/null", "-w", "\n%{num_connects}", url, "\(url)/slow?ms=5")
        // What the proxy says by itself.
        try await expect("501", "-o", "/dev/null", "-w", "%{http_code}", "-X", "CONNECT", url)
        try await expect(
            "431", "-o", "/dev/null", "-w", "%{http_code}", "-H",
            "X: \(String(repeating: "x", count: 20_000))", url)
        try await expect(
            "414", "-o", "/dev/null", "-w", "%{http_code}", "\(url)/\(String(repeating: "x", count: 9_000))")
        troop.stopApp("a")
        let refusal = try await curl(troop, "-w", "%{http_code}", url)
        #expect(refusal.output.contains("cannot connect") && refusal.output.hasSuffix("502"), "\(refusal)")
        #expect(refusal.output.contains("request id: "), "\(refusal)")
    }

    @Test(.timeLimit(.minutes(2)), .enabled(if: has("wrk"), "wrk is not installed"))
    func wrkSeesNoError() async throws {
        let troop = try await begin()
        let wrk = try Tool(
            ["wrk", "-t2", "-c50", "-d3s", "http://127.0.0.1:\(troop.proxyPort)/"],
            log: "\(troop.folder)/wrk.log")
        #expect(await wrk.wait(within: 30_000) == 0)
        #expect(wrk.output.contains("requests in "), "\(wrk.output)")
        #expect(
            !wrk.output.contains("Socket errors") && !wrk.output.contains("Non-2xx"), "\(wrk.output)")
        let served = troop.status()?.servers.first?.requests ?? 0
        #expect(served > 100 && troop.status()?.servers.first?.errors == 0)
    }

    @Test(.timeLimit(.minutes(2)), .enabled(if: hasPython, "python3-websockets is not installed"))
    func aWebSocketClientIsServed() async throws {
        let (troop, application) = try await beginWithApplication()
        let client = try Tool(
            [Self.python, Self.application, "ws", "ws://127.0.0.1:\(troop.proxyPort)/ws"],
            log: "\(troop.folder)/client.log")
        #expect(await client.wait(within: 60_000) == 0, "\(client.output)\n\(application.output)")
        #expect(client.output.hasSuffix("ok\n"), "\(client.output)")
        let isOver = await eventually { (troop.status()?.servers ?? []).allSatisfy { $0.inFlight == 0 } }
        #expect(isOver)
    }

    @Test(
        .timeLimit(.minutes(2)),
        .enabled(if: has("chromium") && hasPython, "chromium or python3-websockets is not installed"))
    func aBrowserIsServed() async throws {
        let (troop, application) = try await beginWithApplication()
        let browser = try Tool(
            [
                "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-proxy-server", "--disable-background-networking",
                "--user-data-dir=\(troop.folder)/profile", "http://127.0.0.1:\(troop.proxyPort)/",
            ], log: "\(troop.folder)/browser.log")
        let hasReported = await eventually(within: 60_000) { application.output.contains("verdict: ") }
        #expect(hasReported, "\(browser.output)\n\(application.output)\n\(troop.logs)")
        #expect(application.output.contains("verdict: ok"), "\(application.output)")
    }
}
