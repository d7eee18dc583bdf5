import Glibc
import Linux
import Peer
import Remediation

/// A whole troop on loopback: who runs, on which ports, with which files.
struct DemoTroop: Sendable {
    /// One agent and its sample application.
    struct Member: Sendable {
        let name: String
        let appPort: UInt16
        let apiPort: UInt16
        let peerPort: UInt16
        let socket: String
        let configPath: String
        let pidPath: String
    }

    /// Where configuration, sockets and logs are.
    let home: DemoFolder
    /// Keeps other demos from the proxy's port.
    private let claim: DemoClaim
    let proxyPort: UInt16
    let redisPort: UInt16
    /// The ports of application, API and door of each launched machine, at an address of its own.
    let machinePorts: [UInt16]
    let members: [Member]
    let program: String
    let redisProgram: String

    /// Lays the troop out in a new folder under the temporary one; nothing is started.
    init(agents: Int, proxyPort: UInt16) throws(AgentFault) {
        guard let redis = DemoTroop.find("redis-server") else {
            throw AgentFault(
                "redis-server is not installed; 'make demo' installs it, or: sudo apt-get install redis-server"
            )
        }
        redisProgram = redis
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &path, path.count - 1)
        guard length > 0 else { throw AgentFault("cannot read /proc/self/exe") }
        program = String(decoding: path[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)

        self.proxyPort = proxyPort
        let held: Descriptor
        do {
            claim = try DemoClaim(port: proxyPort)
            // Alone: agents share the port among themselves, and would share it with another user's proxy, too.
            held = try Listening.hold(SocketAddress(host: "127.0.0.1", port: proxyPort), alone: true)
        } catch {
            let why = (error as? SystemFault)?.reason ?? "\(error)"
            throw AgentFault(
                "the proxy's port 127.0.0.1:\(proxyPort) is taken (\(why)); stop what listens there, or choose another with --port"
            )
        }
        let temporary = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let home: DemoFolder
        do {
            DemoFolder.clearDead(in: temporary)
            home = try DemoFolder(in: temporary)
        } catch {
            throw AgentFault("cannot make a folder in \(temporary): \(error)")
        }
        self.home = home
        // While the proxy's port is held, so that it is not among them.
        let ports = DemoTroop.freePorts(4 + 3 * agents)
        _ = held.raw
        guard ports.count == 4 + 3 * agents else {
            home.remove()
            throw AgentFault("no free ports on 127.0.0.1")
        }
        redisPort = ports[0]
        machinePorts = Array(ports.suffix(3))
        let folder = home.path
        members = (0..<agents).map { index in
            let name = DemoTroop.name(index)
            return Member(
                name: name, appPort: ports[1 + 3 * index], apiPort: ports[2 + 3 * index],
                peerPort: ports[3 + 3 * index], socket: "\(folder)/\(name).sock",
                configPath: "\(folder)/\(name).yaml", pidPath: "\(folder)/\(name).pid")
        }
    }

    /// `a`, `b`, … `z`, then `host-27`, ….
    private static func name(_ index: Int) -> String {
        index < 26 ? String(UnicodeScalar(UInt8(ascii: "a") + UInt8(index))) : "host-\(index + 1)"
    }

    /// The store of this troop.
    var redis: ChildProcess {
        ChildProcess(
            name: "redis", starter: program, program: redisProgram,
            arguments: [
                "--port", "\(redisPort)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir",
                folder,
            ],
            logPath: "\(folder)/redis.log", restartMilliseconds: 3000)
    }

    /// The sample application of a member.
    func app(_ member: Member) -> ChildProcess {
        ChildProcess(
            name: "app-\(member.name)", starter: program, program: program,
            arguments: ["sample-app", "--port", "\(member.appPort)", "--name", "app-\(member.name)"],
            logPath: "\(folder)/app-\(member.name).log", restartMilliseconds: 3000)
    }

    /// The agent of a member; started again 5 s after its death, as systemd would.
    func agent(_ member: Member) -> ChildProcess {
        ChildProcess(
            name: member.name, starter: program, program: program,
            arguments: ["agent", "--config", member.configPath],
            logPath: "\(folder)/\(member.name).log", restartMilliseconds: 5000)
    }

    /// The configuration file of a member.
    func configuration(_ member: Member) -> String {
        """
        cluster: demo
        host:
          name: \(member.name)
          address: 127.0.0.1
          # What stands for a reboot here: agent and application die, and the demo starts them again.
          reboot_command: [/bin/sh, -c, "kill -9 $(cat \(member.pidPath)) $PPID"]
        peer: {listen: "127.0.0.1:\(member.peerPort)"}
        state: \(folder)/\(member.name).state
        redis: {url: "redis://127.0.0.1:\(redisPort)/0"}
        api: {listen: "127.0.0.1:\(member.apiPort)", socket: \(member.socket)}
        server: {listen: "127.0.0.1:\(member.appPort)", health: /healthz}
        proxy: {listen: "127.0.0.1:\(proxyPort)", workers: 1}
        metrics: {scope: process, pid_file: \(member.pidPath), cpu_allowance: \(DemoTroop.allowance)}
        remediation:
          provider:
            kind: process
            command: [/bin/sh, "\(machineScript)", "{name}", "{address}", "{boot_id_file}"]
            folder: \(machines)
          gift: {mode: enforce, above: 70%, clear: 60%, hold: 6s, max: \(members.count + 2), cooldown: 60s}
          doctor: {mode: enforce, above: 90%, hold: 6s, drain: 5s, cooldown: 60s}
          guard: {grace: 5s, reboots_per_hour: 60, launches_per_hour: 60}

        """
    }

    /// The cores that count as all of a host's: small, so that a burn is hot on a busy machine, too.
    private static let allowance = 0.5

    /// The folder of the machines that the gift monkey launches.
    var machines: String { "\(folder)/machines" }

    /// The program that is such a machine.
    var machineScript: String { "\(folder)/machine.sh" }

    /// The text of that program: an agent and an application, which end when the demo is gone.
    var machineText: String {
        """
        dir=\(folder)/$1
        mkdir -p "$dir"
        cat > "$dir/agent.yaml" <<END
        cluster: demo
        host: {name: $1, address: $2, boot_id_file: "$3"}
        peer: {listen: "$2:\(machinePorts[2])"}
        state: $dir/state
        redis: {url: "redis://127.0.0.1:\(redisPort)/0"}
        api: {listen: "$2:\(machinePorts[1])", socket: $dir/agent.sock}
        server: {listen: "$2:\(machinePorts[0])", health: /healthz}
        proxy: {listen: "127.0.0.1:\(proxyPort)", workers: 1}
        metrics: {scope: process, pid_file: $dir/app.pid, cpu_allowance: \(DemoTroop.allowance)}
        election: {never_lead: true}
        END
        (while kill -0 \(getpid()) 2>/dev/null; do sleep 1; done; kill -9 0) &
        "\(program)" sample-app --address "$2" --port \(machinePorts[0]) --name "app-$1" &
        echo $! > "$dir/app.pid"
        exec "\(program)" agent --config "$dir/agent.yaml"

        """
    }

    /// The path of the troop's folder.
    var folder: String { home.path }

    /// Ends the machines that were launched, and removes the troop's folder and everything in it.
    func remove() {
        try? ProcessProvider.endAll(folder: machines)
        home.remove()
    }

    private static func find(_ program: String) -> String? {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }

    /// Ports that were free a moment ago; all are held open until the last is found, so that no two are equal.
    private static func freePorts(_ count: Int) -> [UInt16] {
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        var ports: [UInt16] = []
        for _ in 0..<count {
            guard let any = try? SocketAddress("127.0.0.1:0", allowingPortZero: true) else { return ports }
            let raw = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard raw >= 0 else { return ports }
            sockets.append(raw)
            guard any.withSockaddr({ bind(raw, $0, $1) }) == 0 else { return ports }
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let code = withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(raw, $0, &length) }
            }
            guard code == 0, let address = SocketAddress(storage) else { return ports }
            ports.append(address.port)
        }
        return ports
    }
}
