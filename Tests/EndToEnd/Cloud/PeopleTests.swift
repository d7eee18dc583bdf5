import CloudFixture
import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// What people ask about operations, against a cloud that counts.
@Suite(
    .serialized, .timeLimit(.minutes(3)),
    .disabled(if: CloudTroop.isMissing, "no Python with moto: run 'scripts/venv cloud'"))
struct PeopleTests {
    /// A step that hangs, and says which process it is.
    private static let hanging = """
          steps:
            provision: {command: [/bin/sh, -c, 'echo $$ > @/step.pid; sleep 600 & wait']}
        """

    @Test func aLaunchThatIsTakenBackLeavesNothing_andOneOfTwoCommandsWins() async throws {
        // Wired only for a Redis that the test may write to as well.
        let world = try await CloudTroop(PeopleTests.hanging, mode: "observe", wired: true)
        let troop = world.troop
        let asked = try ["a", "b"].map { name in
            try Program(
                ["gift"], log: "\(troop.folder)/gift-\(name)",
                environment: ["TROOP_SOCKET=\(try troop.member(name).socket)"])
        }
        let codes = asked.map { $0.wait() }
        #expect(codes.sorted { ($0 ?? 9) < ($1 ?? 9) } == [0, 1], "\(asked.map(\.output))")
        #expect(asked.contains { $0.output.contains("under way") }, "\(asked.map(\.output))")
        let isHanging = await eventually(within: 30_000) {
            Program.text(of: "\(troop.folder)/step.pid").hasSuffix("\n")
        }
        try #require(isHanging, "\(troop.logs)")
        let step = try #require(Int32(Program.text(of: "\(troop.folder)/step.pid").dropLast()))
        let id = try #require(world.operations("a").first?.id)
        let cancelled = try troop.command("c", "operations", "cancel", id)
        #expect(cancelled.code == 0, "\(cancelled.output)")
        let launch = try #require(await world.ended("launch", asking: "a"), "\(troop.logs)")
        #expect(launch.state == "cancelled", "\(launch)")
        #expect(kill(step, 0) != 0, "the step goes on")
        #expect(try world.cloud.done("RunInstances").count == 1)
        #expect(try world.cloud.done("TerminateInstances").count == 1)
        #expect(try troop.command("b", "operations", "cancel", id).code == 1)

        // What nobody can read is told, and a person's word takes it away.
        let prefix = "troop:{test}:"
        try troop.redis.command(
            "HSET", "\(prefix)op:x1", "json", "<html>", "revision", "0", "target", "b", "class", "treat")
        try troop.redis.command("ZADD", "\(prefix)ops", "1900000000000", "x1")
        let leader = try #require(world.leader)
        let isTold = await eventually(within: 20_000) {
            (try? troop.command(leader, "check").output.contains("operation x1 on b cannot be read")) ?? false
        }
        #expect(isTold, "\(troop.logs)")
        let isAnEvent = await eventually {
            (try? troop.command("a", "events", "-o", "json").output.contains(
                "operation x1 on b cannot be read"))
                ?? false
        }
        #expect(isAnEvent)
        let setAside = try troop.command("a", "operations", "cancel", "x1")
        #expect(setAside.code == 0 && setAside.output.contains("set aside"), "\(setAside.output)")
        #expect(try troop.redis.command("ZCARD", "\(prefix)ops") == ":0\r\n")
        let isQuarantined = await eventually {
            (try? troop.command("c", "quarantine").output.contains("could not be read")) ?? false
        }
        #expect(isQuarantined)
    }
}
