import Election
import Fixtures
import Glibc
import Linux
import Logging
import Testing

@testable import Peer
@testable import Store

@Suite struct HookTests {
    private final class Folder {
        let path: String

        init() throws {
            var template = Array("/tmp/troop-hooks-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { throw RedisServer.Fault(description: "mkdtemp") }
            path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }

        deinit { RedisServer.removeFolder(path) }

        func text(_ name: String) -> String { RedisServer.text(of: "\(path)/\(name)") }
    }

    private func run(_ script: String, within milliseconds: Int64 = 10_000) -> HookProcess.End {
        HookProcess.run(["sh", "-c", script], [("TROOP_EPOCH", "7")], within: milliseconds)
    }

    @Test func aHookSeesItsEnvironmentAndNothingElseOfTheAgent() throws {
        let folder = try Folder()
        setenv("TROOP_REDIS_PASSWORD", "hunter2", 1)
        defer { unsetenv("TROOP_REDIS_PASSWORD") }
        #expect(run("env > \(folder.path)/env; ls /proc/self/fd | wc -l > \(folder.path)/fds") == .done)
        #expect(folder.text("env").contains("TROOP_EPOCH=7"))
        #expect(folder.text("env").contains("PATH="))
        #expect(!folder.text("env").contains("hunter2"))
        #expect(
            Int(folder.text("fds").prefix { $0.isNumber }).map { $0 <= 4 } ?? false, "\(folder.text("fds"))")
    }

    @Test func howItFailedAndWhatItSaidAreTold() {
        #expect(run("echo no; echo way >&2; exit 3") == .failed("exit code 3", tail: "no way"))
        #expect(run("kill -9 $$") == .failed("killed by signal 9", tail: ""))
        let missing = HookProcess.run(["/nowhere/hook"], [], within: 1000)
        #expect(missing == .unstartable("/nowhere/hook: No such file or directory"))
    }

    @Test func aHookThatTakesTooLongIsEndedWithAllThatItStarted() async throws {
        let folder = try Folder()
        let script =
            "echo $$ > \(folder.path)/pid; sh -c 'trap \"\" TERM; echo $$ > \(folder.path)/child; sleep 100' & "
        let end = run(script + "trap '' TERM; wait; sleep 100", within: 300)
        #expect(end == .late(tail: ""))
        for name in ["pid", "child"] {
            let id = try #require(pid_t(folder.text(name).prefix { $0.isNumber }))
            #expect(await eventually { kill(id, 0) != 0 || isZombie(id) }, "\(name) lives on")
        }
    }

    /// A process that inherited SIGCHLD ignored learns of no child's end.
    @Test(.timeLimit(.minutes(1))) func aHookWhoseEndNobodyHearsOfIsNotWaitedForForEver() async {
        await #expect(processExitsWith: .success) {
            _ = signal(SIGCHLD, SIG_IGN)
            let end = HookProcess.run(["sh", "-c", "echo hello"], [], within: 10_000)
            exit(end == .failed("nobody knows how it ended", tail: "hello") ? 0 : 1)
        }
    }

    @Test func whatAHookLeavesBehindEndsWithIt() async throws {
        let folder = try Folder()
        #expect(run("sleep 100 & echo $! > \(folder.path)/child; exit 0") == .done)
        let id = try #require(pid_t(folder.text("child").prefix { $0.isNumber }))
        #expect(await eventually { kill(id, 0) != 0 || isZombie(id) })
    }

    @Test func aFloodOfOutputNeitherBlocksNorIsKept() {
        let end = run("head -c 3000000 /dev/zero | tr '\\0' x; echo END; exit 1")
        guard case .failed("exit code 1", let tail) = end else { return #expect(Bool(false), "\(end)") }
        #expect(tail.hasSuffix("END"))
        #expect(tail.utf8.count <= 512)
    }

    private func isZombie(_ id: pid_t) -> Bool {
        RedisServer.text(of: "/proc/\(id)/stat").contains(") Z ")
    }

    @Test func hooksRunOneAfterTheOtherAndFailuresAreEvents() async throws {
        let folder = try Folder()
        let server = try RedisServer()
        let store = try Store(StoreSettings(url: try StoreURL(server.url())), name: "test") { _ in }
        let told = Record<Event>()
        let events = EventLog(
            store: store, keys: Keys(cluster: "demo"), host: "a",
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { told.add($0) }
        let script = """
            echo begin $TROOP_EVENT $TROOP_EPOCH >> \(folder.path)/log; sleep 0.2
            echo end $TROOP_EPOCH >> \(folder.path)/log
            [ $TROOP_EVENT = on_promote ]
            """
        let settings = LeadershipHooks(
            onPromote: ["sh", "-c", script], onDemote: ["sh", "-c", script], timeoutMilliseconds: 10_000)
        let runner = try HookRunner(settings, cluster: "demo", events: events)
        defer { runner.stop() }
        for epoch in 1...3 as ClosedRange<Int64> {
            let lease = try #require(Lease(host: "a", nonce: "n", epoch: epoch))
            let occasion: HookOrder.Occasion = epoch == 2 ? .demote : .promote
            runner.run(HookOrder(occasion, lease: lease, leader: nil, previous: nil, reason: "test"))
        }
        #expect(!runner.isIdle)
        #expect(await eventually { runner.isIdle })
        #expect(
            folder.text("log")
                == "begin on_promote 1\nend 1\nbegin on_demote 2\nend 2\nbegin on_promote 3\nend 3\n")
        #expect(told.all.map(\.kind) == ["hook.done", "hook.failed", "hook.done"])
        #expect(told.all[1].text == "hooks.on_demote failed, exit code 1: ")
        #expect(told.all[1].details["epoch"] == "2")
        await store.close()
    }
}
