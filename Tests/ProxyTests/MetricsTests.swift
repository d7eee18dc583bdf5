import Glibc
import Linux
import Testing

@testable import Metrics
@testable import Proxy

/// What the proxy has counted, as Prometheus reads it.
@Suite(.timeLimit(.minutes(5))) struct MetricsTests {
    private struct Line: Equatable {
        var name: String
        var labels: [String: String] = [:]
        var value: Double
    }

    private struct Unreadable: Error { let line: String }

    /// Reads the text format, strictly: help, then type, then samples of that family only.
    private func read(_ text: String) throws -> (types: [String: String], lines: [Line]) {
        var types: [String: String] = [:]
        var lines: [Line] = []
        var family = ""
        var helped = ""
        #expect(text.hasSuffix("\n"))
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            if line.hasPrefix("# HELP ") {
                guard words.count == 4 else { throw Unreadable(line: String(line)) }
                helped = words[2]
            } else if line.hasPrefix("# TYPE ") {
                guard words.count == 4, helped == words[2], types[words[2]] == nil else {
                    throw Unreadable(line: String(line))
                }
                family = words[2]
                types[family] = words[3]
            } else {
                let sample = try read(line: String(line))
                let suffixes = types[family] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
                guard suffixes.contains(where: { sample.name == family + $0 }) else {
                    throw Unreadable(line: String(line))
                }
                lines.append(sample)
            }
        }
        return (types, lines)
    }

    private func read(line: String) throws -> Line {
        guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...])
        else {
            throw Unreadable(line: line)
        }
        let series = line[..<space]
        guard let open = series.firstIndex(of: "{") else { return Line(name: String(series), value: value) }
        guard series.last == "}" else { throw Unreadable(line: line) }
        var labels: [String: String] = [:]
        var rest = series[series.index(after: open)...].dropLast()
        while !rest.isEmpty {
            guard let equals = rest.firstIndex(of: "="), rest[equals...].hasPrefix("=\"") else {
                throw Unreadable(line: line)
            }
            let name = String(rest[..<equals])
            rest = rest[equals...].dropFirst(2)
            var text = ""
            while let next = rest.popFirst(), next != "\"" {
                guard next == "\\" else {
                    text.append(next)
                    continue
                }
                switch rest.popFirst() {
                case "n": text.append("\n")
                case "\\": text.append("\\")
                case "\"": text.append("\"")
                case let other: throw Unreadable(line: "\(line): \(String(describing: other))")
                }
            }
            labels[name] = text
            if rest.first == "," { rest = rest.dropFirst() }
        }
        return Line(name: String(series[..<open]), labels: labels, value: value)
    }

    private func text(_ families: [MetricFamily]) -> String {
        String(decoding: MetricsText.bytes(of: families), as: UTF8.self)
    }

    @Test func hostileLabelsAndHelpAreEscaped() throws {
        var family = MetricFamily("troop_x", .gauge, "a\nb\\c \"d\"")
        let value = "q\"b\\s\nn{}=,ü"
        family.add(1.5, [("one", value), ("two", "")])
        let text = text([family])
        #expect(text.hasPrefix("# HELP troop_x a\\nb\\\\c \"d\"\n# TYPE troop_x gauge\n"))
        let (_, lines) = try read(text)
        #expect(lines == [Line(name: "troop_x", labels: ["one": value, "two": ""], value: 1.5)])
    }

    @Test(arguments: [
        (0.0, "0"), (3, "3"), (0.000128, "0.000128"), (1e300, "1e+300"), (-2.5, "-2.5"), (.infinity, "+Inf"),
        (-.infinity, "-Inf"), (.nan, "NaN"), (9_007_199_254_740_992, "9007199254740992.0"),
    ])
    func numbersAreWrittenForGo(_ value: Double, _ text: String) {
        let page = self.text([MetricFamily("troop_x", .gauge, "X", value)])
        #expect(page == "# HELP troop_x X\n# TYPE troop_x gauge\ntroop_x \(text)\n")
    }

    @Test(arguments: [
        (0, 0), (1, 0), (128_000, 0), (128_001, 1), (256_000, 1), (256_001, 2), (16_777_216_000, 17),
        (16_777_216_001, 18), (Int64.max, 18), (-5, 0),
    ])
    func aDurationFallsIntoTheBucketOfItsBound(_ nanoseconds: Int64, _ bucket: Int) {
        let histogram = DurationHistogram(base: ZeroedMemory.allocate(DurationHistogram.words))
        defer { free(histogram.base) }
        histogram.record(nanoseconds)
        var sum = DurationHistogram.noCounts
        histogram.add(to: &sum)
        #expect(sum.counts.firstIndex(of: 1) == bucket && sum.counts.reduce(0, +) == 1)
        #expect(sum.nanoseconds == UInt64(max(0, nanoseconds)))
        if bucket < DurationHistogram.boundsInSeconds.count, nanoseconds >= 0 {
            #expect(Double(nanoseconds) / 1e9 <= DurationHistogram.boundsInSeconds[bucket])
        }
    }

    @Test func whatHappenedIsCounted() async throws {
        let backend = try Backend.echoing("hello")
        let dead = try Rig.deadAddress()
        let rig = try Rig([backend.address, dead])
        for _ in 0..<10 { #expect(rig.get()?.status == 200) }
        let wire = rig.connect()
        wire.send("nonsense\r\n\r\n")
        #expect(wire.readMessage()?.status == 400)
        let (types, lines) = try read(text(ProxyMetrics.families(rig.proxy.snapshot())))
        func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
            lines.first { $0.name == name && $0.labels == labels }?.value
        }
        let live = ["server": "\(backend.address)"]
        #expect(value("troop_proxy_listening") == 1)
        #expect(value("troop_proxy_requests_total") == 10)
        #expect(value("troop_proxy_requests_refused_total") == 1)
        #expect(value("troop_proxy_responses_total", ["class": "2xx"]) == 10)
        #expect(value("troop_proxy_responses_total", ["class": "4xx"]) == 1)
        #expect(value("troop_proxy_server_requests_total", live) == 10)
        #expect(value("troop_proxy_server_response_seconds_count", live) == 10)
        let bound = live.merging(["le": "+Inf"]) { $1 }
        #expect(value("troop_proxy_server_response_seconds_bucket", bound) == 10)
        #expect((value("troop_proxy_server_response_seconds_sum", live) ?? 0) > 0)
        #expect(value("troop_proxy_server_state", live.merging(["state": "active"]) { $1 }) == 1)
        #expect(value("troop_proxy_server_state", live.merging(["state": "out"]) { $1 }) == 0)
        #expect(value("troop_proxy_server_info", live.merging(["host": "test"]) { $1 }) == 1)
        let retries = try #require(value("troop_proxy_retries_total"))
        #expect(retries > 0)
        #expect(value("troop_proxy_server_errors_total", ["server": "\(dead)"]) == retries)
        // Prometheus' own rules for names (promtool check metrics).
        for (name, type) in types {
            #expect(name.hasPrefix("troop_proxy_"))
            #expect(name.hasSuffix("_total") == (type == "counter"), "\(name)")
            #expect(!name.contains("milli") && !name.contains("micro"))
        }
    }

    @Test func bucketsOnlyGrow() throws {
        var family = MetricFamily("troop_seconds", .histogram, "Some")
        family.add(bounds: [0.1, 0.2], counts: [3, 0, 2], sum: 1.25, [("a", "b")])
        let (_, lines) = try read(text([family]))
        #expect(
            lines == [
                Line(name: "troop_seconds_bucket", labels: ["a": "b", "le": "0.1"], value: 3),
                Line(name: "troop_seconds_bucket", labels: ["a": "b", "le": "0.2"], value: 3),
                Line(name: "troop_seconds_bucket", labels: ["a": "b", "le": "+Inf"], value: 5),
                Line(name: "troop_seconds_sum", labels: ["a": "b"], value: 1.25),
                Line(name: "troop_seconds_count", labels: ["a": "b"], value: 5),
            ])
    }
}
