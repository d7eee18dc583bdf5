import Fixtures
import Linux
import Testing

@testable import Store

/// Real servers and real Sentinels: the master dies or is replaced, and every kind of connection finds the new one.
@Suite(.serialized) struct SentinelTests {
    /// A master and its replica in step.
    private func pair() async throws -> (master: RedisServer, replica: RedisServer) {
        let master = try RedisServer(configuration: ["repl-diskless-sync-delay 0"])
        let replica = try RedisServer(configuration: ["replicaof 127.0.0.1 \(master.port)"])
        let isInStep = try await eventually {
            try replica.command("INFO", "replication").contains("master_link_status:up")
        }
        try #require(isInStep)
        return (master, replica)
    }

    private func settings(
        _ sentinels: [UInt16], master: String = "mymaster", timeout: Int64 = 2000,
        _ change: (inout SentinelSettings) -> Void = { _ in }
    ) throws -> StoreSettings {
        var sentinel = SentinelSettings(
            endpoints: sentinels.map { SentinelSettings.Endpoint(host: "127.0.0.1", port: $0) },
            master: master)
        change(&sentinel)
        return StoreSettings(
            url: try StoreURL("redis://mymaster"), commandTimeoutMilliseconds: timeout,
            connectTimeoutMilliseconds: timeout, name: "test", sentinel: MasterFinder(sentinel))
    }

    private func port(_ connection: StoreConnection) throws -> Int64? {
        let reply = try connection.call(Command("CONFIG", "GET", "port"), until: soon())
        return reply.elements?.last?.integer
    }

    /// Waits until the Sentinel knows the replica that it is to promote.
    private func knowsReplica(_ port: UInt16) async throws {
        let own = try settings([port])
        let sentinel = try #require(own.sentinel).settings.store(
            at: .init(host: "127.0.0.1", port: port), name: "test", timeoutMilliseconds: 2000)
        let connection = try StoreConnection.open(sentinel, until: soon())
        let isKnown = try await eventually {
            let reply = try connection.call(Command("SENTINEL", "replicas", "mymaster"), until: soon())
            return reply.elements?.first?.elements?.contains { $0.text == "ok" } ?? false
        }
        try #require(isKnown, "the Sentinel does not know the replica")
    }

    @Test(.timeLimit(.minutes(1))) func theMasterIsFoundPastSilentSentinels() async throws {
        let (master, _) = try await pair()
        let frozen = try SentinelServer(at: master.port)
        let gone = try SentinelServer(at: master.port)
        let alive = try SentinelServer(at: master.port)
        gone.stop()
        frozen.pause()
        let settings = try settings([frozen.port, gone.port, alive.port])
        #expect(try port(try StoreConnection.open(settings, until: soon())) == Int64(master.port))
        #expect(settings.sentinel?.place?.port == master.port)
        // Who told is asked first from now on: with the others silent a short time is enough.
        #expect(try port(try StoreConnection.open(settings, until: soon(150))) == Int64(master.port))
    }

    @Test(.timeLimit(.minutes(1))) func anUnknownNameAndSilenceAreDifferentFaults() async throws {
        let (master, _) = try await pair()
        let sentinel = try SentinelServer(at: master.port)
        let unknown = try settings([sentinel.port], master: "other")
        let expected = StoreFault.unknownMaster("'other' is unknown to 127.0.0.1:\(sentinel.port)")
        #expect(throws: expected) { try StoreConnection.open(unknown, until: soon()) }
        #expect(expected.kind == .configuration)
        sentinel.stop()
        let silent = #expect(throws: StoreFault.self) { try StoreConnection.open(unknown, until: soon()) }
        #expect(silent?.kind == .retry)
        #expect(silent?.description.contains("no Sentinel tells who is the master") == true)
    }

    @Test func aReplicaIsNeverTakenForTheMaster() async throws {
        let (_, replica) = try await pair()
        let address = "*2\r\n$9\r\n127.0.0.1\r\n$\("\(replica.port)".utf8.count)\r\n\(replica.port)\r\n"
        let liar = try FakeServer([.take, .give(FakeServer.ok), .take, .give(Array(address.utf8)), .hold])
        let settings = try settings([liar.port])
        let fault = #expect(throws: StoreFault.self) { try StoreConnection.open(settings, until: soon()) }
        #expect(fault?.description.contains("is not the master (yet)") == true)
        #expect(settings.sentinel?.place == nil)
    }

    @Test(.timeLimit(.minutes(2))) func everyConnectionFollowsAFailover() async throws {
        let (master, replica) = try await pair()
        let sentinel = try SentinelServer(at: master.port)
        try await knowsReplica(sentinel.port)
        let settings = try settings([sentinel.port])
        let store = try Store(settings, name: "test") { _ in }
        let events = Record<Subscription.Event>()
        let subscription = Subscription(settings, channels: ["news"]) { events.add($0) }
        try subscription.start()
        defer { subscription.stop() }
        #expect(try await store.call(Command("SET", "k", "v")) == .status("OK"))
        #expect(await eventually { events.all == [.subscribed] })
        master.stop()
        let writes = await eventually(within: 20_000) {
            (try? await store.call(Command("SET", "k", "w"))) == .status("OK")
        }
        #expect(writes, "\(sentinel.log)")
        #expect(settings.sentinel?.place?.port == replica.port)
        #expect(try replica.command("GET", "k") == "$1\r\nw\r\n")
        let isHeard = try await eventually {
            try replica.command("PUBLISH", "news", "here")
            return events.all.last == .message(channel: "news", payload: "here")
        }
        #expect(isHeard)
        await store.close()
    }

    /// The old master lives on and answers: only the Sentinels' word ends the connections to it.
    @Test(.timeLimit(.minutes(2))) func aSwitchEndsConnectionsToAMasterThatLivesOn() async throws {
        let (master, replica) = try await pair()
        let sentinel = try SentinelServer(at: master.port)
        try await knowsReplica(sentinel.port)
        let settings = try settings([sentinel.port])
        let connection = try StoreConnection.open(settings, until: soon())
        let switches = Record<Int>()
        let watch = try #require(MasterWatch(settings) { switches.add(1) })
        try watch.start()
        defer { watch.stop() }
        let own = try #require(settings.sentinel).settings.store(
            at: .init(host: "127.0.0.1", port: sentinel.port), name: "test", timeoutMilliseconds: 2000)
        let person = try StoreConnection.open(own, until: soon())
        #expect(connection.isUsable())
        _ = try person.call(Command("SENTINEL", "FAILOVER", "mymaster"), until: soon())
        #expect(await eventually(within: 20_000) { switches.all == [1] }, "\(sentinel.log)")
        #expect(!connection.isUsable())
        #expect(settings.sentinel?.place?.port == replica.port)
        #expect(try port(try StoreConnection.open(settings, until: soon())) == Int64(replica.port))
    }

    @Test(.timeLimit(.minutes(1))) func sentinelsMayAskForTLSAndAPasswordOfTheirOwn() async throws {
        let certificates = try TestCertificates()
        let (master, _) = try await pair()
        let sentinel = try SentinelServer(at: master.port, password: "s3cret", tls: certificates.files())
        func attempt(_ change: (inout SentinelSettings) -> Void) throws -> StoreConnection {
            try StoreConnection.open(try settings([sentinel.port], change), until: soon())
        }
        let tls = TLSSettings(authorityFile: certificates.certificate("ca"))
        let connection = try attempt {
            $0.usesTLS = true
            $0.tls = tls
            $0.secret = Secret("s3cret")
        }
        #expect(try port(connection) == Int64(master.port))
        let unsigned = #expect(throws: StoreFault.self) {
            try attempt {
                $0.usesTLS = true
                $0.tls = tls
            }
        }
        #expect(unsigned?.description.contains("NOAUTH") == true)
        let plain = #expect(throws: StoreFault.self) { try attempt { $0.secret = Secret("s3cret") } }
        #expect(plain != nil)
        #expect(!"\(String(describing: unsigned)) \(String(describing: plain))".contains("s3cret"))
    }
}
