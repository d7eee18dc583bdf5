import Election
import Fixtures
import Glibc
import Linux
import Proxy
import Store
import Testing

@testable import Metrics
@testable import Peer

/// Every family that an agent tells to Prometheus, against docs/metrics.md and Prometheus' own rules.
@Suite(.timeLimit(.minutes(2))) struct MetricsPageTests {
    /// The families of an agent whose proxy knows one server.
    private func families() async throws -> [MetricFamily] {
        let proxy = try Proxy(ProxySettings(listen: SocketAddress("127.0.0.1:9"), workers: 1))
        defer { proxy.stop() }
        proxy.publish([RoutedServer(address: try SocketAddress("127.0.0.1:9"), host: "a")])
        let watch = try HostWatch(scope: .host)
        defer { watch.stop() }
        // File systems are told once the first round of questions is through.
        let isThrough = await eventually(within: 10_000) {
            watch.sample(at: .now(), thorough: true).slow.filesystems != nil
        }
        #expect(isThrough)
        let store = try Store(StoreSettings(url: StoreURL("redis://127.0.0.1:1/0")), name: "page") { _ in }
        let tally = ElectionTally(LatePlace(), leaseMilliseconds: 1000) { (nil, nil) }
        return await MetricsRoutes.families(
            proxy: proxy,
            sources: [
                AgentMetrics(watch: watch, store: store.meter, ticks: TickMeter()), tally,
                HistoryKeeper(budgetBytes: 1 << 20), RemedyTally(),
                CertificateMetrics(proxy: proxy), ApplicationMetrics(checker: nil, address: nil),
            ])
    }

    @Test func thePageNamesEveryMetric() async throws {
        let path = Repository.path("docs/metrics.md")
        let page = RedisServer.text(of: path)
        let isRow = { (line: Substring) in
            ["| `troop_", "| `node_", "| `process_"].contains { line.hasPrefix($0) }
        }
        let expected = try await families().sorted { $0.name < $1.name }.map { family in
            var labels = Set(family.samples.flatMap { $0.labels.map(\.name) })
            if family.kind == .histogram { labels.insert("le") }
            labels.formUnion(MetricsPageTests.labels(family.name))
            let list = labels.sorted().map { "`\($0)`" }.joined(separator: ", ")
            return "| `\(family.name)` | \(family.kind.rawValue) | \(list) | \(family.help) |"
        }
        let lines = page.split(separator: "\n", omittingEmptySubsequences: false)
        if getenv("TROOP_TEST_WRITE_DOCS") != nil {
            var kept = lines.filter { !isRow($0) }.map(String.init)
            let rule = try #require(kept.firstIndex { $0.hasPrefix("|---|---|---|---|") })
            kept.insert(contentsOf: expected, at: rule + 1)
            if kept.last == "" { kept.removeLast() }
            try RedisServer.write(kept.joined(separator: "\n"), to: path)
            return
        }
        #expect(lines.filter(isRow).map(String.init) == expected)
    }

    /// The labels of families that may have no sample on the machine of the tests.
    private static func labels(_ name: String) -> Set<String> {
        if name.hasPrefix("node_disk_") || name.hasPrefix("node_network_") { return ["device"] }
        if name.hasPrefix("node_filesystem_") { return ["device", "fstype", "mountpoint"] }
        if name == "troop_operations" { return ["kind"] }
        if name == "troop_policy_mode" { return ["policy", "mode"] }
        if name == "troop_policy_wishes" { return ["policy"] }
        if name == "troop_policy_held_back" { return ["policy", "guard"] }
        if name == "troop_proxy_certificate_expiry_timestamp_seconds" { return ["certificate"] }
        if name == "troop_proxy_server_pressure_ratio" { return ["server"] }
        if name == "troop_proxy_listener_requests_refused_total" { return ["listener", "reason"] }
        if name == "troop_proxy_malformed_messages_total" { return ["message", "reason"] }
        return []
    }

    @Test func namesFollowPrometheusRules() async throws {
        let families = try await families()
        #expect(Set(families.map(\.name)).count == families.count, "no name twice")
        for family in families {
            #expect(family.name.hasSuffix("_total") == (family.kind == .counter), "\(family.name)")
            #expect(family.name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
            #expect(!family.help.isEmpty && !family.help.hasSuffix("."), "\(family.name)")
            #expect(!family.name.contains("milli") && !family.name.contains("micro"))
        }
        // In OpenMetrics a counter gives up its suffix: the names must still differ.
        let cut = families.map { $0.kind == .counter ? String($0.name.dropLast(6)) : $0.name }
        #expect(Set(cut).count == cut.count)
    }

    @Test(.enabled(if: Promtool.path != nil, "\(Promtool.need)"))
    func promtoolHasNoComplaint() async throws {
        let text = String(decoding: MetricsText.bytes(of: try await families()), as: UTF8.self)
        #expect(try Promtool.complaints(about: text) == [])
    }
}
