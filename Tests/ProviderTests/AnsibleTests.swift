import Fixtures
import Glibc
import Linux
import Testing

@testable import Remediation

/// Real playbooks over a real ssh, to a server of this test's own on a free port.
@Suite(
    .serialized, .timeLimit(.minutes(4)),
    .disabled(if: SSHHost.isMissing, "no ansible-playbook or sshd: run 'scripts/bootstrap test'"))
struct AnsibleTests {
    init() { signal(SIGPIPE, SIG_IGN) }

    private func run(
        _ playbook: String, on ssh: SSHHost, seconds: Int = 120, lines: Record<String>,
        _ change: (inout AnsibleSettings) -> Void = { _ in }
    ) async throws {
        var settings = ssh.settings
        change(&settings)
        let target = PlaybookTarget(
            host: "web-4", address: "127.0.0.1", cluster: "demo", operation: "op-1", epoch: 12, machine: "i-1"
        )
        try await StepRunner(settings).run(
            .playbook(path: Repository.path("Tests/ProviderTests/Playbooks/\(playbook).yml")), on: target,
            deadlineSeconds: seconds, output: { lines.add($0) })
    }

    private static func playFolders() -> Set<String> {
        var names: Set<String> = []
        guard let folder = opendir("/tmp") else { return names }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix("troop-play-") { names.insert(name) }
        }
        return names
    }

    @Test func aPlaybookReachesItsMachine() async throws {
        let ssh = try SSHHost()
        let lines = Record<String>()
        let before = Self.playFolders()
        try await run("touch", on: ssh, lines: lines)
        #expect(RedisServer.text(of: "\(ssh.folder)/written") == "web-4 op-1 12 demo i-1 from-a-file\n")
        #expect(
            lines.all.contains { $0.contains("web-4") && $0.contains("ok=1") && $0.contains("changed=1") })
        #expect(Self.playFolders().subtracting(before).isEmpty)
        // Again: nothing to change.
        let again = Record<String>()
        try await run("touch", on: ssh, lines: again)
        #expect(again.all.contains { $0.contains("ok=1") && $0.contains("changed=0") })
    }

    @Test func aPlaybookThatFailsSaysWhy() async throws {
        let ssh = try SSHHost()
        let fault = await #expect(throws: PlaybookFault.self) {
            try await run("fail", on: ssh, lines: Record<String>())
        }
        guard case .failed(2, let tail) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(tail.contains("this is why"))
    }

    @Test func aPlaybookThatHangsIsEndedWhenItIsCancelled() async throws {
        let ssh = try SSHHost()
        let before = Self.playFolders()
        let task = Task { try await run("hang", on: ssh, lines: Record<String>()) }
        #expect(
            await eventually(within: 60_000) { RedisServer.text(of: "\(ssh.folder)/pid").hasSuffix("\n") })
        task.cancel()
        await #expect(throws: PlaybookFault.cancelled) { try await task.value }
        #expect(Self.playFolders().subtracting(before).isEmpty)
        // What runs on the machine is the machine's: sshd does not end it with the connection.
        let pid = try #require(Int32(RedisServer.text(of: "\(ssh.folder)/pid").dropLast()))
        _ = kill(pid, SIGKILL)
    }

    @Test func anUnknownHostKeyIsRefusedWhereKeysAreListed() async throws {
        let ssh = try SSHHost()
        let known = "\(ssh.folder)/known"
        try RedisServer.write("", to: known)
        let fault = await #expect(throws: PlaybookFault.self) {
            try await run("touch", on: ssh, lines: Record<String>()) { $0.knownHostsFile = known }
        }
        guard case .failed(4, _) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(RedisServer.text(of: "\(ssh.folder)/written").isEmpty)
    }

    @Test func withoutAnsibleTheFaultSaysSo() async throws {
        let ssh = try SSHHost()
        let fault = await #expect(throws: PlaybookFault.self) {
            try await run("touch", on: ssh, lines: Record<String>()) { $0.program = "/nonexistent/ansible" }
        }
        guard case .unstartable = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
    }
}

/// An ssh server for this user alone, in a folder of its own.
final class SSHHost: Sendable {
    let folder: String
    private let port: UInt16
    private let pid: pid_t

    static let server: String? = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].first { access($0, X_OK) == 0 }

    static var isMissing: Bool {
        server == nil
            || (try? RedisServer.runToEnd(["ansible-playbook", "--version"], log: "/dev/null")) == nil
    }

    init() throws {
        var template = Array("/tmp/troop-sshd-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw RedisServer.Fault(description: "mkdtemp: \(errno)") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        port = try RedisServer.freePort()
        for name in ["host", "user"] {
            try RedisServer.runToEnd(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "\(folder)/\(name)"],
                log: "\(folder)/log")
        }
        try RedisServer.runToEnd(["cp", "\(folder)/user.pub", "\(folder)/authorized"], log: "\(folder)/log")
        let lines = [
            "ListenAddress 127.0.0.1", "Port \(port)", "HostKey \(folder)/host", "PidFile none", "UsePAM no",
            "AuthorizedKeysFile \(folder)/authorized", "StrictModes no", "PasswordAuthentication no",
            "PermitRootLogin prohibit-password", "Subsystem sftp internal-sftp",
        ]
        try RedisServer.write(lines.joined(separator: "\n"), to: "\(folder)/config")
        try RedisServer.write(
            "{\"ansible_port\": \(port), \"test_folder\": \"\(folder)\", \"extra\": \"from-a-file\"}",
            to: "\(folder)/vars.json")
        // Where root's sshd parts its privileges; Debian makes it at boot.
        if geteuid() == 0 { _ = mkdir("/run/sshd", 0o755) }
        pid = try RedisServer.spawn(
            [SSHHost.server ?? "sshd", "-D", "-e", "-f", "\(folder)/config"], input: nil, log: "\(folder)/log"
        )
        let deadline = Instant.now().advanced(milliseconds: 20_000)
        while !RedisServer.text(of: "\(folder)/log").contains("Server listening") {
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == 0, Instant.now() < deadline else {
                throw RedisServer.Fault(description: "sshd: \(RedisServer.text(of: "\(folder)/log"))")
            }
            usleep(10_000)
        }
    }

    deinit {
        var status: Int32 = 0
        _ = kill(pid, SIGKILL)
        _ = waitpid(pid, &status, 0)
        RedisServer.removeFolder(folder)
    }

    var settings: AnsibleSettings {
        var settings = AnsibleSettings()
        settings.privateKeyFile = "\(folder)/user"
        settings.variableFiles = ["\(folder)/vars.json"]
        return settings
    }
}
