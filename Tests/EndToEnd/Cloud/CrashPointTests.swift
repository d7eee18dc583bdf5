import CloudFixture
import Fixtures
import Glibc
import Linux
import Peer
import Testing

/// The leader is killed at each writing of an operation's journal and at each request to the cloud; machines and reboots
/// are counted from the cloud's own log.
///
/// Where the journal is written is learnt from a calm run. `CRASH_POINTS=all` plays every point; without it a few of the
/// worst are played.
@Suite(
    .serialized, .timeLimit(.minutes(30)),
    .disabled(if: CloudTroop.isMissing, "no Python with moto: run 'scripts/venv cloud'"))
struct CrashPointTests {
    /// Where the leader dies.
    private enum Point: CustomStringConvertible {
        case journal(Int, Relay.Trap.Side)
        /// `parked`: before the cloud has done it, which it does afterwards; `held`: after it.
        case cloud(String, String)

        var description: String {
            switch self {
            case .journal(let number, let side): "\(side) writing \(number)"
            case .cloud(let action, let when): "\(action) \(when)"
            }
        }
    }

    /// What stands in every writing of an operation, and in nothing else that agents send.
    private static let mark = #""isCommitted":"#
    private static let wantsAll = getenv("CRASH_POINTS").map { String(cString: $0) == "all" } ?? false

    private func points(_ writings: Int, _ action: String) -> [Point] {
        let ends: [Point] = [.cloud(action, "parked"), .cloud(action, "held")]
        guard CrashPointTests.wantsAll else {
            return ends + [.journal(action == "RunInstances" ? 2 : 1, .after)]
        }
        return ends + (1...writings).flatMap { [.journal($0, .before), .journal($0, .after)] }
    }

    @Test func aLaunchMakesOneMachineWhereverItsLeaderDies() async throws {
        let world = try await CloudTroop(CloudTroop.steps, mode: "observe", wired: true)
        let writings = try await calm(world) { try world.troop.command($0, "gift") }
        print("  a launch is written \(writings) times")
        for point in points(writings, "RunInstances") {
            let before = try world.cloud.done("RunInstances").count
            let known = Set(world.operations("a").map(\.id))
            let other = try await strike(world, at: point, asking: ["gift"])
            let isOver = await settled(world, asking: other)
            #expect(isOver, "\(point): \(world.operations(other))\n\(world.troop.logs)")
            let new = world.operations(other).filter { !known.contains($0.id) }
            let runs = try world.cloud.done("RunInstances").dropFirst(before)
            #expect(new.count <= 1 && runs.count == new.count, "\(point): \(new) \(runs)")
            #expect(new.allSatisfy { $0.state == "done" }, "\(point): \(new)")
            #expect(
                Set(runs.map(\.instance)).count == runs.count
                    && runs.allSatisfy { $0.operation == new.first?.id })
            print("  \(point): \(new.map(\.state)), machines \(runs.count)")
            try await mend(world)
            world.machine("end")  // enough is enough: the machines of the rounds would fill this one
            for server in world.troop.status()?.servers ?? [] where server.host.hasPrefix("gift-") {
                _ = try world.troop.command(other, "servers", "remove", server.address)
            }
        }
    }

    @Test func aRebootHappensOnceAtMostWhereverItsLeaderDies() async throws {
        let world = try await CloudTroop(CloudTroop.steps, mode: "observe", wired: true)
        _ = try await calm(world) { try world.troop.command($0, "gift") }
        let patient = try #require(world.operations("a").first?.target)
        let address = try #require(world.server(patient)?.split(separator: ":").first.map(String.init))
        try await fallSilent(world, patient, address)
        let writings = try await calm(world) { try world.troop.command($0, "doctor", patient) }
        print("  a reboot is written \(writings) times")
        #expect(try world.cloud.done("RebootInstances").count == 1)
        for point in points(writings, "RebootInstances") {
            try await fallSilent(world, patient, address)
            let before = try world.cloud.done("RebootInstances").count
            let known = Set(world.operations("a").map(\.id))
            let other = try await strike(world, at: point, asking: ["doctor", patient])
            let isOver = await settled(world, asking: other)
            #expect(isOver, "\(point): \(world.operations(other))\n\(world.troop.logs)")
            let new = world.operations(other).filter { !known.contains($0.id) }
            let reboots = try world.cloud.done("RebootInstances").count - before
            #expect(new.count <= 1 && reboots <= new.count, "\(point): \(new), \(reboots) reboots")
            // Never "done" without its proof, never in the list without "done".
            let state = world.troop.status()?.servers.first { $0.host == patient }?.state
            for operation in new where operation.state != "cancelled" {
                #expect((operation.state == "done") == (reboots == 1), "\(point): \(operation), \(reboots)")
                #expect((operation.state == "done") == (state == "active"), "\(point): \(state ?? "-")")
            }
            print("  \(point): \(new.map(\.state)), reboots \(reboots)")
            try await mend(world)
            if state != "active" {
                world.machine("RebootInstances", address)
                world.machine("production", address)
                _ = try world.troop.command(other, "quarantine", "release", patient)
                _ = try world.troop.command(other, "undrain", patient)
            }
            let isBack = await eventually(within: 30_000) {
                world.troop.status()?.servers.first { $0.host == patient }.map {
                    $0.state == "active" && $0.healthy == true
                } ?? false
            }
            try #require(isBack, "\(point)")
        }
    }

    /// Runs an operation that nobody disturbs; how often it is written.
    private func calm(
        _ world: CloudTroop, _ ask: (String) throws -> (code: Int32?, output: String)
    ) async throws -> Int {
        let leader = try #require(world.leader)
        let other = try #require(world.troop.members.map(\.name).first { $0 != leader })
        let wire = try #require(world.troop.wires[leader])
        wire.set(trap: Relay.Trap(CrashPointTests.mark))
        let asked = try ask(other)
        try #require(asked.code == 0, "\(asked.output)\n\(world.troop.logs)")
        let isOver = await settled(world, asking: other)
        let state = world.operations(other).first?.state
        try #require(isOver && state == "done", "\(world.operations(other))\n\(world.troop.logs)")
        defer { wire.set(trap: nil) }
        return wire.seen
    }

    /// Asks, and kills the leader at the point; the name of an agent that lives.
    private func strike(_ world: CloudTroop, at point: Point, asking words: [String]) async throws -> String {
        let leader = try #require(world.leader)
        let other = try #require(world.troop.members.map(\.name).first { $0 != leader })
        let wire = try #require(world.troop.wires[leader])
        switch point {
        case .journal(let number, let side):
            wire.set(trap: Relay.Trap(CrashPointTests.mark, number: number, side: side))
        case .cloud(let action, let when): try world.cloud.play(when, on: action)
        }
        let known = Set(world.operations(other).map(\.id))
        let asked = try Program(
            words, log: "\(world.troop.folder)/asked \(point).log",
            environment: ["TROOP_SOCKET=\(try world.troop.member(other).socket)"])
        let isThere = await eventually(within: 40_000) {
            switch point {
            case .journal: wire.isSprung
            case .cloud: (try? world.cloud.parked()) == 1
            }
        }
        // How often an operation is written depends on how often its steps are looked at: the last points may not be.
        let isOver = world.operations(other).contains { !known.contains($0.id) && $0.state == "done" }
        if isOver, !isThere { print("  \(point): the operation was over before it") }
        #expect(
            isThere || isOver,
            "\(point) was not reached: \(asked.output)\n\(world.operations(other))\n\(world.troop.logs)")
        _ = try world.troop.killAgent(leader)
        wire.hangUp()
        wire.set(trap: nil)
        wire.mend()
        try world.cloud.control("release")
        _ = asked.wait(within: 10_000)
        try world.startAgent(leader)
        return other
    }

    /// True once a leader leads and nothing is under way.
    private func settled(_ world: CloudTroop, asking name: String) async -> Bool {
        await eventually(within: 90_000) {
            world.troop.status(of: name)?.leader != nil
                && world.listed(name)?.allSatisfy { ["done", "failed", "cancelled"].contains($0.state) }
                    ?? false
        }
    }

    private func mend(_ world: CloudTroop) async throws {
        let isWhole = await eventually(within: 30_000) {
            world.troop.members.allSatisfy { world.troop.status(of: $0.name)?.leader != nil }
                && (try? world.troop.command("a", "monkeys").code) == 0
        }
        try #require(isWhole, "\(world.troop.logs)")
    }

    /// The machine's agent dies, its application lives: only the provider can reboot it now.
    private func fallSilent(_ world: CloudTroop, _ host: String, _ address: String) async throws {
        world.machine("deaf", address)
        let isLost = await eventually(within: 40_000) {
            world.troop.status()?.hosts.first { $0.name == host }.map { $0.state != "up" } ?? false
        }
        try #require(isLost)
    }
}
