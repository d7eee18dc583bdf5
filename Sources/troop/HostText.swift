import Peer

/// Hosts and servers as tables and lines for people.
enum HostText {
    /// Columns that a narrow terminal does without, the first of them first.
    private static let leastOfHosts = ["ADDRESS", "LOAD", "REPORT", "ROLE", "MEMORY", "CPU"]
    private static let leastOfServers = [
        "WEIGHT", "P50", "OPEN", "BY", "REQUESTS", "HOST", "P99", "ERRORS", "P90", "REASON",
    ]

    /// The table of hosts for a terminal of that many columns, or for what is no terminal. Who asks for the wide one gets
    /// every column.
    static func hosts(_ hosts: [Status.Host], wide: Bool, columns: Int? = Table.columns) -> String {
        var head = ["HOST", "ADDRESS", "ROLE", "STATE", "CPU", "MEMORY", "LOAD", "REPORT"]
        if wide { head += ["CORES", "STEAL", "IOWAIT", "FREE", "PSI CPU", "PSI MEM", "PSI IO", "VERSION"] }
        var table = Table(
            head, numeric: wide ? [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14] : [4, 5, 6, 7],
            leastFirst: wide ? [] : leastOfHosts)
        for host in hosts {
            var row: [Table.Cell] = [
                .init(host.name), .init(host.address), .init(host.role, host.role == "leader" ? .bold : nil),
                .init(host.state, style(state: host.state)),
                .init(percent(host.cpu), heat(host.cpu)), .init(percent(host.memory)),
                .init(number(host.load1)), .init(host.reportAgeMs.map(age) ?? "-"),
            ]
            if wide {
                row += [
                    .init(host.cores.map { "\($0)" } ?? "-"), .init(percent(host.steal)),
                    .init(percent(host.iowait)), .init(bytes(host.memoryAvailableBytes)),
                    .init(number(host.pressureCpuSome)), .init(number(host.pressureMemorySome)),
                    .init(number(host.pressureIoSome)), .init(host.agentVersion ?? "-"),
                ]
            }
            table.add(row)
        }
        return table.text(columns: columns)
    }

    /// The table of servers for a terminal of that many columns, or for what is no terminal. With `whole` nothing is left
    /// out.
    static func servers(
        _ servers: [Status.Server], wide: Bool, whole: Bool, columns: Int? = Table.columns
    ) -> String {
        var head = [
            "SERVER", "HOST", "STATE", "HEALTH", "WEIGHT", "REQUESTS", "ERRORS", "OPEN", "P50", "P90", "P99",
        ]
        if wide { head += ["BY", "REASON"] }
        var table = Table(head, numeric: [4, 5, 6, 7, 8, 9, 10], leastFirst: whole ? [] : leastOfServers)
        for server in servers {
            let health = server.healthy.map { $0 ? "healthy" : "unhealthy" } ?? "unknown"
            var row: [Table.Cell] = [
                .init(server.address), .init(server.host.isEmpty ? "-" : server.host),
                .init(server.state, server.state == "active" ? nil : .yellow),
                .init(health, server.healthy == false ? .red : server.healthy == true ? .green : .dim),
                .init("\(server.weight)"), .init(server.requests.map { "\($0)" } ?? "-"),
                .init(server.errors.map { "\($0)" } ?? "-", (server.errors ?? 0) > 0 ? .yellow : nil),
                .init(server.inFlight.map { "\($0)" } ?? "-"), .init(milliseconds(server.latencyMs.p50)),
                .init(milliseconds(server.latencyMs.p90)), .init(milliseconds(server.latencyMs.p99)),
            ]
            if wide {
                row += [
                    .init(server.by.isEmpty ? "-" : server.by),
                    .init(server.reason.isEmpty ? "-" : server.reason),
                ]
            }
            table.add(row)
        }
        return table.text(columns: columns)
    }

    /// One host, a line for each thing.
    static func host(
        _ host: Status.Host, servers: [Status.Server], columns: Int? = Table.columns
    ) -> String {
        let lines: [(String, String)] = [
            ("host", Output.styled(ShownText.clean(host.name), .bold)),
            ("address", ShownText.clean(host.address)),
            ("role", ShownText.clean(host.role)),
            ("state", Output.styled(ShownText.clean(host.state), style(state: host.state))),
            ("report", host.reportAgeMs.map { "\(age($0)) old" } ?? "never"),
            ("agent", ShownText.clean(host.agentVersion ?? "-")),
            ("cpu", "\(percent(host.cpu)) of \(host.cores.map { "\($0) cores" } ?? "unknown cores")"),
            ("steal, iowait", "\(percent(host.steal)), \(percent(host.iowait))"),
            (
                "memory",
                "\(percent(host.memory)) used, \(bytes(host.memoryAvailableBytes)) of \(bytes(host.memoryTotalBytes)) free"
            ),
            ("load", "\(number(host.load1)), \(number(host.load5)), \(number(host.load15))"),
            (
                "pressure",
                "cpu \(number(host.pressureCpuSome)), memory \(number(host.pressureMemorySome)), io \(number(host.pressureIoSome)) percent of 10 s"
            ),
        ]
        let width = lines.map(\.0.count).max() ?? 0
        let facts = lines.map { name, value in
            Output.styled(name + String(repeating: " ", count: width - name.count), .dim) + "  \(value)\n"
        }.joined()
        return facts
            + (servers.isEmpty
                ? "\nno server on this host\n"
                : "\n" + HostText.servers(servers, wide: true, whole: false, columns: columns))
    }

    /// A duration as people say it: `480 ms`, `12 s`, `3 min`, `5 h`.
    static func age(_ milliseconds: Int64) -> String {
        switch milliseconds {
        case ..<1000: "\(milliseconds) ms"
        case ..<120_000: "\(milliseconds / 1000) s"
        case ..<7_200_000: "\(milliseconds / 60_000) min"
        default: "\(milliseconds / 3_600_000) h"
        }
    }

    static func style(state: String) -> Output.Style {
        state == "up" ? .green : state == "late" ? .yellow : .red
    }

    static func percent(_ share: Double?) -> String { share.map { "\(fixed($0 * 100, 1)) %" } ?? "-" }

    static func heat(_ cpu: Double?) -> Output.Style? {
        guard let cpu else { return .dim }
        return cpu > 0.9 ? .red : cpu > 0.7 ? .yellow : nil
    }

    static func number(_ value: Double?) -> String { value.map { fixed($0, 2) } ?? "-" }

    static func milliseconds(_ value: Double?) -> String { value.map { "\(fixed($0, 1)) ms" } ?? "-" }

    static func bytes(_ count: UInt64?) -> String {
        guard let count else { return "-" }
        var value = Double(count)
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if value < 1024 { return "\(fixed(value, 1)) \(unit)" }
            value /= 1024
        }
        return "\(fixed(value, 1)) TiB"
    }

    /// A number with a fixed count of decimals, rounded.
    private static func fixed(_ value: Double, _ decimals: Int) -> String {
        let scale = decimals == 1 ? 10.0 : 100.0
        let scaled = (abs(value) * scale).rounded()
        guard scaled.isFinite, scaled < 1e15 else { return "-" }
        let whole = Int64(scaled) / Int64(scale)
        let rest = String(Int64(scaled) % Int64(scale))
        let padded = String(repeating: "0", count: decimals - rest.count) + rest
        return (value < 0 && scaled > 0 ? "-" : "") + "\(whole).\(padded)"
    }
}
