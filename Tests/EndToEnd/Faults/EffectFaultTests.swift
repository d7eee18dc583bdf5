import CloudFixture
import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// What leaders do outside Redis when they die or come too late: faults 17 and 18 of the election's table.
@Suite(.serialized) struct EffectFaultTests {
    private static let launchMilliseconds: Int64 = 30_000

    private func operations(_ world: FaultTroop, _ name: String) -> [OperationLine] {
        guard let answer = try? world.troop.command(name, "operations", "list", "-o", "json"),
            answer.code == 0
        else { return [] }
        return (try? JSONForm.document([OperationLine].self, from: Array(answer.output.utf8))) ?? []
    }

    /// The cloud has done what it was asked, or has not, and in either case its answer finds nobody any more.
    @Test(
        .timeLimit(FaultTroop.timeLimit),
        .enabled(if: TestCloud.obstacle == nil, "\(TestCloud.obstacle ?? "")"),
        arguments: ["silent", "hang"])
    func aLeaderThatDiesBeforeTheCloudAnswersLaunchesOnce(fault: String) async throws {
        let cloud = try TestCloud()
        let environment = cloud.environment()
        let world = try await FaultTroop(
            settings: """
                remediation:
                  gift: {mode: enforce, max: 900, cooldown: 0s}
                  guard: {grace: 0s, launches_per_hour: 1000}
                  provider: \(cloud.section)
                """, environment: { _ in environment })
        // A new instance is not seen at once: who looks for it first must not take that for an answer.
        try cloud.lag(2)
        for round in FaultTroop.rounds {
            let old = try await world.recover()
            let other = try #require(["a", "b", "c"].first { $0 != old })
            try cloud.play(fault, on: "RunInstances")
            let before = try cloud.done("RunInstances").count
            let hanging = try cloud.hanging()
            let asked = try world.troop.command(other, "gift")
            #expect(asked.code == 0, "\(asked.output)\n\(world.troop.logs)")
            let isSent = try await eventually(within: EffectFaultTests.launchMilliseconds) {
                if fault == "silent" { return try cloud.done("RunInstances").count == before + 1 }
                return try cloud.hanging() == hanging + 1
            }
            try #require(isSent, "\(world.troop.logs)")
            _ = try world.troop.killAgent(old)
            let id = try #require(operations(world, other).first?.id)
            let isKnown = await eventually(within: EffectFaultTests.launchMilliseconds) {
                (try? world.troop.command(other, "operations", "show", id).output.contains("launched i-"))
                    ?? false
            }
            #expect(isKnown, "round \(round): \(operations(world, other))\n\(world.troop.logs)")
            let launched = try cloud.done("RunInstances").filter { $0.operation == id }
            #expect(launched.count == 1, "\(launched)")
            #expect(try cloud.done("RunInstances").count == before + 1)
            // Nobody joins from a machine that does not exist: a person takes the operation back.
            #expect(try world.troop.command(other, "operations", "cancel", id).code == 0)
            let isOver = await eventually(within: EffectFaultTests.launchMilliseconds) {
                !["running", "waiting"].contains(operations(world, other).first?.state)
            }
            #expect(isOver, "\(operations(world, other))")
            try world.troop.startAgent(old, environment: environment)
        }
        try await world.recover()
        world.judge()
    }

    /// An order that comes late, from a leader that was replaced meanwhile, for an operation that waits for it still.
    @Test(.timeLimit(FaultTroop.timeLimit)) func aLateOrderOfAnOldLeaderIsRefused() async throws {
        let world = try await FaultTroop(
            host: ", reboot_command: [/bin/sh, -c, 'echo $TROOP_EPOCH $TROOP_OPERATION >> @.reboots']")
        let host = "c"
        func reboots() -> [String] {
            Program.text(of: "\(world.troop.folder)/\(host).reboots").split(separator: "\n").map(String.init)
        }
        func order(_ id: String, epoch: Int64) throws {
            let redis = world.troop.redis
            try redis.command("HSET", "troop:{test}:op:\(id)", "state", "running", "order:\(id).1", "waiting")
            try redis.command(
                "XADD", "troop:{test}:orders:\(host)", "*", "id", "\(id).1", "operation", id, "kind",
                "reboot",
                "epoch", "\(epoch)", "not_after", "\(WallClock.milliseconds() + 3_600_000)")
            try redis.command("PUBLISH", "troop:{test}:news", "orders")
        }
        func isRefused(_ id: String) throws -> Bool {
            let events = try world.troop.redis.command("XRANGE", "troop:{test}:events", "-", "+")
            return events.contains("order.refused") && events.contains(id)
        }
        for round in FaultTroop.rounds {
            let old = try await world.recover()
            let oldEpoch = try #require(world.troop.status()?.leader?.epoch)
            try order("first-\(round)", epoch: oldEpoch)
            #expect(
                await eventually { reboots().last == "\(oldEpoch) first-\(round)" }, "\(world.troop.logs)")
            let killed = try world.troop.killAgent(old)
            let new = try await world.next(after: killed)
            try world.troop.startAgent(old)
            try await world.recover()
            try order("second-\(round)", epoch: new.epoch)
            #expect(
                await eventually { reboots().last == "\(new.epoch) second-\(round)" }, "\(world.troop.logs)")
            let done = reboots().count
            try order("late-\(round)", epoch: oldEpoch)
            #expect(try await eventually { try isRefused("late-\(round).1") }, "\(world.troop.logs)")
            // What the host remembers is on its disk.
            _ = try world.troop.killAgent(host)
            try world.troop.startAgent(host)
            try await world.recover()
            try order("later-\(round)", epoch: oldEpoch)
            #expect(try await eventually { try isRefused("later-\(round).1") }, "\(world.troop.logs)")
            #expect(reboots().count == done, "\(reboots())")
        }
        world.judge()
    }
}
