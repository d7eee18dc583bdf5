import ArgumentParser
import Glibc
import Peer

/// `troop status`: who leads, how the hosts are, where traffic goes.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show who leads, how hot each host is, and where traffic goes.")

    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions
    @Flag(name: [.short, .long], help: "Show it again each second until Ctrl-C.")
    var watch = false

    func run() async throws {
        guard watch else {
            let status = try agent.client.get(Status.self, "/v1/status")
            show(status)
            if let code = status.verdict.exitCode { throw code }
            return
        }
        while true {
            // The whole screen in one write: no flicker, and a pipe gets one document after the other.
            if Output.isTerminal { Output.write("\u{1B}[H\u{1B}[2J") }
            if let status = try? agent.client.get(Status.self, "/v1/status") { show(status) }
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func show(_ status: Status) {
        switch output.output {
        case .json: Output.json(status)
        case .table: Output.write(StatusText(status).text)
        }
    }
}

/// A status as tables for people.
struct StatusText {
    let text: String

    init(_ status: Status) {
        var text = StatusText.headline(status) + "\n"
        if !status.store.reachable {
            let age =
                status.store.ageMs.map { "what follows is \(StatusText.age($0)) old" }
                ?? "nothing was read yet"
            text +=
                Output.styled("Redis does not answer", .red)
                + ": \(Table.printable(status.store.error ?? "")); \(age)\n"
        }
        for notice in status.notices { text += Output.styled("! ", .yellow) + Table.printable(notice) + "\n" }
        if !status.hosts.isEmpty { text += "\n" + StatusText.hosts(status) }
        text +=
            "\n"
            + (status.servers.isEmpty
                ? "no servers: add one with 'troop servers add ADDRESS:PORT'\n" : StatusText.servers(status))
        self.text = text
    }

    private static func headline(_ status: Status) -> String {
        var parts = ["cluster \(Output.styled(status.cluster, .bold))"]
        if let leader = status.leader {
            let age = leader.leaseAgeMs.map { ", lease renewed \($0) ms ago" } ?? ""
            parts.append("leader \(Output.styled(leader.host, .bold)) (epoch \(leader.epoch)\(age))")
        } else {
            parts.append("leader " + Output.styled(status.store.reachable ? "NONE" : "UNKNOWN", .red))
        }
        let agent = status.agent
        parts.append(
            "this agent \(agent.host): \(agent.election)\(agent.serving ? ", serving on \(agent.proxy)" : "")"
        )
        return parts.joined(separator: "   ")
    }

    private static func hosts(_ status: Status) -> String {
        var table = Table(
            ["HOST", "ADDRESS", "ROLE", "STATE", "CPU", "MEMORY", "LOAD", "REPORT"], numeric: [4, 5, 6, 7])
        for host in status.hosts {
            table.add([
                .init(host.name), .init(host.address), .init(host.role, host.role == "leader" ? .bold : nil),
                .init(host.state, host.state == "up" ? .green : host.state == "late" ? .yellow : .red),
                .init(percent(host.cpu), heat(host.cpu)), .init(percent(host.memory)),
                .init(number(host.load1)),
                .init(host.reportAgeMs.map(age) ?? "-"),
            ])
        }
        return table.text
    }

    private static func servers(_ status: Status) -> String {
        var table = Table(
            [
                "SERVER", "HOST", "STATE", "HEALTH", "WEIGHT", "REQUESTS", "ERRORS", "OPEN", "P50", "P90",
                "P99",
            ],
            numeric: [4, 5, 6, 7, 8, 9, 10])
        for server in status.servers {
            let health = server.healthy.map { $0 ? "healthy" : "unhealthy" } ?? "unknown"
            table.add([
                .init(server.address), .init(server.host.isEmpty ? "-" : server.host),
                .init(server.state, server.state == "active" ? nil : .yellow),
                .init(health, server.healthy == false ? .red : server.healthy == true ? .green : .dim),
                .init("\(server.weight)"), .init(server.requests.map { "\($0)" } ?? "-"),
                .init(server.errors.map { "\($0)" } ?? "-", (server.errors ?? 0) > 0 ? .yellow : nil),
                .init(server.inFlight.map { "\($0)" } ?? "-"), .init(milliseconds(server.latencyMs.p50)),
                .init(milliseconds(server.latencyMs.p90)), .init(milliseconds(server.latencyMs.p99)),
            ])
        }
        return table.text
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

    private static func percent(_ share: Double?) -> String {
        share.map { "\(fixed($0 * 100, 1)) %" } ?? "-"
    }

    private static func heat(_ cpu: Double?) -> Output.Style? {
        guard let cpu else { return .dim }
        return cpu > 0.9 ? .red : cpu > 0.7 ? .yellow : nil
    }

    private static func number(_ value: Double?) -> String { value.map { fixed($0, 2) } ?? "-" }

    private static func milliseconds(_ value: Double?) -> String { value.map { "\(fixed($0, 1)) ms" } ?? "-" }

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
