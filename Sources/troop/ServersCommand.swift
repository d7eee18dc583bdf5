import ArgumentParser
import Glibc
import Linux
import Peer

/// `troop servers`: the list that the proxy routes over.
struct ServersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "servers", abstract: "Show and change the list of servers that the proxy routes to.",
        subcommands: [ListServers.self, AddServer.self, RemoveServer.self],
        defaultSubcommand: ListServers.self)
}

/// `troop servers list`
struct ListServers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Show the server list.")

    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let status = try agent.client.get(Status.self, "/v1/status")
        let document = ServersDocument(servers: status.servers)
        switch output.output {
        case .json: Output.json(document)
        case .table:
            var table = Table(["SERVER", "HOST", "STATE", "HEALTH", "WEIGHT", "BY", "REASON"], numeric: [4])
            for server in document.servers {
                table.add([
                    .init(server.address), .init(server.host.isEmpty ? "-" : server.host),
                    .init(server.state),
                    .init(server.healthy.map { $0 ? "healthy" : "unhealthy" } ?? "unknown"),
                    .init("\(server.weight)"), .init(server.by.isEmpty ? "-" : server.by),
                    .init(server.reason.isEmpty ? "-" : server.reason),
                ])
            }
            Output.write(table.text)
        }
        guard status.store.reachable else {
            ExitStatus.complain("Redis does not answer: this is the last list that was read")
            throw ExitStatus.storeUnreachable
        }
    }
}

/// `troop servers add`
struct AddServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Put a server on the list, or change the entry that is there.")

    /// The states an entry may be given.
    enum State: String, ExpressibleByArgument, CaseIterable {
        case active, draining, out
    }

    @Argument(help: "Where the server listens, as 10.0.0.9:3000 or [fd00::9]:3000.")
    var address: String
    @Option(help: "Its share of the requests, 1 to 256.")
    var weight: Int?
    @Option(help: "active, draining (no new requests) or out.")
    var state: State?
    @Option(help: "The host it runs on.")
    var host: String?
    @Option(help: "Why; shown in the list.")
    var reason: String?
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        try ServersText.validate(address)
        if let weight, !(1...256).contains(weight) {
            throw ValidationError("--weight is \(weight); expected 1 to 256")
        }
    }

    func run() async throws {
        let form = Form(
            address: address, host: host, state: state?.rawValue, weight: weight, reason: reason,
            by: "cli:" + ServersText.user)
        let json = JSONForm.bytes(form) ?? []
        ServersText.show(try agent.client.change("POST", "/v1/servers", json), output.output)
    }

    private struct Form: Encodable {
        var address: String
        var host: String?
        var state: String?
        var weight: Int?
        var reason: String?
        var by: String
    }
}

/// `troop servers remove`
struct RemoveServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Take a server off the list; requests under way are finished.")

    @Argument(help: "Where the server listens, as in the list.")
    var address: String
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { try ServersText.validate(address) }

    func run() async throws {
        let path = address.replacing("[", with: "%5B").replacing("]", with: "%5D")
        let document = try agent.client.change("DELETE", "/v1/servers/\(path)")
        ServersText.show(document, output.output)
        if document.outcome == .absent { throw ExitStatus.degraded }
    }
}

/// What the changing commands say.
private enum ServersText {
    /// Refuses what is no `ADDRESS:PORT` as wrong usage.
    static func validate(_ address: String) throws {
        do { _ = try SocketAddress(address) } catch { throw ValidationError("\(error)") }
    }

    /// The person's name, for the entry's `by`.
    static var user: String {
        for name in ["SUDO_USER", "USER"] {
            if let value = getenv(name) { return String(String(cString: value).prefix(32)) }
        }
        return "uid-\(getuid())"
    }

    static func show(_ document: ChangeDocument, _ format: OutputFormat) {
        switch format {
        case .json: Output.json(document)
        case .table:
            switch document.outcome {
            case .added: Output.line("\(document.address) is on the list")
            case .replaced: Output.line("\(document.address) was on the list; its entry is replaced")
            case .removed: Output.line("\(document.address) is off the list")
            case .absent: Output.line("\(document.address) was not on the list")
            }
        }
    }
}
