import FoundationEssentials
import Linux
import Proxy
import Store

/// A host that is only said to exist: it asks Redis for what a real agent of its troop's size asks, as often and by the same
/// scripts, and reports numbers that somebody made up.
struct CrowdHost {
    /// What became of one turn.
    struct Turn {
        var commands = 0
        var reportNanoseconds: Int64 = 0
    }

    let name: String
    let address: String
    private let index: Int
    private let server: SocketAddress?
    private let boot: String
    private var isRegistered = false
    private var turn = 0

    /// How often an agent asks how large its troop is, in milliseconds.
    private static let sizeMilliseconds: Int64 = 10_000
    /// How often an agent that stands back asks after the lease: a second and up to five more after its end, in
    /// milliseconds.
    private static let leaseMilliseconds: Int64 = 4500
    /// Longest value that is made up of the turn, so that numbers move.
    private static let wave = 60

    /// The host with a number below 2^22; with `port` it has a server there, on a loopback address of its own.
    init(_ index: Int, port: UInt16?) {
        self.index = index
        let digits = String(index)
        name = "crowd-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        let network = port == nil ? 10 : 127
        address = "\(network).\(64 + index >> 16).\(index >> 8 & 255).\(index & 255)"
        server = port.flatMap { [address] in try? SocketAddress(host: address, port: $0) }
        boot = "00000000-0000-4000-8000-" + String(repeating: "0", count: max(0, 12 - digits.count)) + digits
    }

    /// One turn of an agent that reports every `interval` milliseconds, each call by itself as an agent makes them.
    mutating func act(
        on connection: StoreConnection, keys: Keys, intervalMilliseconds interval: Int64
    ) throws(StoreFault) -> Turn {
        func deadline() -> Instant { Instant.now().advanced(milliseconds: HostCrowd.commandMilliseconds) }
        func isTurn(every milliseconds: Int64) -> Bool {
            (turn + index).isMultiple(of: Int(max(1, milliseconds / interval)))
        }
        var done = Turn()
        let began = Instant.now()
        let report = report(intervalMilliseconds: interval)
        _ = try connection.run(
            HostReport.script, keys: [keys.host(name), keys.hosts], arguments: report.arguments(name: name),
            until: deadline())
        done.reportNanoseconds = Instant.now().nanoseconds - began.nanoseconds
        let round = [
            Question("HGET", keys.config, PauseSwitch.field),
            Question("XRANGE", keys.orders(name), "(0-0", "+", "COUNT", "16"),
            Question("HGETALL", keys.flags), Question("EXISTS", keys.flagsHistory),
        ]
        _ = try connection.ask(round, until: deadline())
        done.commands = 2
        if let server, isTurn(every: max(2000, interval)) {
            try look(at: server, connection, keys, until: deadline())
            done.commands += 1
        }
        if isTurn(every: CrowdHost.sizeMilliseconds) {
            _ = try connection.call(Command("ZCARD", keys.hosts), until: deadline())
            done.commands += 1
        }
        if isTurn(every: CrowdHost.leaseMilliseconds) {
            _ = try connection.pipeline(
                [Command("GET", keys.lease), Command("PTTL", keys.lease)], until: deadline())
            done.commands += 2
        }
        turn += 1
        return done
    }

    /// Takes the host out again: the report, the name and the server.
    func leave(_ connection: StoreConnection, keys: Keys) throws(StoreFault) {
        var commands = [Command("DEL", keys.host(name)), Command("ZREM", keys.hosts, name)]
        if let server { commands.append(Command("HDEL", keys.servers, server.description)) }
        _ = try connection.pipeline(
            commands, until: Instant.now().advanced(milliseconds: HostCrowd.commandMilliseconds))
    }

    private mutating func look(
        at server: SocketAddress, _ connection: StoreConnection, _ keys: Keys, until deadline: Instant
    ) throws(StoreFault) {
        let replies = try connection.ask(
            [
                Question("HGET", keys.servers, server.description),
                Question("GET", keys.serversGeneration),
            ], until: deadline)
        if isRegistered, replies.first != .null { return }
        let entry = ServerEntry(
            address: server, host: name, by: ServerEntry.agent, since: WallClock.milliseconds())
        _ = try connection.run(
            ServerScripts.register, keys: [keys.servers, keys.serversGeneration, keys.news],
            arguments: [server.description, entry.value], until: deadline)
        isRegistered = true
    }

    private func report(intervalMilliseconds interval: Int64) -> HostReport {
        var report = HostReport(fields: [:])
        // A number for each host that is not another's, and one that moves.
        let own = Double(index * 2_654_435_761 % 1000) / 1000
        let moved = Double((turn + index) % CrowdHost.wave) / Double(CrowdHost.wave)
        report.address = address
        report.bootID = boot
        report.agentVersion = Version.text
        report.role = .standby
        report.stands = false
        report.server = server?.description
        report.intervalMilliseconds = interval
        report.cpu = 0.05 + 0.3 * own + 0.1 * moved
        report.selfCPU = 0.0015
        report.steal = 0.001 * moved
        report.iowait = 0.002 * own
        report.cores = 8
        report.memoryTotal = 16_700_000_000
        report.memoryAvailable = UInt64(16_000_000_000 * (0.3 + 0.5 * own)) + UInt64(turn)
        report.memory = 0.7 - 0.5 * own
        report.load1 = 3 * own + moved
        report.load5 = 3 * own
        report.load15 = 2.9 * own
        report.pressureCPUSome = 4 * own * moved
        report.pressureMemorySome = 0
        report.pressureMemoryFull = 0
        report.pressureIOSome = own
        report.pressureIOFull = own / 2
        report.networkReceived = 1_000_000 * (own + moved)
        report.networkSent = 4_000_000 * (own + moved)
        report.diskRead = 200_000 * moved
        report.diskWritten = 900_000 * own
        report.diskBusy = 0.2 * own
        report.filesystem = 0.3 + 0.4 * own
        return report
    }
}
