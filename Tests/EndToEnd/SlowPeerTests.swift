import Fixtures
import Glibc
import Linux
import Peer
import Testing
import Transfer

/// Slow clients and servers cost the proxy a few small buffers each, however much there is to be sent.
@Suite(.serialized) struct SlowPeerTests {
    /// A block of the proxy's: a head of 16 KiB, what it may grow by, and where 100 fields are.
    private static let blockBytes = 20 * 1024
    /// What a connection takes besides: its places in the tables of clients and servers, its line of the log.
    private static let placeBytes = 4 * 1024
    /// What an agent's memory comes and goes by when nothing of this happens.
    private static let slackBytes = 8 * 1024 * 1024
    /// What libssl may take for a connection: two buffers of a record each, 17 KiB, since a record is on its way in
    /// either direction, as much as both for the session with its keys and ciphers, of which it takes about half.
    private static let sessionBytes = 64 * 1024
    private static let plainSize = SlowCrowd.Size(readers: 500)
    private static let secureSize = SlowCrowd.Size(readers: 120)
    /// What the test's and the agent's connections need.
    private static let descriptors = 4 * plainSize.all

    /// The bound that docs/http.md states, with so much for the session of each.
    private static func mostBytes(_ size: SlowCrowd.Size, session: Int) -> Int {
        SlowCrowd.Kind.allCases.map { size.count($0) * ($0.blocks * blockBytes + placeBytes + session) }
            .reduce(0, +)
    }

    private static var hasDescriptors: Bool {
        DescriptorLimit.raise(to: descriptors)
        var limit = rlimit()
        let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        return isKnown && limit.rlim_cur >= rlim_t(descriptors)
    }

    /// An agent without an application of its own, whose time limits nothing here reaches.
    private struct Stage {
        let lone: LoneAgent
        let agent: Program

        /// `tls` are further lines for the proxy.
        init(tls: [String]) throws {
            lone = try LoneAgent()
            agent = try lone.start(
                proxy: [
                    "workers: 2", "head_timeout: 1h", "body_timeout: 1h", "first_byte_timeout: 1h",
                    "access_log: {path: \(lone.folder)/access.log}",
                ] + tls)
        }

        /// What the process has of memory that is nobody else's.
        var privateBytes: Int {
            let line = Program.text(of: "/proc/\(agent.id)/status").split(separator: "\n").first {
                $0.hasPrefix("RssAnon:")
            }
            let words = line?.split { $0 == " " || $0 == "\t" } ?? []
            return (words.count > 1 ? Int(words[1]) : nil).map { $0 * 1024 } ?? .max
        }

        /// A number of `GET /metrics`.
        func metric(_ name: String) -> Int? {
            var transfer = Transfer(url: "http://127.0.0.1:\(lone.apiPort)/metrics")
            transfer.timeoutMilliseconds = 3000
            guard let answer = try? transfer.perform(), answer.status == 200 else { return nil }
            let text = String(decoding: answer.body, as: UTF8.self)
            guard let place = text.firstRange(of: "\n\(name) ") else { return nil }
            return Int(text[place.upperBound...].prefix { $0.isNumber })
        }

        /// True when somebody who is not slow is served.
        func serves() -> Bool {
            var transfer = Transfer(url: "http://127.0.0.1:\(lone.port)/")
            transfer.timeoutMilliseconds = 5000
            guard let answer = try? transfer.perform() else { return false }
            return answer.status == 200 && answer.body == Array("well".utf8)
        }
    }

    /// Waits until a crowd that came after `earlier` has got all that it gets, and returns the most memory that was seen
    /// meanwhile.
    private func fill(
        _ crowd: SlowCrowd, _ stage: Stage, _ server: ReluctantServer, since earlier: ReluctantServer.Tally,
        before: Int
    ) async -> Int {
        var most = 0
        for _ in 0..<40 {
            crowd.goOn()
            #expect(stage.serves(), "\(stage.agent.output)")
            most = max(most, stage.privateBytes)
        }
        let isFull = await eventually(within: 30_000) {
            let (tally, sent) = (server.tally, stage.metric("troop_proxy_received_bytes_total"))
            crowd.goOn()
            try? await Task.sleep(for: .milliseconds(200))
            most = max(most, stage.privateBytes)
            // The kernel's buffers are full both ways: nothing but drops moves.
            let drops = crowd.size.count(.sendsBody)
            return server.tally.moved - tally.moved <= 2 * drops && sent != nil
                && tally.floods - earlier.floods == crowd.size.count(.reads)
                && tally.drips - earlier.drips == crowd.size.count(.sendsBody)
                && tally.deaf - earlier.deaf == crowd.size.count(.uploads)
                && (stage.metric("troop_proxy_connections") ?? 0) >= crowd.size.all
        }
        #expect(isFull, "\(server.tally) \(stage.agent.output)")
        return most - before
    }

    /// A stage that leads and serves, for which all is there that is made on first use.
    private func serving(_ server: ReluctantServer, tls: [String] = []) async throws -> Stage {
        let stage = try Stage(tls: tls)
        let leads = await eventually(within: 20_000) { stage.metric("troop_proxy_listening") == 1 }
        try #require(leads, "\(stage.agent.output)")
        let (code, output) = try Program.run(
            ["servers", "add", server.listener.address], environment: stage.lone.environment)
        try #require(code == 0, "\(output)")
        let isServed = await eventually { stage.serves() }
        try #require(isServed, "\(stage.agent.output)")
        for _ in 0..<200 { #expect(stage.serves()) }
        return stage
    }

    /// Has two crowds come and go, and holds what they took against the bound.
    private func measure(_ stage: Stage, _ server: ReluctantServer, most: Int, _ come: () throws -> SlowCrowd)
        async throws
    {
        let before = stage.privateBytes
        var growths: [Int] = []
        for round in 0..<2 {
            let earlier = server.tally
            let crowd = try come()
            let growth = await fill(crowd, stage, server, since: earlier, before: before)
            growths.append(growth)
            print(
                "  round \(round): \(crowd.size.all) slow peers took \(growth / 1024) KiB,",
                "\(growth / crowd.size.all) bytes each; the bound is \(most / 1024) KiB")
            #expect(growth <= most + Self.slackBytes)
            crowd.leave()
            let isEmpty = await eventually(within: 20_000) {
                (stage.metric("troop_proxy_connections") ?? .max) <= 1 && stage.serves()
            }
            #expect(isEmpty, "\(stage.agent.output)")
        }
        // The buffers of those who left serve the next ones.
        #expect(growths.count == 2 && growths[1] <= growths[0] + Self.slackBytes)
        stage.agent.signal(SIGTERM)
        #expect(stage.agent.wait() == 0, "\(stage.agent.output)")
    }

    @Test(
        .timeLimit(.minutes(4)),
        .enabled(if: hasDescriptors, "thousands of connections need 'ulimit -n' of 5000"))
    func theyCostAFewSmallBuffersEach() async throws {
        let server = try ReluctantServer()
        defer { server.stop() }
        let stage = try await serving(server)
        try await measure(stage, server, most: Self.mostBytes(Self.plainSize, session: 0)) {
            try SlowCrowd(Self.plainSize, to: stage.lone.port)
        }
    }

    @Test(.timeLimit(.minutes(3))) func byTLSTheyCostARecordEachWayBesides() async throws {
        let server = try ReluctantServer()
        defer { server.stop() }
        let certificates = try TestCertificates()
        let port = try RedisServer.freePort()
        let stage = try await serving(
            server,
            tls: [
                "tls:", "  listen: \"127.0.0.1:\(port)\"",
                "  certificates: [\(certificates.certificate("server"))]",
                "  keys: [\(certificates.key("server"))]",
            ])
        let trust = try LoadTrust(authority: certificates.certificate("ca"))
        let most = Self.mostBytes(Self.secureSize, session: Self.sessionBytes)
        try await measure(stage, server, most: most) {
            try SlowCrowd(Self.secureSize, to: port, trust: trust)
        }
    }
}
