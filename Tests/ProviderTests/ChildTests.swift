import Fixtures
import Glibc
import Linux
import Synchronization
import Testing

@testable import Remediation

@Suite(.timeLimit(.minutes(2))) struct ChildTests {
    init() { signal(SIGPIPE, SIG_IGN) }

    private func run(
        _ script: String, input: String = "", milliseconds: Int64 = 20_000
    ) async throws -> (ChildRun.Ending, String) {
        var run = ChildRun(
            ["sh", "-c", script], environment: ["PATH": "/usr/bin:/bin"], deadlineMilliseconds: milliseconds)
        run.input = Array(input.utf8)
        let output = BoundedBytes(limit: 1 << 20)
        let ending = try await run.run(output: { output.add($0) })
        return (ending, String(decoding: output.bytes, as: UTF8.self))
    }

    @Test func outputInputAndStatusArrive() async throws {
        let (ending, text) = try await run("cat; echo err >&2; exit 3", input: "hello\n")
        #expect(ending == .exited(3))
        #expect(text == "hello\nerr\n")
        #expect(try await run("kill -9 $$").0 == .killed(signal: 9))
    }

    @Test func aMissingProgramIsAFault() async {
        let run = ChildRun(["/nonexistent"], environment: [:], deadlineMilliseconds: 1000)
        await #expect(throws: SystemFault.self) { try await run.run(output: { _ in }) }
    }

    @Test func theWholeGroupEndsAtTheDeadline() async throws {
        let (ending, text) = try await run(
            "trap '' TERM; sleep 1000 & echo $!; echo $$; wait; sleep 1000", milliseconds: 300)
        #expect(ending == .deadline)
        for word in text.split(separator: "\n") {
            let pid = try #require(Int32(word))
            #expect(await eventually { kill(pid, 0) != 0 })
        }
    }

    @Test func aChildThatKeepsTheOutputOpenHoldsUpNobody() async throws {
        let (ending, text) = try await run("setsid sleep 20 & echo $!; exit 0")
        #expect(ending == .exited(0))
        let stray = try #require(Int32(text.split(separator: "\n")[0]))
        // It left the group on purpose; nobody waited for it.
        #expect(kill(stray, SIGKILL) == 0)
    }

    @Test func whoIsLeftOfTheGroupIsEnded() async throws {
        let (ending, text) = try await run("sleep 1000 </dev/null >/dev/null 2>&1 & echo $!")
        #expect(ending == .exited(0))
        let pid = try #require(Int32(text.split(separator: "\n")[0]))
        #expect(await eventually { kill(pid, 0) != 0 })
    }

    @Test func cancellingEndsTheGroup() async throws {
        let started = BoundedBytes(limit: 1000)
        let task = Task {
            try await ChildRun(
                ["sh", "-c", "echo $$; sleep 1000"], environment: ["PATH": "/usr/bin:/bin"],
                deadlineMilliseconds: 60_000
            ).run(output: { started.add($0) })
        }
        #expect(await eventually { started.bytes.last == UInt8(ascii: "\n") })
        task.cancel()
        #expect(try await task.value == .cancelled)
        let pid = try #require(Int32(String(decoding: started.bytes.dropLast(), as: UTF8.self)))
        #expect(kill(pid, 0) != 0)
    }

    @Test func aFloodIsCutAndItsEndKept() async throws {
        let lines = Record<String>()
        let runner = StepRunner(AnsibleSettings(), environment: ["PATH": "/usr/bin:/bin"])
        let fault = await #expect(throws: PlaybookFault.self) {
            try await runner.run(
                .command([
                    "sh", "-c",
                    "yes 12345 | head -n 300000; head -c 100000 /dev/zero | tr '\\0' x; echo; echo last; exit 7",
                ]),
                on: target, deadlineSeconds: 60, output: { lines.add($0) })
        }
        guard case .failed(7, let tail) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(tail.hasSuffix("last"))
        #expect(lines.all.count == LineSplitter.linesMax + 1)
        #expect(lines.all.allSatisfy { $0.utf8.count <= LineSplitter.lineBytesMax + 3 })
    }

    private var target: PlaybookTarget {
        PlaybookTarget(
            host: "web-4", address: "127.0.0.1", cluster: "demo", operation: "op-1", epoch: 12, machine: "i-1"
        )
    }

    @Test func aCommandKnowsItsTargetAndNoSecret() async throws {
        let lines = Record<String>()
        let runner = StepRunner(
            AnsibleSettings(),
            environment: [
                "PATH": "/usr/bin:/bin", "AWS_SECRET_ACCESS_KEY": "hidden", "TROOP_REDIS_PASSWORD": "hidden",
            ])
        try await runner.run(.command(["env"]), on: target, deadlineSeconds: 20, output: { lines.add($0) })
        for wanted in ["TROOP_HOST=web-4", "TROOP_EPOCH=12", "TROOP_ADDRESS=127.0.0.1", "TROOP_MACHINE=i-1"] {
            #expect(lines.all.contains(wanted))
        }
        #expect(!lines.all.contains { $0.contains("hidden") })
    }

    @Test(arguments: ["{{ lookup('pipe', 'id') }}", "-o ProxyCommand=id", "a b", ""])
    func aHostThatIsNoNameIsRefused(_ host: String) async {
        var bad = target
        bad.host = host
        await #expect(throws: PlaybookFault.self) {
            try await StepRunner(AnsibleSettings()).run(
                .command(["true"]), on: bad, deadlineSeconds: 5, output: { _ in })
        }
    }

    @Test func coloursAndControlsAreTakenOut() {
        #expect(LineSplitter.plain(Array("\u{1b}[0;32mok\u{1b}[0m\r\t\u{7}x\u{202e}".utf8)) == "ok x")
    }
}
