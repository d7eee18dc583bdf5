import CloudFixture
import Fixtures
import Peer
import Testing

/// The doctor's last resorts against a cloud that counts: a stop and start, another machine, and whoever is gone for all.
@Suite(
    .serialized, .timeLimit(.minutes(6)),
    .disabled(if: CloudTroop.isMissing, "no Python with moto: run 'scripts/venv cloud'"))
struct CloudLadderTests {
    @Test func aMachineThatDoesNotComeBackIsStoppedAndStarted_thenReplaced() async throws {
        let world = try await CloudTroop(
            CloudTroop.steps, mode: "observe", doctor: "ladder: [reboot, stop-start, replace]")
        let troop = world.troop
        let given = try troop.command("b", "gift")
        try #require(given.code == 0, "\(given.output)")
        let launch = try #require(await world.ended("launch", asking: "a"), "\(troop.logs)")
        try #require(launch.state == "done", "\(launch)\n\(troop.logs)")
        let patient = launch.target
        let address = try #require(world.server(patient)?.split(separator: ":").first.map(String.init))
        let machine = try #require(world.cloud.done("RunInstances").first?.instance)

        // Its reboot comes to nothing; stopped and started by the cloud it comes back.
        world.machine("dead", address, "1")
        let boot = Program.text(of: "\(world.folder(address))/boot")
        let first = try await treat(patient, in: world)
        #expect(first.operation.state == "done", "\(first.story)")
        #expect(try world.cloud.done("StopInstances").map(\.instance) == [machine], "\(first.story)")
        #expect(try world.cloud.done("StartInstances").map(\.instance) == [machine], "\(first.story)")
        #expect(Program.text(of: "\(world.folder(address))/boot") != boot)
        #expect(troop.status()?.servers.first { $0.host == patient }?.state == "active", "\(first.story)")
        #expect(try world.cloud.done("RunInstances").count == 1, "\(first.story)")

        // Nothing brings it back: another machine takes its place, and only then it is given up.
        world.machine("dead", address, "9")
        let second = try await treat(patient, in: world)
        #expect(second.operation.state == "done", "\(second.story)")
        let launched = try world.cloud.done("RunInstances")
        #expect(launched.count == 2, "\(second.story)")
        let ended = try world.cloud.done("TerminateInstances")
        #expect(ended.map(\.instance) == [machine], "\(second.story)")
        #expect(try #require(ended.first).at > (try #require(launched.last)).at, "\(second.story)")
        #expect(try world.cloud.done("StopInstances").count == 2, "\(second.story)")
        let servers = troop.status()?.servers ?? []
        #expect(servers.count == 4 && servers.allSatisfy { $0.state == "active" }, "\(servers)")
        #expect(!servers.contains { $0.address.hasPrefix("\(address):") }, "\(servers)")
        print("  " + second.story.split(whereSeparator: \.isNewline).suffix(24).joined(separator: "\n  "))
    }

    /// Silence alone is no illness; a host whose application the witnesses miss, too, is rebooted by the cloud, once.
    @Test func aHostThatIsGoneForAllWitnessesIsRebooted() async throws {
        let world = try await CloudTroop(
            CloudTroop.steps, doctor: "ladder: [reboot], unreachable: true")
        let troop = world.troop
        let given = try troop.command("b", "gift")
        try #require(given.code == 0, "\(given.output)")
        let launch = try #require(await world.ended("launch", asking: "a"), "\(troop.logs)")
        try #require(launch.state == "done", "\(launch)\n\(troop.logs)")
        let patient = launch.target
        let address = try #require(world.server(patient)?.split(separator: ":").first.map(String.init))
        let isServing = await eventually(within: 20_000) {
            troop.status()?.servers.first { $0.host == patient }?.healthy == true
        }
        #expect(isServing)

        world.machine("deaf", address)
        let isLost = await eventually(within: 30_000) {
            troop.status()?.hosts.first { $0.name == patient }?.state == "lost"
        }
        #expect(isLost)
        let isHasty = await eventually(within: 10_000) {
            world.operations("a").contains { $0.kind == "reboot" }
        }
        #expect(!isHasty, "its application answers: \(world.operations("a"))")

        let boot = Program.text(of: "\(world.folder(address))/boot")
        world.machine("StopInstances", address)
        let reboot = try #require(await world.ended("reboot", asking: "a"), "\(troop.logs)")
        let story = try troop.command("a", "operations", "show", reboot.id, "--log").output
        #expect(reboot.state == "done" && reboot.target == patient, "\(story)")
        #expect(try world.cloud.done("RebootInstances").count == 1, "\(story)")
        #expect(Program.text(of: "\(world.folder(address))/boot") != boot)
        #expect(troop.status()?.servers.first { $0.host == patient }?.state == "active", "\(story)")
        print("  " + story.split(whereSeparator: \.isNewline).prefix(16).joined(separator: "\n  "))
    }

    /// What a person's order to treat the host led to.
    private func treat(_ host: String, in world: CloudTroop) async throws -> (
        operation: OperationLine, story: String
    ) {
        let known = Set(world.operations("a").map(\.id))
        let asked = try world.troop.command("c", "doctor", host)
        try #require(asked.code == 0, "\(asked.output)\n\(world.troop.logs)")
        var found: OperationLine?
        _ = await eventually(within: 150_000) {
            found = world.operations("a").first { !known.contains($0.id) }
            return found.map { ["done", "failed", "cancelled"].contains($0.state) } ?? false
        }
        let operation = try #require(found, "\(world.troop.logs)")
        return (operation, try world.troop.command("a", "operations", "show", operation.id, "--log").output)
    }
}
