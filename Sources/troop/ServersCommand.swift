import ArgumentParser
import Linux
import Peer

/// `troop servers`: the list that the proxy routes over.
struct ServersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "servers", abstract: "Show and change the list of servers that the proxy routes to.",
        usage: """
            troop servers [list]
            troop servers add ADDRESS:PORT [--weight N] [--state active|draining|out] [--host NAME] [--reason TEXT]
            troop servers remove ADDRESS:PORT [--reason TEXT]
            """,
        subcommands: [ListServers.self, AddServer.self, RemoveServer.self],
        defaultSubcommand: ListServers.self)
}

/// `troop servers list`
struct ListServers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show the server list.", usage: "troop servers [list] [-o json]")

    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions
    /// What is no subcommand ends up here, since this is the default one.
    @Argument(help: .hidden) var words: [String] = []

    func validate() throws {
        guard let word = words.first else { return }
        guard (try? SocketAddress(word)) == nil else {
            throw ValidationError(
                "what is to be done with \(word)? Say: troop servers add \(word), or: troop servers remove \(word)"
            )
        }
        throw ValidationError(
            "'\(Table.printable(word))' is no command of 'troop servers'; there are list, add and remove")
    }

    func run() async throws {
        let status = try agent.client.troop()
        let document = ServersDocument(servers: status.servers)
        switch output.output {
        case .json: Output.json(document)
        case .table:
            var table = Table(
                ["SERVER", "HOST", "STATE", "HEALTH", "WEIGHT", "BY", "REASON"], numeric: [4],
                leastFirst: ["BY", "WEIGHT", "HOST", "REASON"])
            for server in document.servers {
                table.add([
                    .init(server.address), .init(server.host.isEmpty ? "-" : server.host),
                    .init(server.state),
                    .init(server.healthy.map { $0 ? "healthy" : "unhealthy" } ?? "unknown"),
                    .init("\(server.weight)"), .init(server.by.isEmpty ? "-" : server.by),
                    .init(server.reason.isEmpty ? "-" : server.reason),
                ])
            }
            Output.write(
                document.servers.isEmpty ? StatusText.noServers(status) + "\n" : table.text)
        }
        guard status.store.reachable else {
            ExitStatus.complain("Redis does not answer: this is the last list that was read")
            throw ExitStatus.storeUnreachable
        }
        for notice in status.listNotices { ExitStatus.complain(Table.printable(notice)) }
        if !status.listNotices.isEmpty { throw ExitStatus.degraded }
    }
}

/// `troop servers add`
struct AddServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Put a server on the list, or change the entry that is there.",
        usage:
            "troop servers add ADDRESS:PORT [--weight N] [--state active|draining|out] [--host NAME] [--reason TEXT]"
    )

    /// The states an entry may be given.
    enum State: String, ExpressibleByArgument, CaseIterable {
        case active, draining, out
    }

    @Argument(
        help: .init(
            "Where the server listens, as 10.0.0.9:3000 or [fd00::9]:3000.", valueName: "address:port"))
    var addresses: [String] = []
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
        let text = try ServersText.one(addresses, "troop servers add 10.0.0.9:3000")
        do { _ = try ServerEntry.address(text) } catch { throw ValidationError("\(error)") }
        if let weight, !(1...256).contains(weight) {
            throw ValidationError("--weight is \(weight); expected 1 to 256")
        }
    }

    func run() async throws {
        let form = Form(
            address: addresses.first ?? "", host: host, state: state?.rawValue, weight: weight,
            reason: reason,
            by: "cli:" + Person.name)
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
        commandName: "remove", abstract: "Take a server off the list; requests under way are finished.",
        usage: "troop servers remove ADDRESS:PORT [--reason TEXT]")

    @Argument(help: .init("Where the server listens, as in the list.", valueName: "address:port"))
    var addresses: [String] = []
    @Option(help: "Why; shown among the events.")
    var reason: String?
    @OptionGroup var agent: AgentOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        // Whatever stands in the list can be taken off it: the agent knows what does.
        _ = try ServersText.one(
            addresses, "troop servers remove 10.0.0.9:3000; 'troop servers' shows the list")
    }

    func run() async throws {
        var path = "/v1/servers/" + ServersText.encoded(addresses.first ?? "")
        path += "?by=" + ServersText.encoded("cli:" + Person.name)
        if let reason { path += "&reason=" + ServersText.encoded(reason) }
        let document = try agent.client.change("DELETE", path)
        ServersText.show(document, output.output)
        if document.outcome == .absent { throw ExitStatus.degraded }
    }
}

/// What the changing commands say.
private enum ServersText {
    /// The one address that was given; says what to type where there is none, or more than one.
    static func one(_ addresses: [String], _ example: String) throws -> String {
        guard let first = addresses.first else {
            throw ValidationError("no server is named; say where it listens, as: \(example)")
        }
        guard addresses.count == 1 else {
            throw ValidationError("\(addresses.count) servers are named; say one at a time, as: \(example)")
        }
        return first
    }

    /// A text as a part of a path or a query.
    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "."), UInt8(ascii: ":"),
                UInt8(ascii: "_"), UInt8(ascii: "-"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += (digits.utf8.count == 1 ? "%0" : "%") + digits
            }
        }
        return result
    }

    static func show(_ document: ChangeDocument, _ format: OutputFormat) {
        switch format {
        case .json: Output.json(document)
        case .table:
            let address = Table.printable(document.address)
            switch document.outcome {
            case .added: Output.line("\(address) is on the list")
            case .replaced: Output.line("\(address) was on the list; its entry is changed")
            case .removed: Output.line("\(address) is off the list")
            case .absent: Output.line("\(address) was not on the list")
            }
        }
    }
}
