import ArgumentParser
import Peer

/// `troop status`: who leads, what the monkeys do, how the hosts are, where traffic goes.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show who leads, what the monkeys do, how hot each host is, and where traffic goes.",
        discussion:
            "A terminal that is too narrow for the tables gets fewer columns; pipes and -o wide get all of them."
    )

    @OptionGroup var agent: AgentOptions
    @OptionGroup var view: ViewOptions
    @Flag(name: [.short, .long], help: "Show it again each second until Ctrl-C.")
    var watch = false

    func run() async throws {
        guard watch else {
            let status = try agent.client.troop()
            if !view.printed(status) { Output.write(StatusText(status, wide: view.isWide).text) }
            if let code = status.verdict.exitCode { throw code }
            return
        }
        if isPlaced { Output.write("\u{1B}[2J") }
        while !Output.isBroken {
            do {
                show(try agent.client.troop())
            } catch let code as ExitCode where code == ExitStatus.noAgent {
                // It is waited for: an agent that is started again answers soon.
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// A terminal shows each state in place of the one before; a pipe gets one after the other.
    private var isPlaced: Bool { Terminal.canPlace && (view.output == .table || view.output == .wide) }

    private func show(_ status: Status) {
        if view.printed(status) { return }
        let text = StatusText(status, wide: view.isWide).text
        if isPlaced { Terminal.show(text) } else { Output.write(text + "\n") }
    }
}

/// A status as tables for people.
struct StatusText {
    let text: String

    init(_ status: Status, wide: Bool = false, columns: Int? = Table.columns) {
        var text = StatusText.headline(status) + "\n" + StatusText.answerer(status) + "\n"
        text += StatusText.warnings(status)
        // In front of the hosts: of a large troop's tables a terminal shows the beginning.
        let operations = OperationsText.underWay(status.operations ?? [], wide: wide, columns: columns)
        if !operations.isEmpty { text += "\n" + operations }
        if !status.hosts.isEmpty {
            text += "\n" + HostText.hosts(status.hosts, wide: wide, columns: columns)
        }
        text +=
            "\n"
            + (status.servers.isEmpty
                ? StatusText.noServers(status) + "\n"
                : HostText.servers(status.servers, wide: wide, whole: wide, columns: columns))
        self.text = text
    }

    /// What an empty list means, and what to do about it.
    static func noServers(_ status: Status) -> String {
        DownApplications.areTold(by: status.notices)
            ? "no servers: the hosts' own applications do not answer; see their logs"
            : "no servers: add one with 'troop servers add ADDRESS:PORT'"
    }

    /// What is wrong: the store, and what somebody should mend.
    static func warnings(_ status: Status) -> String {
        var text = ""
        if !status.store.reachable {
            let age =
                status.store.ageMs.map { "what follows is \(HostText.age($0)) old" }
                ?? "nothing was read yet"
            text +=
                Output.styled("Redis does not answer", .red)
                + ": \(Table.printable(status.store.error ?? "")); \(age)\n"
        }
        for notice in status.notices { text += Output.styled("! ", .yellow) + Table.printable(notice) + "\n" }
        return text
    }

    /// The cluster and its leader.
    private static func headline(_ status: Status) -> String {
        let cluster = "cluster \(Output.styled(ShownText.clean(status.cluster), .bold))"
        guard let leader = status.leader else {
            return "\(cluster)   leader " + Output.styled(status.store.reachable ? "NONE" : "UNKNOWN", .red)
        }
        let age = leader.leaseAgeMs.map { ", lease renewed \($0) ms ago" } ?? ""
        let name = Output.styled(ShownText.clean(leader.host), .bold)
        return "\(cluster)   leader \(name) (epoch \(leader.epoch)\(age))"
    }

    /// The agent that answered, on a line of its own: all in one are more than 80 columns.
    private static func answerer(_ status: Status) -> String {
        let agent = status.agent
        let serving = agent.serving ? ", serving on \(ShownText.clean(agent.proxy))" : ""
        return "this agent \(ShownText.clean(agent.host)): \(ShownText.clean(agent.election))\(serving)"
    }
}
