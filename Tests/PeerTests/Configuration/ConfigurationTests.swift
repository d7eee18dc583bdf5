import Linux
import Proxy
import Store
import Testing

@testable import Peer

@Suite struct ConfigurationTests {
    private let minimal = "cluster: demo\nredis: {url: 'redis://127.0.0.1:6379/0'}\n"

    @Test func aFullFileGivesWhatItSays() throws {
        var log = AccessLogSettings(.file("/var/log/troop/access.log"))
        log.format = .json
        var forwarding = ForwardingSettings()
        forwarding.trust = [try Network("10.0.0.0/8"), try Network("fd00::1")]
        forwarding.xForwarded = false
        forwarding.forwarded = true
        forwarding.startsTraces = true
        forwarding.via = "edge-1.example_A"
        let expected = Configuration(
            cluster: "demo", host: .init(name: "a", address: "127.0.0.1"),
            peer: .init(listen: try SocketAddress("127.0.0.1:7218")), state: "/srv/troop",
            redis: .init(
                url: try #require(try? StoreURL("rediss://10.0.0.9:6390/3")), user: "troop",
                password: nil,
                tls: .init(
                    caFile: "/etc/troop/ca.pem", certificateFile: "/etc/troop/agent.pem",
                    keyFile: "/etc/troop/agent.key", serverName: "redis.example", verify: false)),
            api: .init(listen: try SocketAddress("127.0.0.1:7217"), socket: "/run/troop/b.sock"),
            server: .init(listen: try SocketAddress("127.0.0.1:3001"), health: "/alive", weight: 50),
            proxy: .init(
                listen: try SocketAddress("127.0.0.1:8081"), workers: 2, run: .leader, maxConnections: 500,
                handoverDrainMilliseconds: 300_000,
                limits: .init(headBytes: 8192, fields: 50, uriBytes: 2048), healthIntervalMilliseconds: 500,
                healthTimeoutMilliseconds: 250, rise: 1,
                fall: 5, connectTimeoutMilliseconds: 300, firstByteTimeoutMilliseconds: 300_000,
                idleTimeoutMilliseconds: 3_600_000, headTimeoutMilliseconds: 3000,
                bodyTimeoutMilliseconds: 4000, accessLog: log, forwarding: forwarding),
            election: .init(
                ttlMilliseconds: 2000, renewMilliseconds: 500, commandTimeoutMilliseconds: 300,
                quarantineMilliseconds: 5000, priority: 70, neverLeads: false),
            metrics: .init(scope: .process(pidFile: "/run/app.pid"), cpuAllowance: 0.5),
            log: .init(level: .debug), warnings: [])
        #expect(try configuration(fullFile) == expected)
    }

    @Test func whatIsNotGivenHasItsDefault() throws {
        var forwarding = ForwardingSettings()
        forwarding.requestID = true
        let expected = Configuration(
            cluster: "demo", host: .init(name: "box", address: "10.0.0.5"),
            peer: .init(listen: try SocketAddress("10.0.0.5:7118")), state: "/var/lib/troop",
            redis: .init(
                url: try #require(try? StoreURL("redis://127.0.0.1:6379/0")), user: nil,
                password: nil, tls: .init(verify: true)),
            api: .init(listen: try SocketAddress("127.0.0.1:7117"), socket: "/run/troop/agent.sock"),
            server: nil,
            proxy: .init(
                listen: try SocketAddress("0.0.0.0:8080"), workers: 4, run: .leader, maxConnections: 20_000,
                handoverDrainMilliseconds: 300_000,
                limits: .init(headBytes: 16_384, fields: 100, uriBytes: 8192),
                healthIntervalMilliseconds: 2000, healthTimeoutMilliseconds: 1000,
                rise: 2, fall: 3, connectTimeoutMilliseconds: 1000, firstByteTimeoutMilliseconds: 30_000,
                idleTimeoutMilliseconds: 60_000, headTimeoutMilliseconds: 10_000,
                bodyTimeoutMilliseconds: 30_000, accessLog: nil, forwarding: forwarding),
            election: .init(
                ttlMilliseconds: 1000, renewMilliseconds: 250, commandTimeoutMilliseconds: 200,
                quarantineMilliseconds: 2000, priority: 50, neverLeads: false),
            metrics: .init(scope: .host, cpuAllowance: nil), log: .init(level: .info), warnings: [])
        #expect(try configuration(minimal) == expected)
    }

    @Test func aServerSectionHasDefaultsOfItsOwn() throws {
        let read = try configuration(minimal + "server: {listen: '0.0.0.0:3000'}")
        #expect(
            read.server
                == .init(listen: try SocketAddress("0.0.0.0:3000"), health: "/healthz", weight: 100))
    }

    @Test func thePeerListensOnAnIPv6Host() throws {
        let read = try configuration(minimal + "host: {address: FD00:0::5}")
        #expect(read.host.address == "fd00::5")
        #expect(read.peer.listen.description == "[fd00::5]:7118")
    }

    @Test func theEnvironmentGoesOverTheFile() throws {
        let read = try configuration(
            fullFile,
            [
                "TROOP_CLUSTER": "other", "TROOP_REDIS_URL": "rediss://h:1/2", "TROOP_ELECTION_TTL": "3s",
                "TROOP_REDIS_TLS_VERIFY": "true", "TROOP_PROXY_FIRST_BYTE_TIMEOUT": "7s",
                "TROOP_STATE": "/s",
                "TROOP_METRICS_SCOPE": "host", "TROOP_HOST_NAME": "", "TROOP_SERVER_WEIGHT": "7",
            ])
        #expect(read.cluster == "other")
        #expect(read.redis.url.description == "rediss://h:1/2")
        #expect(read.redis.tls.verify)
        #expect(read.election.ttlMilliseconds == 3000)
        #expect(read.election.renewMilliseconds == 500)
        #expect(read.proxy.firstByteTimeoutMilliseconds == 7000)
        #expect(read.state == "/s")
        #expect(read.metrics.scope == .host)
        #expect(read.host.name == "a", "an empty variable counts as not given")
        #expect(read.server?.weight == 7)
    }

    @Test func theEnvironmentAloneCanMakeASection() throws {
        let read = try configuration(minimal, ["TROOP_SERVER_LISTEN": "127.0.0.1:3000"])
        #expect(read.server?.listen.port == 3000)
    }

    @Test func everyVariableBelongsToOneOption() {
        let variables = OptionTable.troop.options.map(\.variable)
        #expect(Set(variables).count == variables.count)
        #expect(variables.contains("TROOP_REDIS_TLS_CA_FILE"))
        #expect(!variables.contains("TROOP_SOCKET"), "that one belongs to the command line")
    }

    @Test(arguments: [
        ("proxy: {forwarded: {trust: [10.0.0.0/8, fd00::1]}}", ["10.0.0.0/8", "fd00::1/128"]),
        ("proxy: {forwarded: {trust: '10.0.0.0/8 , 192.0.2.1'}}", ["10.0.0.0/8", "192.0.2.1/32"]),
        ("proxy: {forwarded: {trust: []}}", []),
    ])
    func trustedNetworksAreAListOrATextWithCommas(_ text: String, _ networks: [String]) throws {
        let read = try configuration(minimal + text)
        #expect(read.proxy.forwarding.trust.map(\.description) == networks)
    }

    @Test func aVariableMayHoldAList() throws {
        let read = try configuration(minimal, ["TROOP_PROXY_FORWARDED_TRUST": "10.0.0.0/8,::1"])
        #expect(read.proxy.forwarding.trust.map(\.description) == ["10.0.0.0/8", "::1/128"])
    }

    @Test(arguments: ["''", "a b", "troop,", "tröop", "a\"b", String(repeating: "x", count: 65)])
    func whatTheProxyCallsItselfIsAPlainName(_ name: String) {
        #expect(throws: ConfigurationFault.self) {
            try configuration(minimal + "proxy: {via: \(name.first == "'" ? name : "'\(name)'")}")
        }
    }

    @Test func theAccessLogMayGoToStandardOutput() throws {
        let read = try configuration(minimal + "proxy: {access_log: {path: stdout}}")
        #expect(read.proxy.accessLog == AccessLogSettings(.standardOutput))
    }

    @Test(arguments: [
        ("TROOP_ELECTON_TTL", "TROOP_ELECTION_TTL"), ("TROOP_CLUSTR", "TROOP_CLUSTER"),
        ("TROOP_REDIS_PASSWROD", "TROOP_REDIS_PASSWORD"),
    ])
    func aMisspeltVariableIsToldWithoutItsValue(_ given: String, _ meant: String) throws {
        let read = try configuration(minimal, [given: "hunter2"])
        #expect(
            read.warnings == ["environment:\(given): unknown variable, ignored; did you mean \(meant)?"])
    }

    @Test(arguments: ["TROOP_SOCKET", "TROOP_SOMETHING_OF_YOURS", "TTROOP_CLUSTER", "PATH"])
    func otherVariablesAreNoConcern(_ name: String) throws {
        #expect(try configuration(minimal, [name: "x"]).warnings == [])
    }

    @Test func theMachineIsAskedForWhatIsNotGiven() {
        let machine = Machine.current()
        #expect(machine.cores >= 1)
        #expect((try? SocketAddress(host: machine.address, port: 1)) != nil)
        #expect(!machine.name.isEmpty)
    }
}
