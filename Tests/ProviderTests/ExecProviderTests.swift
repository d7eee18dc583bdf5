import Fixtures
import Glibc
import Testing

@testable import Remediation

@Suite(.timeLimit(.minutes(2))) struct ExecProviderTests {
    init() { signal(SIGPIPE, SIG_IGN) }

    private func provider(_ script: String, milliseconds: Int64 = 20_000) -> ExecProvider {
        ExecProvider(
            command: ["sh", "-c", script], environment: ["PATH": "/usr/bin:/bin"],
            timeoutMilliseconds: milliseconds)
    }

    @Test func theProgramIsAskedInJSON() async throws {
        let exec = provider(
            """
            read -r line
            case $line in
            '{"action":"launch","attempt":1,"cluster":"demo","name":"web-4","operation":"op-1","token":"op-1","version":1}')
              echo '{"machine": {"id": "vm-1", "state": "running", "privateAddress": "10.0.0.4", "operation": "op-1"}}';;
            *) echo "{\\"errorClass\\": \\"permanent\\", \\"message\\": \\"unexpected\\"}";;
            esac
            """)
        let machine = try await exec.launch(order("op-1", attempt: 1), permit: always)
        #expect(
            machine == Machine(id: "vm-1", state: .running, privateAddress: "10.0.0.4", operation: "op-1"))
    }

    @Test(arguments: [
        ("retryable", ProviderFault.retryable("sh reboot: m", mayHaveHappened: true)),
        ("capacity", .capacity("sh reboot: m")), ("auth", .auth("sh reboot: m")),
        ("permanent", .permanent("sh reboot: m")), ("missing", .missing("sh reboot: m")),
    ])
    func faultsAreClassifiedByTheProgram(_ word: String, _ fault: ProviderFault) async {
        let exec = provider("echo '{\"errorClass\": \"\(word)\", \"message\": \"m\"}'; exit 1")
        await #expect(throws: fault) { try await exec.reboot("vm-1", operation: "op", permit: always) }
    }

    @Test(arguments: [
        "exit 0", "echo hello", "echo '<html>'", "echo '{'", "echo '[]'", "echo '{\"machine\": 3}'",
        "kill -9 $$",
        "echo '{}'; exit 4", "cat /dev/zero | head -c 5000000",
        "echo '{\"machine\": {\"id\": \"x\", \"state\": \"odd\"}}'",
        "sleep 100", "exec >&-; exit 0",
    ])
    func hostileAnswersMayHaveHappened(_ script: String) async {
        let exec = provider(script, milliseconds: 1500)
        let fault = await #expect(throws: ProviderFault.self) {
            try await exec.launch(order("op-1"), permit: always)
        }
        guard case .retryable(_, mayHaveHappened: true) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
    }

    @Test(arguments: [
        "{\"machine\": {\"id\": \"../x\", \"state\": \"running\"}}",
        "{\"machine\": {\"id\": \"x\", \"state\": \"running\", \"privateAddress\": \"web.example.org\"}}",
    ])
    func unsoundMachinesAreRefused(_ answer: String) async {
        let exec = provider("echo '\(answer)'")
        let fault = await #expect(throws: ProviderFault.self) { try await exec.machine("x") }
        guard case .permanent = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
    }

    @Test func anAnswerWithoutAListIsNoEmptyCloud() async {
        await #expect(throws: ProviderFault.self) { try await provider("echo '{}'").machines(of: "demo") }
    }

    @Test func withoutPermitNothingIsStarted() async throws {
        let path = "/tmp/troop-exec-\(getpid())"
        await #expect(throws: ProviderFault.notPermitted) {
            try await provider("touch \(path); echo '{}'").reboot("x", operation: "op", permit: { false })
        }
        #expect(access(path, F_OK) != 0)
    }

    @Test func theErrorStreamIsQuoted() async {
        let fault = await #expect(throws: ProviderFault.self) {
            try await provider("echo 'virsh: no such domain' >&2; exit 2").machine("x")
        }
        #expect(fault?.description.contains("virsh: no such domain") ?? false)
    }

    @Test func aMissingProgramIsPermanent() async {
        let exec = ExecProvider(command: ["/nonexistent"], environment: [:], timeoutMilliseconds: 1000)
        let fault = await #expect(throws: ProviderFault.self) { try await exec.machine("x") }
        guard case .permanent = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
    }

    /// The example for bare ssh, with a false `ssh` that notes what it is asked.
    @Test func theExampleForSSHSpeaksTheExchange() async throws {
        var template = Array("/tmp/troop-ssh-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { RedisServer.removeFolder(folder) }
        try RedisServer.write("#!/bin/sh\necho \"$@\" >>\(folder)/asked", to: "\(folder)/ssh")
        #expect(chmod("\(folder)/ssh", 0o755) == 0)
        try RedisServer.write("web-1 10.0.0.1\nweb-2 10.0.0.2", to: "\(folder)/machines")
        let exec = ExecProvider(
            command: [Repository.path("examples/providers/ssh"), "\(folder)/machines"],
            environment: ["PATH": "\(folder):/usr/bin:/bin"], timeoutMilliseconds: 20_000)
        #expect(try await exec.machines(of: "demo").map(\.id) == ["web-1", "web-2"])
        #expect(try await exec.machine(at: "10.0.0.2")?.id == "web-2")
        #expect(try await exec.machine("web-1").privateAddress == "10.0.0.1")
        try await exec.reboot("web-2", operation: "op-1", permit: always)
        #expect(RedisServer.text(of: "\(folder)/asked").contains("10.0.0.2"))
        await #expect(throws: ProviderFault.self) { try await exec.launch(order("op-1"), permit: always) }
        await #expect(throws: ProviderFault.self) { try await exec.machine("web-9") }
    }
}
