import Fixtures
import Glibc
import Linux
import Logging
import Testing

@testable import Peer
@testable import Proxy
@testable import Store

/// Whatever `troop check` finds amiss comes with what to do about it.
@Suite(.timeLimit(.minutes(1))) struct HintTests {
    private static let redis = "redis: {url: 'redis://127.0.0.1:1/0'}"

    /// What is wrong and what to do are two parts of a sentence, or the second says what was expected.
    private func expectHints(_ findings: [Finding], on subjects: Set<String>) {
        let bad = findings.filter { $0.verdict != .fine }
        #expect(subjects.isSubset(of: Set(bad.map(\.subject))), "\(bad)")
        for finding in bad {
            let parts = finding.text.split(separator: "; ")
            let isAdvised = parts.count > 1 || finding.text.contains("expected ")
            #expect(isAdvised && parts.last?.isEmpty == false, "\(finding)")
        }
    }

    private func broken(proxy port: UInt16) throws -> Configuration {
        try configuration(
            """
            cluster: demo
            host: {reboot_command: [/nowhere/reboot]}
            \(HintTests.redis)
            state: /nowhere/state
            api: {socket: /nowhere/agent.sock}
            proxy: {listen: "127.0.0.1:\(port)"}
            vip: {address: 10.0.0.100/24, interface: troop-none}
            hooks: {on_promote: [/nowhere/hook]}
            remediation:
              provider: {kind: exec, command: [/nowhere/provider]}
              steps: {provision: {command: [/nowhere/p]}, production: {command: [/nowhere/q]}}
            """)
    }

    @Test func thisHostsFindingsHaveThem() throws {
        let port = try RedisServer.freePort()
        let listener = try Listening.tcp(try SocketAddress("127.0.0.1:\(port)"))
        defer { _ = close(listener) }
        let settings = try broken(proxy: port)
        let subjects: Set<String> = ["port", "state", "socket", "hooks", "vip"]
        let taken = HostChecks.findings(settings, HostChecks.Known(isServing: false, followers: []))
        expectHints(taken, on: subjects)
        #expect(taken.contains { $0.verdict == .failed && $0.text.contains("127.0.0.1:\(port): ") })
        let known = HostChecks.Known(
            isServing: false, listenFault: "proxy.listen 0.0.0.0:80: Permission denied",
            doorFault: "peer.listen 10.0.0.5:7118: bind: Address already in use", followers: ["vip: no way"])
        expectHints(HostChecks.findings(settings, known), on: subjects.union(["failover"]))
    }

    @Test func thoseOfRemediesHaveThem() async throws {
        let settings = try broken(proxy: 80)
        var parts = ProviderParts(settings, environment: [:])
        let subjects: Set<String> = ["provider", "steps", "reboot"]
        expectHints(await RemedyChecks(settings, parts).findings(), on: subjects)
        parts.fault = "the provider cannot be used: no thread"
        expectHints(await RemedyChecks(settings, parts).findings(), on: subjects)
        let played = try configuration(
            """
            cluster: demo
            \(HintTests.redis)
            remediation:
              playbooks: {provision: /nowhere/provision.yml, production: /nowhere/production.yml}
            """)
        expectHints(
            await RemedyChecks(played, ProviderParts(played, environment: [:])).findings(), on: ["playbooks"])
    }

    @Test func aStoreThatIsNotReachedHasOne() async throws {
        let port = try RedisServer.freePort()
        let settings = try broken(proxy: 80)
        let store = try Store(StoreSettings(url: try StoreURL("redis://127.0.0.1:\(port)")), name: "test") {
            _ in
        }
        let desk = CheckDesk(
            configuration: settings, store: store, keys: Keys(cluster: "demo"), finder: nil,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            known: { HostChecks.Known(isServing: false, followers: []) })
        let document = await desk.document()
        await store.close()
        #expect(!document.storeReachable)
        expectHints(document.findings, on: ["redis"])
        let redis = document.findings.filter { $0.subject == "redis" }.map(\.text)
        #expect(redis.count == 1 && redis[0].contains("; see that it runs, that redis.url names it"))
    }

    @Test func thoseOfSentinelsAndCertificatesHaveThem() {
        let endpoints = (1...4).map { SentinelSettings.Endpoint(host: "10.0.0.\($0)", port: 26_379) }
        let answers: [SentinelWord.Answer] = [
            .unknown, .failed("Connection refused"), .master(endpoints[0]), .master(endpoints[1]),
        ]
        let roll = zip(endpoints, answers).map { SentinelWord(endpoint: $0, answer: $1) }
        let findings = SentinelChecks.findings(roll, master: "mymaster")
        expectHints(findings, on: ["sentinel"])
        #expect(findings.filter { $0.verdict != .fine }.count == 3)
        expectHints(SentinelChecks.findings([], master: "mymaster"), on: ["sentinel"])
        let left: [(seconds: Int64, problem: String?)] = [
            (-1, nil), (86_400, nil), (9_000_000, "no such file"),
        ]
        let certificates = left.map { seconds, problem in
            CertificateSummary(
                files: CertificateFiles(certificate: "/etc/troop/site.pem", key: "/etc/troop/site.key"),
                names: ["example.org"], expiry: 1_800_000_000 + seconds, problem: problem)
        }
        let ends = CertificateChecks.findings(certificates, now: 1_800_000_000)
        expectHints(ends, on: ["certificate"])
        #expect(ends.allSatisfy { $0.verdict != .fine })
    }
}
