import Linux
import Remediation
import Testing

/// The doctor's ladder: each rung alone, one after the other, and with leaders that die between any two steps.
@Suite struct LadderTests {
    private static let all: [Remedy] = [.restartApp, .reboot, .stopStart, .replace]

    private func heal(_ ladder: [Remedy], curedBy cure: Remedy?) -> World {
        var operation = Operation(
            id: "op3", kind: ladder[0].kind, target: "a", server: "10.0.0.1:3000", ladder: ladder, epoch: 1,
            started: 0, reason: "cpu of a 97 %", by: "doctor")
        operation.newcomer = "gift-3"
        var world = World(operation)
        world.curedBy = cure
        world.canProduce = true
        world.limits.healthyMilliseconds = 20_000
        return world
    }

    /// Runs it calmly, then with a death at each point, and with a second one soon after.
    private func forEveryDeath(in make: () -> World, _ check: (World) -> Void) {
        var calm = make()
        let hasEnded = calm.run()
        #expect(hasEnded, "\(calm.stored.step) \(calm.stored.lines)")
        check(calm)
        for first in 1...calm.points {
            for second in [0, 1, 3] {
                var world = make()
                world.deaths = second == 0 ? [first] : [first, first + second]
                let hasEnded = world.run()
                #expect(hasEnded, "deaths \(world.deaths): \(world.stored.step) \(world.stored.lines)")
                check(world)
            }
        }
    }

    @Test(arguments: all) func theRungThatHelpsIsTheLast(cure: Remedy) {
        let rung = LadderTests.all.firstIndex(of: cure) ?? 0
        forEveryDeath(in: {
            var world = heal(LadderTests.all, curedBy: cure)
            world.canProduce = false
            return world
        }) { world in
            let story = "deaths \(world.deaths): \(world.stored.lines)"
            #expect(world.stored.state == .done && world.stored.rung == rung, "\(story)")
            #expect(world.reboots == (rung >= 1 ? 1 : 0), "\(story)")
            #expect(world.stops == (rung >= 2 ? 1 : 0) && world.starts == world.stops, "\(story)")
            #expect(world.launches == (rung >= 3 ? 1 : 0) && world.running == world.launches, "\(story)")
            #expect((world.old == .terminated) == (cure == .replace), "\(story)")
            #expect(world.entries["10.0.0.1:3000"] == (cure == .replace ? nil : .active), "\(story)")
        }
    }

    @Test func whenNothingHelpsTheHostStaysOut() {
        forEveryDeath(in: { heal([.restartApp, .reboot, .stopStart], curedBy: .replace) }) { world in
            let story = "deaths \(world.deaths): \(world.stored.lines)"
            #expect(world.stored.state == .failed, "\(story)")
            #expect(world.reboots <= 1 && world.stops <= 1 && world.launches == 0, "\(story)")
            #expect(world.entries["10.0.0.1:3000"] == .out, "\(story)")
        }
    }

    @Test(arguments: [[], [.lost], [.lostBefore], [.throttled, .lost]] as [[World.Answer]])
    func stoppingAndStartingIsProvenByAnotherBoot(answers: [World.Answer]) {
        forEveryDeath(in: {
            var world = heal([.stopStart], curedBy: .stopStart)
            world.answers = answers
            return world
        }) { world in
            let story = "deaths \(world.deaths): \(world.stored.lines)"
            #expect(world.stored.state == .done, "\(story)")
            #expect(world.stops >= 1 && world.old == .running && world.bootID != "boot-0", "\(story)")
            #expect(world.entries["10.0.0.1:3000"] == .active, "\(story)")
        }
    }

    @Test(arguments: [[], [.lost], [.late], [.capacity]] as [[World.Answer]])
    func aReplacementMakesOneMachineAndEndsTheOldOneLast(answers: [World.Answer]) {
        forEveryDeath(in: {
            var world = heal([.replace], curedBy: .replace)
            world.answers = answers
            return world
        }) { world in
            let story = "deaths \(world.deaths): \(world.stored.lines)"
            #expect(world.stored.state == .done, "\(story)")
            #expect(world.launches == 1 && world.running == 1 && world.old == .terminated, "\(story)")
            #expect(world.entries["10.0.0.1:3000"] == nil, "\(story)")
        }
    }

    @Test func aReplacementThatNeverServesLeavesTheOldMachineInTheList() {
        forEveryDeath(in: {
            var world = heal([.replace], curedBy: nil)
            world.playbookFails = true
            return world
        }) { world in
            let story = "deaths \(world.deaths): \(world.stored.lines)"
            #expect(world.stored.state == .failed, "\(story)")
            #expect(world.running == 0 && world.old == .running, "\(story)")
            #expect(world.entries["10.0.0.1:3000"] == .active, "\(story)")
        }
    }

    /// A machine that takes requests again by a person's word is not rebooted, stopped or terminated under them.
    @Test(
        arguments: zip(
            [[.reboot], [.restartApp, .reboot], [.reboot, .stopStart], [.replace]] as [[Remedy]],
            [(0, .reboot), (1, .preflight), (1, .stop), (0, .retire)] as [(Int, Step)]))
    func whoPutsTheServerBackEndsTheOperation(ladder: [Remedy], at point: (Int, Step)) {
        forEveryDeath(in: {
            var world = heal(ladder, curedBy: .replace)
            world.canProduce = false
            world.putBack = point
            return world
        }) { world in
            let story = "deaths \(world.deaths): \(world.stored.lines)"
            #expect(world.stored.state == .cancelled && world.stored.isCancelled, "\(story)")
            #expect(world.stored.fault.contains("somebody put"), "\(story)")
            #expect(world.entries["10.0.0.1:3000"] == .active, "\(story)")
            #expect(world.old == .running && world.stops == 0 && world.terminations == 0, "\(story)")
            #expect(world.reboots == (ladder == [.reboot, .stopStart] ? 1 : 0), "\(story)")
        }
    }

    @Test(
        arguments: [
            (0, .preflight, 0), (0, .drain, 0), (0, .reboot, 0), (1, .preflight, 1), (1, .stop, 1),
            (2, .retire, 1),
        ] as [(Int, Step, Int)])
    func aHeldHostGetsNoFurtherRemedy(fromRung rung: Int, step: Step, reboots: Int) {
        forEveryDeath(in: {
            var world = heal([.reboot, .stopStart, .replace], curedBy: .replace)
            world.canProduce = false
            world.heldFrom = (rung, step)
            return world
        }) { world in
            let story = "deaths \(world.deaths): \(world.stored.lines)"
            #expect(world.reboots == reboots && world.stored.fault.contains("is held"), "\(story)")
            #expect(world.stops == (rung == 2 ? 1 : 0) && world.terminations == 0, "\(story)")
            #expect(world.old == .running, "\(story)")
            // Once treated and still ill, it stays off; else nothing has happened.
            #expect(world.stored.state == (rung == 0 ? .cancelled : .failed), "\(story)")
            #expect(world.entries["10.0.0.1:3000"] == (rung == 0 ? .active : .out), "\(story)")
        }
    }

    /// A machine that stops late is started all the same, and does not stay off.
    @Test func aMachineThatStopsLateIsStarted() {
        forEveryDeath(in: {
            var world = heal([.stopStart], curedBy: .stopStart)
            world.canProduce = false
            world.stopMilliseconds = world.limits.powerMilliseconds + 60_000
            return world
        }) { world in
            let story = "deaths \(world.deaths): \(world.stored.lines)"
            #expect(world.stops == 1 && world.starts == 1 && world.old == .running, "\(story)")
            #expect(world.stored.state == .done, "\(story)")
        }
    }
}
