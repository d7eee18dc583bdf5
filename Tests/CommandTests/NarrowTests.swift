import Peer
import Testing

@testable import troop

/// A status as an agent tells it, with ordinary values.
private func status(host: String = "web-1", server: String = "10.0.0.11:3000") throws -> Status {
    let text = #"""
        {"cluster": "\#(host)", "store": {"reachable": true}, "notices": [],
        "agent": {"host": "a", "version": "1", "election": "leader", "serving": true, "proxy": ""},
        "leader": {"host": "\#(host)", "epoch": 12},
        "hosts": [{"name": "\#(host)", "address": "10.0.0.11", "role": "standby", "state": "up", "cpu": 0.125,
            "steal": 0.01, "iowait": 0.02, "cores": 4, "memory": 0.4, "memory_total_bytes": 2147483648,
            "memory_available_bytes": 1073741824, "load1": 0.5, "load5": 0.25, "load15": 0.1,
            "pressure_cpu_some": 0.1, "pressure_memory_some": 0.2, "pressure_io_some": 0.3,
            "report_age_ms": 480, "agent_version": "0.1.0"}],
        "servers": [{"address": "\#(server)", "host": "\#(host)", "state": "active", "weight": 100,
            "healthy": true, "requests": 123456, "errors": 12, "in_flight": 3,
            "latency_ms": {"p50": 12.3, "p90": 45.6, "p99": 123.4}, "reason": "new disk", "by": "cli:root"}]}
        """#
    return try JSONForm.document(Status.self, from: Array(text.utf8))
}

@Suite struct NarrowTests {
    private static let longName = String(repeating: "long-name-", count: 6)
    private static let longAddress = "[2001:db8:1234:5678:9abc:def0:1234:5678]:3000"

    private func servers(columns: Int?) throws -> [String] {
        ShownLines.of(HostText.servers(try status().servers, wide: false, whole: false, columns: columns))
    }

    private func hosts(columns: Int?) throws -> [String] {
        ShownLines.of(HostText.hosts(try status().hosts, wide: false, columns: columns))
    }

    @Test func aPipeHasEveryColumn() throws {
        #expect(
            try servers(columns: nil).map(ShownLines.cells) == [
                [
                    "SERVER", "HOST", "STATE", "HEALTH", "WEIGHT", "REQUESTS", "ERRORS", "OPEN", "P50", "P90",
                    "P99",
                ],
                [
                    "10.0.0.11:3000", "web-1", "active", "healthy", "100", "123456", "12", "3", "12.3 ms",
                    "45.6 ms", "123.4 ms",
                ],
            ])
        #expect(try servers(columns: 200) == servers(columns: nil))
    }

    @Test func eightyColumnsKeepWhatMatters() throws {
        #expect(
            try servers(columns: 80).map(ShownLines.cells) == [
                ["SERVER", "HOST", "STATE", "HEALTH", "REQUESTS", "ERRORS", "P90", "P99"],
                ["10.0.0.11:3000", "web-1", "active", "healthy", "123456", "12", "45.6 ms", "123.4 ms"],
            ])
        #expect(try hosts(columns: 80) == hosts(columns: nil))
    }

    @Test func fortyColumnsKeepTheState() throws {
        #expect(
            try servers(columns: 40).map(ShownLines.cells) == [
                ["SERVER", "STATE", "HEALTH", "P90"], ["10.0.0.11:3000", "active", "healthy", "45.6 ms"],
            ])
        #expect(
            try hosts(columns: 40).map(ShownLines.cells) == [
                ["HOST", "ROLE", "STATE", "CPU", "MEMORY"], ["web-1", "standby", "up", "12.5 %", "40.0 %"],
            ])
    }

    @Test(arguments: [120, 80, 40]) func noLineOfATableIsBroken(_ columns: Int) throws {
        for long in [
            try status(host: NarrowTests.longName), try status(server: NarrowTests.longAddress),
            try status(host: String(repeating: "日本", count: 15), server: NarrowTests.longAddress),
        ] {
            let tables =
                HostText.servers(long.servers, wide: false, whole: false, columns: columns)
                + HostText.servers(long.servers, wide: true, whole: false, columns: columns)
                + HostText.hosts(long.hosts, wide: false, columns: columns)
            for line in ShownLines.of(tables) {
                #expect(ShownText.width(of: line) <= columns, "\(line)")
            }
        }
    }

    @Test(arguments: [400, 120, 80, 76, 75, 60, 40, 20]) func topFitsItsTerminal(_ columns: Int) throws {
        for shown in [
            try status(), try status(host: NarrowTests.longName),
            try status(host: String(repeating: "日本", count: 15)),
        ] {
            var screen = TopScreen()
            screen.take(shown, atMilliseconds: 0)
            let lines = ShownLines.of(screen.text(columns: columns, rows: 24, atMilliseconds: 0))
            for line in lines { #expect(ShownText.width(of: line) <= columns, "\(line)") }
            #expect(lines.contains { $0.hasPrefix("HOST") && $0.contains("STATE") })
            #expect(columns < 80 || lines.contains { $0.contains("P90") && $0.contains("SERVER") })
        }
    }

    @Test func theWideTablesHaveEverythingEvenOnATerminal() throws {
        let text = StatusText(try status(), wide: true, columns: 80).text
        #expect(try text == StatusText(status(), wide: true, columns: nil).text)
        let rows = ShownLines.of(text).map(ShownLines.cells)
        #expect(
            rows.contains([
                "web-1", "10.0.0.11", "standby", "up", "12.5 %", "40.0 %", "0.50", "480 ms", "4", "1.0 %",
                "2.0 %", "1.0 GiB", "0.10", "0.20", "0.30", "0.1.0",
            ]), "\(text)")
        #expect(
            rows.contains([
                "10.0.0.11:3000", "web-1", "active", "healthy", "100", "123456", "12", "3", "12.3 ms",
                "45.6 ms",
                "123.4 ms", "cli:root", "new disk",
            ]), "\(text)")
    }

    @Test func oneHostIsToldInFull() throws {
        let shown = try status()
        let host = try #require(shown.hosts.first)
        let lines = ShownLines.of(HostText.host(host, servers: shown.servers, columns: nil)).map(
            ShownLines.cells)
        for expected in [
            ["host", "web-1"], ["address", "10.0.0.11"], ["role", "standby"], ["state", "up"],
            ["report", "480 ms old"], ["agent", "0.1.0"], ["cpu", "12.5 % of 4 cores"],
            ["steal, iowait", "1.0 %, 2.0 %"], ["memory", "40.0 % used, 1.0 GiB of 2.0 GiB free"],
            ["load", "0.50, 0.25, 0.10"],
            ["pressure", "cpu 0.10, memory 0.20, io 0.30 percent of 10 s"],
        ] {
            #expect(lines.contains(expected), "\(expected)")
        }
        #expect(lines.last?.first == "10.0.0.11:3000" && lines.last?.last == "new disk", "\(lines)")
        #expect(HostText.host(host, servers: []).hasSuffix("\nno server on this host\n"))
    }
}
