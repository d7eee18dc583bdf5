import CloudFixture
import Fixtures
import FoundationEssentials
import Glibc
import Linux
import Peer
import Testing
import Transfer

/// A troop whose machines are launched and rebooted by EC2 as `TestCloud` plays it.
final class CloudTroop: Sendable {
    let cloud: TestCloud
    let troop: Ensemble

    static let isMissing = TestCloud.isMissing
    /// Commands in place of playbooks, which act on the machines of the test.
    static let steps = """
          steps:
            provision: {command: [/bin/sh, -c, 'exec /bin/sh @/machine.sh provision $TROOP_ADDRESS $TROOP_HOST']}
            production: {command: [/bin/sh, -c, 'exec /bin/sh @/machine.sh production $TROOP_ADDRESS']}
        """

    /// Brings a troop up; `steps` are the lines of `remediation:` that prepare machines, `@` standing for its folder.
    init(_ steps: String, mode: String = "enforce", doctor: String = "ladder: [reboot]", wired: Bool = false)
        async throws
    {
        cloud = try TestCloud()
        // No more rights than the documentation asks for, unless wires of the troop's own lead to Redis.
        let store = wired ? nil : try StoreTransportTests.withDocumentedRights()
        troop = try Ensemble(
            election: """
                remediation:
                  provider: {kind: ec2, region: us-east-1, endpoint: "http://127.0.0.1:\(cloud.port)", image: ami-12c6146b, instance_type: t3.micro, tags: {team: web}}
                \(steps)
                  gift: {mode: \(mode), above: 70%, clear: 60%, hold: 4s, max: 100, cooldown: 60s}
                  doctor: {mode: \(mode), above: 90%, hold: 4s, \(doctor), drain: 5s, deadline: 20s, cooldown: 1s}
                  guard: {grace: 1s}
                """, metrics: ", cpu_allowance: 0.2", store: store, wired: wired)
        let port = try RedisServer.freePort()
        let redis = store?.lines ?? "{url: \"redis://127.0.0.1:\(troop.redis.port)/0\"}"
        try Ensemble.write(CloudTroop.machine(troop, port, redis), to: "\(troop.folder)/machine.sh")
        try cloud.control("machines", "{\"command\": [\"/bin/sh\", \"\(troop.folder)/machine.sh\"]}")
        for member in troop.members { try startAgent(member.name) }
        let isUp = await eventually(within: 20_000) { self.troop.isUp(servers: 3) }
        try #require(isUp, "\(troop.logs)")
    }

    deinit { machine("end") }

    func startAgent(_ name: String) throws {
        try troop.startAgent(name, environment: cloud.environment())
    }

    /// Lets the program that is a machine do something.
    func machine(_ words: String...) {
        _ = try? RedisServer.runToEnd(
            ["/bin/sh", "\(troop.folder)/machine.sh"] + words, log: "/dev/null")
    }

    /// The folder of the machine at an address.
    func folder(_ address: String) -> String { "\(troop.folder)/m-\(address)" }

    /// The operations as an agent tells them; none when it tells none.
    func operations(_ name: String) -> [OperationLine] { listed(name) ?? [] }

    /// The same; nil when it does not answer.
    func listed(_ name: String) -> [OperationLine]? {
        guard let answer = try? troop.command(name, "operations", "list", "-o", "json"), answer.code == 0
        else { return nil }
        return try? JSONForm.document([OperationLine].self, from: Array(answer.output.utf8))
    }

    /// Waits until an operation has ended; nil when it does not.
    func ended(_ kind: String, asking name: String, within milliseconds: Int64 = 90_000) async
        -> OperationLine?
    {
        var found: OperationLine?
        _ = await eventually(within: milliseconds) {
            found = self.operations(name).first { $0.kind == kind }
            return found.map { ["done", "failed", "cancelled"].contains($0.state) } ?? false
        }
        return found
    }

    var leader: String? { troop.status()?.leader?.host }

    /// What a machine is: an agent and an application at an address of their own.
    private static func machine(_ troop: Ensemble, _ port: UInt16, _ redis: String) -> String {
        """
        # machine.sh ACTION ADDRESS [NAME]
        d=\(troop.folder)/m-$2
        alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }
        off() { for f in "$1"/agent.pid "$1"/app.pid; do alive "$f" && kill -9 "$(cat "$f")"; rm -f "$f"; done; }
        # As many boots as this file says come to nothing.
        fails() {
          n=$(cat "$d/dead" 2>/dev/null) && [ "$n" -gt 0 ] && echo $((n - 1)) > "$d/dead"
        }
        boot() {
          fails && return
          cat /proc/sys/kernel/random/uuid > "$d/boot"
          agent
        }
        # In a session of its own before this script ends: what is left of a step's session is ended with it.
        begin() {
          pid=$1; log=$2; shift 2
          rm -f "$pid"
          setsid /bin/sh -c 'echo $$ > "$0.new"; mv "$0.new" "$0"; exec "$@"' "$pid" "$@" </dev/null >>"$log" 2>&1 &
          while [ ! -s "$pid" ]; do sleep 0.01; done
        }
        agent() { begin "$d/agent.pid" "$d/agent.log" \(Program.path) agent --config "$d/agent.yaml"; }
        case $1 in
        provision)
          mkdir -p "$d"
          echo "$3" > "$d/name"
          cat > "$d/agent.yaml" <<END
        cluster: test
        host: {name: $3, address: $2, boot_id_file: $d/boot, reboot_command: [/bin/sh, \(troop.folder)/machine.sh, RebootInstances, $2]}
        peer: {listen: "$2:\(port + 1)"}
        state: $d/state
        redis: \(redis)
        api: {listen: "$2:\(port + 2)", socket: $d/agent.sock}
        server: {listen: "$2:\(port)", health: /healthz}
        proxy: {listen: "127.0.0.1:\(troop.proxyPort)", workers: 1}
        metrics: {scope: process, pid_file: $d/app.pid, cpu_allowance: 0.2}
        election: {never_lead: true}
        END
          alive "$d/agent.pid" || boot ;;
        production)
          alive "$d/app.pid" && exit 0
          begin "$d/app.pid" "$d/app.log" \(Program.path) sample-app --address "$2" --port \(port) --name "app-$(cat "$d/name")" ;;
        RebootInstances) off "$d"; boot ;;
        StartInstances) boot ;;
        StopInstances | TerminateInstances) off "$d" ;;
        dead) echo "$3" > "$d/dead" ;;
        deaf) alive "$d/agent.pid" && kill -9 "$(cat "$d/agent.pid")" ;;
        end) for m in \(troop.folder)/m-*; do off "$m"; done ;;
        esac
        exit 0
        """
    }

    /// The port of machines' applications, from a machine's own configuration.
    func server(_ host: String) -> String? {
        troop.status()?.servers.first { $0.host == host }?.address
    }
}
