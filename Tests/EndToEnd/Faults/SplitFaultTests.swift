import Fixtures
import Glibc
import Linux
import Peer
import Testing
import Transfer

/// Three hosts, each with an agent, a Redis and a Sentinel; the cable of one is pulled that has both the master and the
/// leader: fault 12 of the election's table.
@Suite(.serialized, .enabled(if: NetworkOfHosts.obstacle == nil, "\(NetworkOfHosts.obstacle ?? "")"))
struct SplitFaultTests {
    private static let recoveryMilliseconds: Int64 = 60_000
    /// The replicas' lag, a second, a lease, and what a loaded machine takes.
    private static let minorityMilliseconds: Int64 = 5000

    private final class Hosts: Sendable {
        let network: NetworkOfHosts
        let stores: Stores
        let folder: String
        let agents: [Program]

        init() async throws {
            var template = Array("/tmp/troop-split-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { throw Program.Fault(description: "mkdtemp") }
            let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            self.folder = folder
            let network = try NetworkOfHosts(["a", "b", "c"])
            self.network = network
            let stores = try await Stores(on: network)
            self.stores = stores
            agents = try network.names.enumerated().map { index, name in
                try Ensemble.write(
                    """
                    cluster: test
                    host: {name: \(name), address: 10.9.0.\(index + 2)}
                    state: \(folder)/\(name).state
                    redis: \(stores.lines)
                    election: {quarantine: \(Stores.quarantine)}
                    api: {socket: \(folder)/\(name).sock}
                    proxy: {listen: "0.0.0.0:8080", workers: 1}
                    """, to: "\(folder)/\(name).yaml")
                return try Program(
                    ["agent", "--config", "\(folder)/\(name).yaml"], log: "\(folder)/\(name).log",
                    namespace: network.namespace(name))
            }
        }

        deinit { RedisServer.removeFolder(folder) }

        func status(_ name: String) -> Status? {
            var transfer = Transfer(url: "http://localhost/v1/status")
            transfer.socket = "\(folder)/\(name).sock"
            transfer.timeoutMilliseconds = 2000
            guard let answer = try? transfer.perform(), answer.status == 200 else { return nil }
            return try? JSONForm.document(Status.self, from: answer.body)
        }

        /// Who leads in the eyes of all.
        func leader() -> String? {
            let named = Set(network.names.map { status($0)?.leader?.host })
            return named.count == 1 ? named.first ?? nil : nil
        }

        func reigns() -> [Reign] {
            network.names.flatMap {
                Reign.read(Program.text(of: "\(folder)/\($0).log"), host: $0, killedAt: nil)
            }.sorted { $0.from < $1.from }
        }

        var logs: String {
            network.names.map { "--- \($0)\n" + Program.text(of: "\(folder)/\($0).log") }.joined()
        }
    }

    @Test(.timeLimit(FaultTroop.timeLimit)) func aMasterThatIsCutOffWithItsLeaderStopsInTime() async throws {
        let hosts = try await Hosts()
        let recorders = try hosts.stores.servers.map { try StoreRecorder($0) }
        let all = Array(hosts.stores.servers.indices)
        for _ in FaultTroop.rounds {
            var leader: String?
            var master: Int?
            let isWhole = await eventually(within: SplitFaultTests.recoveryMilliseconds) {
                leader = hosts.leader()
                master = hosts.stores.master(among: all)
                return leader != nil && master != nil
            }
            try #require(isWhole, "\(hosts.logs)")
            let (cut, index) = (hosts.network.names[try #require(master)], try #require(master))
            if leader != cut {
                let moved = try Program.run(
                    ["switchover", "--to", cut, "--wait"],
                    environment: ["TROOP_SOCKET=\(hosts.folder)/\(try #require(leader)).sock"])
                #expect(moved.code == 0, "\(moved.output)")
                #expect(await eventually { hosts.leader() == cut }, "\(hosts.logs)")
            }
            let before = Instant.now()
            try hosts.network.cable(of: cut, isIn: false)
            var new: Reign?
            let isReplaced = await eventually(within: SplitFaultTests.recoveryMilliseconds) {
                new = hosts.reigns().first { $0.host != cut && $0.from > before }
                return new != nil
            }
            try #require(isReplaced, "\(hosts.logs)")
            let old = try #require(hosts.reigns().last { $0.host == cut })
            let until = try #require(old.until, "\(hosts.logs)")
            print(
                "  split: limbo after \(until.milliseconds(since: before)) ms, another after \(new?.from.milliseconds(since: before) ?? 0) ms"
            )
            #expect(until.milliseconds(since: before) <= SplitFaultTests.minorityMilliseconds)
            #expect(hosts.status(cut)?.agent.election == "limbo")
            try hosts.network.cable(of: cut, isIn: true)
            #expect(
                await eventually(within: SplitFaultTests.recoveryMilliseconds) {
                    hosts.leader() == new?.host
                }, "\(hosts.logs)")
            let next = try #require(hosts.stores.master(among: all.filter { $0 != index }))
            try await hosts.stores.settle(master: next)
        }
        for recorder in recorders { recorder.stop() }
        let reigns = hosts.reigns()
        for (earlier, later) in zip(reigns, reigns.dropFirst()) {
            #expect(earlier.until.map { $0 <= later.from } ?? false, "two leaders at once: \(reigns)")
            #expect(earlier.epoch < later.epoch, "epochs do not rise: \(reigns)")
        }
        for effects in recorders.map(\.effects) {
            for (earlier, later) in zip(effects, effects.dropFirst()) {
                #expect(earlier.epoch <= later.epoch, "Redis took \(later) after \(earlier)")
            }
        }
    }
}
