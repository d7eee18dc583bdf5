import Fixtures
import Glibc
import Linux

/// Three agents, each on an address of its own, with one application and one Redis; each reaches Redis over a wire that
/// can be cut.
final class ElectionTroop {
    /// One agent's process, and where it is.
    struct Agent {
        let name: String
        let address: String
        let configuration: String
        let wire: Relay
        var child: Child
        var runs = 1
    }

    static let names = ["a", "b", "c"]
    static let proxyPort: UInt16 = 18080
    static let apiPort: UInt16 = 17117
    private static let startSeconds = 20

    private let stage: Stage
    private let troop: String
    let redisPort: UInt16
    private(set) var agents: [Agent] = []

    /// Lays the troop out and waits until it serves. Without doors nobody notices a death before the lease's end.
    init(_ label: String, hasDoors: Bool, count: Int = 3, troop: String, stage: Stage) throws {
        self.stage = stage
        self.troop = troop
        let folder = "\(stage.folder)/\(label)"
        try Folder.make(folder)
        redisPort = try stage.startRedis("\(label)-redis", on: nil)
        let application = try Loopback.freePort()
        _ = try stage.start(
            "\(label)-app",
            [troop, "sample-app", "--address", "0.0.0.0", "--port", "\(application)", "--name", "app"],
            on: nil)
        for (index, name) in ElectionTroop.names.prefix(count).enumerated() {
            let address = "127.0.0.\(11 + index)"
            let wire = try Relay(to: redisPort)
            // TEST-NET-1 is nobody's: a door there cannot be opened.
            let door = hasDoors ? "\(address):7118" : "192.0.2.1:7118"
            let text = """
                cluster: bench
                host: {name: \(name), address: \(address)}
                peer: {listen: "\(door)"}
                state: \(folder)/\(name).state
                redis: {url: "redis://127.0.0.1:\(wire.port)/0"}
                api: {listen: "\(address):\(ElectionTroop.apiPort)", socket: \(folder)/\(name).sock}
                server: {listen: "\(address):\(application)", health: /healthz}
                proxy: {listen: "\(address):\(ElectionTroop.proxyPort)", workers: 1, run: leader}

                """
            let path = "\(folder)/\(name).yaml"
            try TextFile.write(text, to: path)
            let child = try stage.start("\(label)-\(name)-1", [troop, "agent", "--config", path], on: nil)
            agents.append(Agent(name: name, address: address, configuration: path, wire: wire, child: child))
        }
        try awaitWhole()
    }

    /// Starts an agent again that has ended.
    func restart(_ index: Int) throws {
        agents[index].runs += 1
        let label = agents[index].child.name.prefix { $0 != "-" }
        let name = "\(label)-\(agents[index].name)-\(agents[index].runs)"
        agents[index].child = try stage.start(
            name, [troop, "agent", "--config", agents[index].configuration], on: nil)
    }

    /// Waits until one leads, its proxy answers, and the others have seen it for a moment: their doors are watched then.
    func awaitWhole() throws {
        let isWhole = try Loopback.wait(seconds: ElectionTroop.startSeconds) { () throws(BenchFault) in
            guard let leader else { return false }
            let epoch = agents[leader].child.epochLed
            return epoch != nil && answers(leader)
                && agents.indices.allSatisfy { $0 == leader || agents[$0].child.epochFollowed == epoch }
        }
        guard isWhole else {
            throw BenchFault("the troop is not whole:\n\(agents.map(\.child.output).joined())")
        }
        usleep(300_000)
    }

    /// The index of the agent that leads by its own word.
    var leader: Int? { agents.indices.first { agents[$0].child.epochLed != nil } }

    /// Whether an agent's proxy answers with the application's page.
    func answers(_ index: Int) -> Bool {
        Probe.status(address: agents[index].address, port: ElectionTroop.proxyPort) == 200
    }

    /// When any agent but one began to lead after an instant, by its own clock reading.
    func reignBegan(after instant: Instant, not index: Int) -> Instant? {
        agents.indices.filter { $0 != index }.compactMap {
            agents[$0].child.changes.last { $0.kind == "leading" }?.at
        }
        .filter { $0 > instant }.min()
    }

    /// Ends the agents.
    func end() {
        for agent in agents {
            kill(agent.child.pid, SIGCONT)
            kill(agent.child.pid, SIGKILL)
            agent.wire.stop()
        }
    }
}

/// What an agent said of its own standing.
struct StandingChange {
    let kind: String
    let epoch: Int64?
    let at: Instant
}

extension Child {
    private static let kinds = ["leading", "following", "standing for election", "limbo"]

    /// The changes of standing in the agent's log.
    var changes: [StandingChange] {
        output.split(separator: "\n").compactMap { line in
            guard let at = Child.number(" at_ns=", in: line) else { return nil }
            guard
                let kind = Child.kinds.first(where: {
                    line.contains(" \($0)") && Child.isMessage($0, of: line)
                })
            else { return nil }
            return StandingChange(
                kind: kind, epoch: Child.number(" epoch=", in: line), at: Instant(nanoseconds: at))
        }
    }

    /// The epoch that it leads with now; nil when it does not lead.
    var epochLed: Int64? { changes.last.flatMap { $0.kind == "leading" ? $0.epoch : nil } }

    /// The epoch that it follows now; nil when it follows nobody.
    var epochFollowed: Int64? { changes.last.flatMap { $0.kind == "following" ? $0.epoch : nil } }

    private static func isMessage(_ kind: String, of line: Substring) -> Bool {
        kind == "limbo" ? line.contains(" limbo: the lease") : line.hasSuffix(" \(kind)")
    }

    private static func number(_ key: String, in line: Substring) -> Int64? {
        guard let range = line.firstRange(of: key) else { return nil }
        return Int64(line[range.upperBound...].prefix { $0.isNumber })
    }
}

/// One request on a fresh connection, with little patience.
enum Probe {
    private static let patienceMicroseconds = 100_000

    /// The status of the answer; nil for none.
    static func status(address: String, port: UInt16) -> Int? {
        let link = Descriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0))
        guard link.raw >= 0, let target = try? SocketAddress("\(address):\(port)") else { return nil }
        var limit = timeval(tv_sec: 0, tv_usec: patienceMicroseconds)
        setsockopt(link.raw, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard target.withSockaddr({ connect(link.raw, $0, $1) }) == 0 else { return nil }
        let request = Array("GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".utf8)
        guard send(link.raw, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return nil }
        var answer = [UInt8](repeating: 0, count: 64)
        let count = recv(link.raw, &answer, answer.count, 0)
        guard count >= 12 else { return nil }
        return Int(String(decoding: answer[9..<12], as: UTF8.self))
    }
}
