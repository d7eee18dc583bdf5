import CloudFixture
import Fixtures
import Glibc
import Linux
import Peer
import Testing
import Transfer

/// From the policies' wish to the cloud and back, with real agents, a real EC2 API, and ansible over a real ssh.
@Suite(
    .serialized, .timeLimit(.minutes(6)),
    .disabled(
        if: CloudTroop.isMissing || SSHDoor.isMissing,
        "no Python with moto, ansible-playbook or sshd: run 'scripts/venv cloud' and 'scripts/bootstrap test'"
    ))
struct CloudTests {
    private static let playbooks = """
          playbooks: {provision: "@/provision.yml", production: "@/production.yml", private_key_file: "@/user", variable_files: ["@/vars.json"]}
        """

    private func playbook(_ action: String, _ more: String = "") -> String {
        """
        - hosts: troop
          gather_facts: false
          tasks:
            - ansible.builtin.wait_for_connection: {timeout: 30}
            - ansible.builtin.command: /bin/sh {{ test_folder }}/machine.sh \(action) {{ troop_address }} \(more)
        """
    }

    @Test func heatLaunchesAMachine_andAnIllOneReturnsProven() async throws {
        let world = try await CloudTroop(CloudTests.playbooks)
        let troop = world.troop
        let door = try SSHDoor(folder: troop.folder)
        try Ensemble.write(playbook("provision", "{{ troop_host }}"), to: "\(troop.folder)/provision.yml")
        try Ensemble.write(playbook("production"), to: "\(troop.folder)/production.yml")

        let page =
            Python.hasChromium
            ? try Python.Script(
                "dashboard_gift.py", ["http://127.0.0.1:\(troop.members[1].apiPort)/", Python.pictures]) : nil
        if let page { #expect(page.line(after: "open") != nil, "\(page.heard)") }

        // The fleet gets hot: one instance, made ready over ssh, in the list.
        for member in troop.members { _ = troop.get("/burn?seconds=15", port: member.appPort) }
        let launch = try #require(await world.ended("launch", asking: "a"), "\(troop.logs)")
        let shown = try troop.command("a", "operations", "show", launch.id, "--log").output
        try #require(launch.state == "done", "\(shown)\n\(troop.logs)")
        #expect(shown.contains("PLAY RECAP"), "\(shown)")
        let runs = try world.cloud.done("RunInstances")
        #expect(runs.count == 1 && runs.first?.operation == launch.id, "\(runs)")
        print(
            "  threshold held → RunInstances asked of the cloud, on a machine without a free core: \(try sinceTheWindow(runs)) ms"
        )
        let newcomer = launch.target
        let isServing = await eventually {
            (0..<20).contains { _ in troop.get()?.body.contains("app-\(newcomer)") ?? false }
        }
        #expect(isServing, "the launched server gets no requests")
        if let page { #expect(page.end() == 0, "\(page.heard)") }

        // It falls ill: its own agent reboots it, the playbook starts the application, and it returns.
        let address = try #require(world.server(newcomer)?.split(separator: ":").first.map(String.init))
        let boot = Program.text(of: "\(world.folder(address))/boot")
        let port = try #require(world.server(newcomer)?.split(separator: ":").last)
        var burn = Transfer(url: "http://\(address):\(port)/burn?seconds=60")
        burn.timeoutMilliseconds = 3000
        #expect(try burn.perform().status == 200)
        let reboot = try #require(await world.ended("reboot", asking: "a"), "\(troop.logs)")
        var story = try troop.command("a", "operations", "show", reboot.id, "--log").output
        #expect(reboot.state == "done" && reboot.target == newcomer, "\(story)")
        #expect(story.contains("proven: boot") && story.contains("PLAY RECAP"), "\(story)")
        let proven = Program.text(of: "\(world.folder(address))/boot")
        #expect(proven != boot)
        #expect(try world.cloud.done("RebootInstances").isEmpty, "its agent did it")
        #expect(troop.status()?.servers.first { $0.host == newcomer }?.state == "active")

        // Its agent is gone: a person's word reboots it through the cloud, once.
        world.machine("deaf", address)
        let isLost = await eventually(within: 30_000) {
            troop.status()?.hosts.first { $0.name == newcomer }.map { $0.state != "up" } ?? false
        }
        #expect(isLost)
        let asked = try troop.command("b", "doctor", newcomer)
        #expect(asked.code == 0, "\(asked.output)")
        let isDone = await eventually(within: 60_000) {
            world.operations("a").filter { $0.kind == "reboot" && $0.state == "done" }.count == 2
        }
        let second = try #require(world.operations("a").first { $0.kind == "reboot" })
        story = try troop.command("a", "operations", "show", second.id).output
        #expect(isDone, "\(story)")
        #expect(story.contains("proven: boot"), "\(story)")
        #expect(Program.text(of: "\(world.folder(address))/boot") != proven)
        #expect(try world.cloud.done("RebootInstances").count == 1)
        print("  " + story.split(whereSeparator: \.isNewline).suffix(10).joined(separator: "\n  "))
        withExtendedLifetime(door) {}
    }

    /// Windows of two seconds begin at even seconds of the clock that never steps.
    private func sinceTheWindow(_ runs: [TestCloud.Entry]) throws -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let wall = Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        let ago = wall - (try #require(runs.first).at)
        return (Instant.now().nanoseconds / 1_000_000 - ago) % 2000
    }
}

/// An ssh server for this user alone, at every loopback address.
final class SSHDoor: Sendable {
    private let pid: pid_t

    static let server: String? = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].first { access($0, X_OK) == 0 }

    static var isMissing: Bool {
        server == nil
            || (try? RedisServer.runToEnd(["ansible-playbook", "--version"], log: "/dev/null")) == nil
    }

    /// Opens it; keys and variables for ansible are in `folder` then.
    init(folder: String) throws {
        let port = try RedisServer.freePort()
        let log = "\(folder)/sshd.log"
        for name in ["host", "user"] {
            try RedisServer.runToEnd(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "\(folder)/\(name)"], log: log)
        }
        let lines = [
            "ListenAddress 0.0.0.0", "Port \(port)", "HostKey \(folder)/host", "PidFile none", "UsePAM no",
            "AuthorizedKeysFile \(folder)/user.pub", "StrictModes no", "PasswordAuthentication no",
            "PermitRootLogin prohibit-password", "Subsystem sftp internal-sftp",
        ]
        try Ensemble.write(lines.joined(separator: "\n"), to: "\(folder)/sshd.conf")
        try Ensemble.write(
            "{\"ansible_port\": \(port), \"test_folder\": \"\(folder)\"}", to: "\(folder)/vars.json")
        // Where root's sshd parts its privileges; Debian makes it at boot.
        if geteuid() == 0 { _ = mkdir("/run/sshd", 0o755) }
        pid = try RedisServer.spawn(
            [SSHDoor.server ?? "sshd", "-D", "-e", "-f", "\(folder)/sshd.conf"], input: nil, log: log)
        let deadline = Instant.now().advanced(milliseconds: 20_000)
        while !RedisServer.text(of: log).contains("Server listening") {
            guard Instant.now() < deadline else {
                throw RedisServer.Fault(description: "sshd: \(RedisServer.text(of: log))")
            }
            usleep(10_000)
        }
    }

    deinit {
        _ = kill(pid, SIGKILL)
        _ = waitpid(pid, nil, 0)
    }
}
