import Fixtures
import Glibc
import Linux
import Peer
import Testing
import Transfer

/// The leader's address on real (virtual) interfaces: hosts are network namespaces on a bridge.
@Suite(.serialized, .enabled(if: NetworkOfHosts.obstacle == nil, "\(NetworkOfHosts.obstacle ?? "")"))
struct AddressTests {
    private static let address = "10.9.0.100"

    private final class Hosts: Sendable {
        let network: NetworkOfHosts
        let redis: RedisServer
        let folder: String
        /// The leader's.
        let address: String

        /// `vip` is the leader's address, `bits` the length of its network's prefix.
        init(vip: String = AddressTests.address, bits: Int = 24) throws {
            address = vip
            var template = Array("/tmp/troop-vip-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { throw Program.Fault(description: "mkdtemp") }
            folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            network = try NetworkOfHosts(["a", "b"])
            // A unix socket reaches into every namespace: cables can be pulled without cutting Redis off.
            redis = try RedisServer()
            for (index, name) in network.names.enumerated() {
                try Ensemble.write(
                    """
                    cluster: test
                    host: {name: \(name), address: 10.9.0.\(index + 2)}
                    state: \(folder)/\(name).state
                    redis: {url: "unix://\(redis.socketPath)"}
                    api: {socket: \(folder)/\(name).sock}
                    proxy: {listen: "\(bits > 32 ? "[::]" : "0.0.0.0"):8080", workers: 1}
                    vip: {address: "\(vip)/\(bits)", interface: eth0}
                    """, to: config(name))
            }
        }

        deinit { RedisServer.removeFolder(folder) }

        func config(_ name: String) -> String { "\(folder)/\(name).yaml" }

        func start(_ name: String) throws -> Program {
            try Program(
                ["agent", "--config", config(name)], log: "\(folder)/\(name).log",
                namespace: network.namespace(name))
        }

        func status(_ name: String) -> Status? {
            var transfer = Transfer(url: "http://localhost/v1/status")
            transfer.socket = "\(folder)/\(name).sock"
            transfer.timeoutMilliseconds = 2000
            guard let answer = try? transfer.perform(), answer.status == 200 else { return nil }
            return try? JSONForm.document(Status.self, from: answer.body)
        }

        /// The host that leads and has the address, once the other has it not.
        func owner() -> String? {
            let leaders = network.names.filter { status($0)?.agent.election == "leader" }
            guard leaders.count == 1, let leader = leaders.first else { return nil }
            return network.names.filter { network.has(address, $0) } == [leader] ? leader : nil
        }

        /// What a client on the network gets at the address; any answer of a proxy will do.
        func answer() -> String {
            (try? network.run(
                in: "switch", "curl", "-s", "-m", "2", "-o", "/dev/null", "-w", "%{http_code}",
                "-g", "http://\(address.contains(":") ? "[\(address)]" : address):8080/")) ?? ""
        }

        var logs: String {
            network.names.map { "--- \($0)\n" + Program.text(of: "\(folder)/\($0).log") }.joined()
        }
    }

    @Test(.timeLimit(.minutes(3))) func theAddressGoesWithTheLeadership() async throws {
        let hosts = try Hosts()
        let network = hosts.network
        var agents = ["a": try hosts.start("a"), "b": try hosts.start("b")]
        var owner: String?
        #expect(
            await eventually(within: 20_000) {
                owner = hosts.owner(); return owner != nil
            }, "\(hosts.logs)")
        let old = try #require(owner)
        let new = old == "a" ? "b" : "a"
        #expect(
            await eventually { hosts.answer() == "503" }, "a proxy without servers answers: \(hosts.answer())"
        )
        #expect(network.neighbour(AddressTests.address).contains(try network.hardware(old)))

        // Killed: the other takes the address, and the switch learns of it without asking.
        agents[old]?.signal(SIGKILL)
        _ = agents[old]?.wait()
        let hardware = try network.hardware(new)
        let isLearnt = await eventually { network.neighbour(AddressTests.address).contains(hardware) }
        #expect(isLearnt, "\(network.neighbour(AddressTests.address))\n\(hosts.logs)")
        #expect(network.has(AddressTests.address, new))
        #expect(network.has(AddressTests.address, old), "nobody was there to remove it")
        let resigned = try Program.run(
            ["resign", "--config", hosts.config(old)], namespace: network.namespace(old))
        #expect(
            resigned.code == 0 && resigned.output.contains("removed 10.9.0.100/24 on eth0"),
            "\(resigned.output)")
        #expect(!network.has(AddressTests.address, old))
        #expect(hosts.answer() == "503")

        // A leftover goes at the start, and a handover moves the address.
        try network.run(in: old, "ip", "addr", "add", "\(AddressTests.address)/24", "dev", "eth0")
        agents[old] = try hosts.start(old)
        #expect(await eventually { hosts.owner() == new }, "\(hosts.logs)")
        let moved = try Program.run(
            ["switchover", "--to", old], environment: ["TROOP_SOCKET=\(hosts.folder)/\(new).sock"])
        #expect(moved.code == 0, "\(moved.output)")
        #expect(await eventually { hosts.owner() == old }, "\(hosts.logs)")
        #expect(await eventually { hosts.answer() == "503" })

        // Somebody takes it away from a leader: it is put back.
        try network.run(in: old, "ip", "addr", "del", "\(AddressTests.address)/24", "dev", "eth0")
        #expect(await eventually { network.has(AddressTests.address, old) }, "\(hosts.logs)")

        // Who runs 'troop resign' by hand takes nothing from a leader, even if that could not write down what it holds.
        unlink("\(hosts.folder)/\(old).state/lease.json")
        let kept = try Program.run(
            ["resign", "--config", hosts.config(old)], namespace: network.namespace(old))
        #expect(kept.code == 0 && kept.output.contains("is left to it"), "\(kept.output)")
        #expect(network.has(AddressTests.address, old))

        // An interface that is made anew has another number: the leader's gets the address, and the network hears of it;
        // a standby's gets it once that leads.
        // It forgot the old one, and takes no word of strangers else.
        try network.run(in: "switch", "sysctl", "-qw", "net.ipv4.conf.br0.arp_accept=1")
        for name in [old, new] { try network.replaceInterface(of: name) }
        let later = try network.hardware(old)
        #expect(await eventually { network.has(AddressTests.address, old) }, "\(hosts.logs)")
        let isBack = await eventually { network.neighbour(AddressTests.address).contains(later) }
        #expect(isBack, "\(network.neighbour(AddressTests.address)), not \(later)\n\(hosts.logs)")
        let again = try Program.run(
            ["switchover", "--to", new], environment: ["TROOP_SOCKET=\(hosts.folder)/\(old).sock"])
        #expect(again.code == 0, "\(again.output)")
        #expect(await eventually { hosts.owner() == new }, "\(hosts.logs)")

        // An agent that stops takes it along.
        for name in [old, new] {
            agents[name]?.signal(SIGTERM)
            #expect(agents[name]?.wait() == 0)
            #expect(!network.has(AddressTests.address, name))
        }
    }

    @Test(.timeLimit(.minutes(3))) func inLimboItStaysUntilAnotherStationHasIt() async throws {
        let hosts = try Hosts()
        let network = hosts.network
        let agent = try hosts.start("a")
        #expect(await eventually(within: 20_000) { hosts.owner() == "a" }, "\(hosts.logs)")
        hosts.redis.pause()
        defer { hosts.redis.resume() }
        #expect(await eventually { hosts.status("a")?.agent.election == "limbo" }, "\(hosts.logs)")
        // The status judges the deadline itself; the address follows the elector's word, which comes a moment later.
        #expect(
            await eventually { Program.text(of: "\(hosts.folder)/a.log").contains("] limbo: ") },
            "\(hosts.logs)")
        #expect(hosts.answer() == "503", "it serves on")
        // The cable is pulled; another station gets the address meanwhile; the cable comes back.
        try network.cable(of: "a", isIn: false)
        try network.run(in: "switch", "ip", "addr", "add", "\(AddressTests.address)/24", "dev", "br0")
        #expect(network.has(AddressTests.address, "a"))
        try network.cable(of: "a", isIn: true)
        #expect(await eventually { !network.has(AddressTests.address, "a") }, "\(hosts.logs)")
        #expect(Program.text(of: "\(hosts.folder)/a.log").contains("announces it"))
        try network.run(in: "switch", "ip", "addr", "del", "\(AddressTests.address)/24", "dev", "br0")
        hosts.redis.resume()
        #expect(await eventually(within: 20_000) { hosts.owner() == "a" }, "\(hosts.logs)")
        agent.signal(SIGTERM)
        #expect(agent.wait() == 0)
    }

    @Test(.timeLimit(.minutes(2))) func anAddressOfIPv6GoesWithTheLeadershipToo() async throws {
        let hosts = try Hosts(vip: "fd09::100", bits: 64)
        let network = hosts.network
        try network.run(in: "switch", "ip", "addr", "add", "fd09::1/64", "dev", "br0", "nodad")
        let agents = ["a": try hosts.start("a"), "b": try hosts.start("b")]
        var owner: String?
        #expect(
            await eventually(within: 20_000) {
                owner = hosts.owner()
                return owner != nil
            }, "\(hosts.logs)")
        let old = try #require(owner)
        let new = old == "a" ? "b" : "a"
        #expect(await eventually { hosts.answer() == "503" }, "a proxy without servers answers")
        #expect(network.neighbour(hosts.address).contains(try network.hardware(old)))
        agents[old]?.signal(SIGKILL)
        _ = agents[old]?.wait()
        let hardware = try network.hardware(new)
        let isLearnt = await eventually { network.neighbour(hosts.address).contains(hardware) }
        #expect(isLearnt, "\(network.neighbour(hosts.address))\n\(hosts.logs)")
        // In limbo it goes as soon as another station announces it.
        hosts.redis.pause()
        defer { hosts.redis.resume() }
        #expect(await eventually { hosts.status(new)?.agent.election == "limbo" }, "\(hosts.logs)")
        #expect(network.has(hosts.address, new))
        try network.run(in: old, "ip", "addr", "del", "fd09::100/64", "dev", "eth0")
        try network.cable(of: new, isIn: false)
        try network.run(in: "switch", "ip", "addr", "add", "fd09::100/64", "dev", "br0", "nodad")
        try network.cable(of: new, isIn: true)
        #expect(await eventually { !network.has(hosts.address, new) }, "\(hosts.logs)")
    }
}
