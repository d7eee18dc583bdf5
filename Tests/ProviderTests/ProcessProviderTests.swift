import Fixtures
import FoundationEssentials
import Glibc
import Linux
import Testing

@testable import Remediation

@Suite(.timeLimit(.minutes(2))) struct ProcessProviderTests {
    /// A folder that ends with its machines.
    final class Rig: Sendable {
        let folder: String

        init() throws {
            var template = Array("/tmp/troop-pp-XXXXXX".utf8CString)
            try #require(mkdtemp(&template) != nil)
            folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }

        deinit {
            do { try ProcessProvider.endAll(folder: folder) } catch { Issue.record("\(error)") }
            RedisServer.removeFolder(folder)
        }

        /// A machine notes its pid, boot id and name, and has a child of its own.
        func provider() throws -> ProcessProvider {
            let script =
                "echo $$ $(cat $TROOP_BOOT_ID) $TROOP_MACHINE_NAME {address} >>\(folder)/{id}.boots; sleep 1000 & wait"
            return try ProcessProvider(
                command: ["sh", "-c", script], folder: folder, environment: ["PATH": "/usr/bin:/bin"])
        }

        func boots(_ id: String) -> [[String]] {
            RedisServer.text(of: "\(folder)/\(id).boots").split(separator: "\n").map {
                $0.split(separator: " ").map(String.init)
            }
        }

        func effects() -> [String] {
            RedisServer.text(of: "\(folder)/log.jsonl").split(separator: "\n").compactMap {
                (try? JSONDecoder().decode([String: String].self, from: Data($0.utf8)))?["effect"]
            }
        }
    }

    @Test func aRebootEndsTheGroupAndStartsItWithAnotherBootID() async throws {
        let rig = try Rig()
        let provider = try rig.provider()
        let machine = try await provider.launch(order("op-1"), permit: always)
        #expect(machine.state == .running)
        #expect(await eventually { rig.boots(machine.id).count == 1 })
        try await provider.reboot(machine.id, operation: "op-2", permit: always)
        #expect(await eventually { rig.boots(machine.id).count == 2 })
        let boots = rig.boots(machine.id)
        #expect(boots[0][0] != boots[1][0] && boots[0][1] != boots[1][1])
        #expect(boots[0][2] == "web-4" && boots[0][3] == machine.privateAddress)
        let first = try #require(Int32(boots[0][0]))
        #expect(getpgid(first) < 0)
        // The same operation's second request, from a leader that did not see the answer, does nothing.
        try await provider.reboot(machine.id, operation: "op-2", permit: always)
        #expect(rig.effects() == ["launch", "reboot"])
        #expect(try await provider.machine(at: try #require(machine.privateAddress))?.id == machine.id)
    }

    @Test func anotherLeaderFindsTheMachinesAndLaunchesNoSecond() async throws {
        let rig = try Rig()
        let machine = try await rig.provider().launch(order("op-1"), permit: always)
        let other = try rig.provider()
        #expect(try await other.machine(launchedBy: "op-1")?.id == machine.id)
        #expect(try await other.launch(order("op-1"), permit: always).id == machine.id)
        #expect(try await other.machines(of: "demo").count == 1)
        #expect(try await other.machines(of: "else").isEmpty)
        #expect(rig.effects() == ["launch"])
    }

    /// As if the number of the process had never been written.
    private func forgetProcess(of id: String, _ rig: Rig) throws {
        let path = "\(rig.folder)/machines.json"
        var known = try JSONDecoder().decode(
            [String: ProcessMachine].self, from: Data(RedisServer.text(of: path).utf8))
        known[id]?.process = nil
        try RedisServer.write(String(decoding: JSONEncoder().encode(known), as: UTF8.self), to: path)
    }

    @Test func aStarterThatDiedBeforeItNotedTheProcessLeavesNoSecond() async throws {
        let rig = try Rig()
        let machine = try await rig.provider().launch(order("op-1"), permit: always)
        #expect(await eventually { rig.boots(machine.id).count == 1 })
        try forgetProcess(of: machine.id, rig)
        #expect(try await rig.provider().launch(order("op-1"), permit: always).state == .running)
        #expect(rig.boots(machine.id).count == 1)
        // The next leader looks before it launches: it finds the process, too.
        try forgetProcess(of: machine.id, rig)
        #expect(try await rig.provider().machine(launchedBy: "op-1")?.state == .running)
        #expect(try await rig.provider().machine(machine.id).state == .running)
        #expect(rig.boots(machine.id).count == 1)
    }

    @Test func aStarterThatDiedBeforeTheProcessBeganHasLaunchedNothing() async throws {
        let rig = try Rig()
        let machine = try await rig.provider().launch(order("op-1"), permit: always)
        #expect(await eventually { rig.boots(machine.id).count == 1 })
        let pid = try #require(Int32(rig.boots(machine.id)[0][0]))
        kill(-pid, SIGKILL)
        #expect(await eventually { ProcessMark(running: pid) == nil })
        try forgetProcess(of: machine.id, rig)
        #expect(try await rig.provider().machine(launchedBy: "op-1") == nil)
        let again = try await rig.provider().launch(order("op-1"), permit: always)
        #expect(again.id == machine.id && again.state == .running)
    }

    @Test func machinesStopStartAndEnd() async throws {
        let rig = try Rig()
        let provider = try rig.provider()
        let id = try await provider.launch(order("op-1"), permit: always).id
        try await provider.stop(id, operation: "op-2", permit: always)
        #expect(try await provider.machine(id).state == .stopped)
        try await provider.start(id, operation: "op-2", permit: always)
        #expect(try await provider.machine(id).state == .running)
        try await provider.terminate(id, operation: "op-3", permit: always)
        try await provider.terminate(id, operation: "op-3", permit: always)
        #expect(try await provider.machine(id).state == .terminated)
        #expect(try await provider.machines(of: "demo").isEmpty)
        #expect(rig.effects() == ["launch", "stop", "start", "terminate"])
        await #expect(throws: ProviderFault.self) { try await provider.machine("m-99") }
    }

    @Test func aMachineThatDiedIsSeenAsStopped() async throws {
        let rig = try Rig()
        let provider = try rig.provider()
        let id = try await provider.launch(order("op-1"), permit: always).id
        #expect(await eventually { rig.boots(id).count == 1 })
        let pid = try #require(Int32(rig.boots(id)[0][0]))
        #expect(kill(-pid, SIGKILL) == 0)
        #expect(try await eventually { try await provider.machine(id).state == .stopped })
        try await provider.reboot(id, operation: "op-2", permit: always)
        #expect(try await provider.machine(id).state == .running)
    }

    @Test func aRebootAlsoEndsWhatLeftTheSession() async throws {
        let rig = try Rig()
        let provider = try ProcessProvider(
            command: ["sh", "-c", "setsid sleep 1000 & echo $! >>\(rig.folder)/stray; sleep 1000"],
            folder: rig.folder, environment: ["PATH": "/usr/bin:/bin"])
        let id = try await provider.launch(order("op-1"), permit: always).id
        let path = "\(rig.folder)/stray"
        #expect(await eventually { RedisServer.text(of: path).split(separator: "\n").count == 1 })
        try await provider.reboot(id, operation: "op-2", permit: always)
        #expect(await eventually { RedisServer.text(of: path).split(separator: "\n").count == 2 })
        let strays = RedisServer.text(of: path).split(separator: "\n").compactMap { Int32($0) }
        #expect(ProcessMark(running: strays[0]) == nil)
        #expect(ProcessMark(running: strays[1]) != nil)
        #expect(try await provider.machine(id).state == .running)
    }

    @Test func withoutPermitNothingIsDone() async throws {
        let rig = try Rig()
        let provider = try rig.provider()
        await #expect(throws: ProviderFault.notPermitted) {
            try await provider.launch(order("op-1"), permit: { false })
        }
        let id = try await provider.launch(order("op-1"), permit: always).id
        await #expect(throws: ProviderFault.notPermitted) {
            try await provider.reboot(id, operation: "op-2", permit: { false })
        }
        #expect(rig.effects() == ["launch"])
    }

    @Test func aFolderOfOthersOrALedgerOfNonsenseIsRefused() async throws {
        let rig = try Rig()
        try RedisServer.write("{\"m-1\": 3}", to: "\(rig.folder)/machines.json")
        await #expect(throws: ProviderFault.self) { try await rig.provider().machines(of: "demo") }
        #expect(unlink("\(rig.folder)/machines.json") == 0)
        #expect(chmod(rig.folder, 0o777) == 0)
        await #expect(throws: ProviderFault.self) { try await rig.provider().machines(of: "demo") }
        #expect(chmod(rig.folder, 0o700) == 0)
    }
}
