import Fixtures
import Glibc
import Testing

/// The alerts and the dashboard of examples/ ask for metrics that there are.
@Suite(.timeLimit(.minutes(2))) struct MonitoringExamplesTests {
    private static func text(_ path: String) -> String { RedisServer.text(of: Repository.path(path)) }

    /// Words that begin as a metric of an agent does.
    private static func metrics(in text: String) -> Set<String> {
        let words = text.split { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_")) }
        let names = words.map(String.init).filter { word in
            ["troop_", "node_", "process_"].contains { word.hasPrefix($0) }
        }
        return Set(names)
    }

    /// docs/metrics.md is held against the code by its own test.
    private static func known() -> Set<String> {
        var names: Set<String> = []
        for line in text("docs/metrics.md").split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.filter { !" `".contains($0) } }
            names.insert(cells[0])
            if cells[1] == "histogram" {
                names.formUnion(["_bucket", "_sum", "_count"].map { cells[0] + $0 })
            }
        }
        return names
    }

    @Test(arguments: ["examples/prometheus/troop.rules.yml", "examples/grafana/troop.json"])
    func nothingIsAskedForThatNoAgentTells(_ path: String) {
        let asked = MonitoringExamplesTests.metrics(in: MonitoringExamplesTests.text(path))
        #expect(asked.count > 15)
        #expect(asked.subtracting(MonitoringExamplesTests.known()) == [])
    }

    @Test func eachAlertIsExplained() {
        let rules = MonitoringExamplesTests.text("examples/prometheus/troop.rules.yml")
        let page = MonitoringExamplesTests.text("docs/operations.md")
        let alerts = rules.split(separator: "\n").filter { $0.contains("- alert: ") }
            .compactMap { $0.split(separator: " ").last }
        #expect(alerts.count > 15)
        for alert in alerts { #expect(page.contains("| `\(alert)` |"), "\(alert)") }
    }

    @Test(.enabled(if: Promtool.path != nil, "\(Promtool.need)"))
    func promtoolFiresThemAsExpected() throws {
        let promtool = try #require(Promtool.path)
        var template = Array("/tmp/troop-rules-XXXXXX".utf8CString)
        #expect(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { RedisServer.removeFolder(folder) }
        let tests = Repository.path("examples/prometheus/troop.test.yml")
        try RedisServer.write(
            "\(promtool) test rules \(tests); echo status $?", to: "\(folder)/check")
        try RedisServer.runToEnd(["/bin/sh", "\(folder)/check"], log: "\(folder)/log")
        let log = RedisServer.text(of: "\(folder)/log")
        #expect(log.contains("SUCCESS") && log.contains("status 0"), "\(log)")
    }
}
