import ArgumentParser
import Peer

/// `troop hosts`: every host and its latest report.
struct HostsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hosts", abstract: "Show every host and its latest report.")

    @OptionGroup var agent: AgentOptions
    @OptionGroup var view: ViewOptions

    func run() async throws {
        let status = try agent.client.troop()
        if !view.printed(HostsDocument(hosts: status.hosts)) {
            Output.write(
                status.hosts.isEmpty
                    ? "no host has reported yet\n" : HostText.hosts(status.hosts, wide: view.isWide))
        }
        try HostsCommand.expectStore(status)
    }

    /// What was read last is shown, but the exit code says that it is old.
    static func expectStore(_ status: Status) throws {
        guard !status.store.reachable else { return }
        let age = status.store.ageMs.map { "this was read \(HostText.age($0)) ago" } ?? "nothing was read yet"
        ExitStatus.complain("Redis does not answer: \(age)")
        throw ExitStatus.storeUnreachable
    }
}

/// `troop host NAME`: one host in detail.
struct HostCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host", abstract: "Show one host in detail, with its servers.")

    @Argument(help: "The host's name, as 'troop hosts' shows it.") var name: String
    @OptionGroup var agent: AgentOptions
    @OptionGroup var view: ViewOptions

    func run() async throws {
        let status = try agent.client.troop()
        guard let host = status.hosts.first(where: { $0.name == name }) else {
            let known = status.hosts.prefix(10).map { ShownText.clean($0.name, columns: 63) }
            ExitStatus.complain(
                "there is no host '\(ShownText.clean(name, columns: 63))'; "
                    + (known.isEmpty ? "none has reported yet" : "hosts: \(known.joined(separator: ", "))"))
            throw ExitStatus.degraded
        }
        let servers = status.servers.filter { $0.host == name }
        if !view.printed(HostDocument(host: host, servers: servers)) {
            Output.write(HostText.host(host, servers: servers))
        }
        try HostsCommand.expectStore(status)
    }
}

private struct HostsDocument: Encodable {
    var hosts: [Status.Host]
}

private struct HostDocument: Encodable {
    var host: Status.Host
    var servers: [Status.Server]
}
