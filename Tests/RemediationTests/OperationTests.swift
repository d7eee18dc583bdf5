import Linux
import Remediation
import Testing

@Suite struct OperationTests {
    private func launch() -> World {
        var operation = Operation(
            id: "op1", kind: .launch, target: "gift-1", epoch: 1, started: 0, reason: "mean cpu 83 %",
            by: "gift")
        operation.newcomer = "gift-1"
        return World(operation)
    }

    private func heal(_ ladder: [Remedy] = [.reboot]) -> World {
        var operation = Operation(
            id: "op2", kind: ladder[0].kind, target: "a", server: "10.0.0.1:3000", ladder: ladder, epoch: 1,
            started: 0,
            reason: "cpu of a 97 %", by: "doctor")
        operation.newcomer = "gift-2"
        return World(operation)
    }

    @Test func launchesOneMachine() {
        var world = launch()
        let worldEnded = world.run()
        #expect(worldEnded)
        #expect(world.stored.state == .done, "\(world.stored.lines)")
        #expect(world.launches == 1 && world.running == 1)
        #expect(world.stored.server == "10.0.0.9:3000")
    }

    /// A playbook that kills its parent, the agent, kills the next leader, too, and the one after; then it is enough.
    @Test func aPlaybookThatEndsItsLeadersIsGivenUp() {
        var operation = launch().stored
        operation.step = .provision
        operation.launched = "i-1"
        var facts = Facts()
        facts.canProvision = true
        var now = Instant(nanoseconds: 0)
        var runs = 0
        for epoch in Int64(1)...9 where operation.step == .provision {
            var core = OperationCore(operation, limits: OperationLimits(), epoch: epoch, at: now)
            while operation.step == .provision {
                now = now.advanced(milliseconds: 1000)
                let move = core.next(facts, at: now)
                if case .write = move {
                    core.wrote(at: now)
                    operation = core.operation
                    continue
                }
                #expect(move == .act(.provision))
                runs += 1
                break  // the leader is gone
            }
        }
        #expect(runs == 3)
        #expect(operation.step == .undo, "\(operation.lines)")
        #expect(operation.fault.contains("cut off 3 times"))
    }

    @Test func rebootsOnceAndReturns() {
        var world = heal()
        let worldEnded = world.run()
        #expect(worldEnded)
        #expect(world.stored.state == .done, "\(world.stored.lines)")
        #expect(world.reboots == 1)
        #expect(world.entries["10.0.0.1:3000"] == .active)
    }

    /// Every pair of points at which a leader can die, for every way a cloud can answer.
    @Test(
        arguments: [
            [], [.lost], [.lostBefore], [.late], [.throttled, .lost], [.capacity, .lost],
            [.lost, .lost, .lost], [.late, .late],
            [.lostBefore, .late],
        ] as [[World.Answer]])
    func launchSurvivesTheLeadersDeathAnywhere(answers: [World.Answer]) {
        forEveryPairOfDeaths(in: {
            var world = launch()
            world.canProduce = true
            world.answers = answers
            return world
        }) { world, deaths in
            #expect(world.stored.state == .done, "deaths \(deaths): \(world.stored.lines)")
            #expect(world.launches == 1 && world.running == 1, "deaths \(deaths)")
        }
    }

    @Test(
        arguments: [true, false],
        [
            [], [.lost], [.lostBefore], [.late], [.throttled], [.throttled, .lost], [.lost, .lost],
        ] as [[World.Answer]])
    func rebootSurvivesTheLeadersDeathAnywhere(byAgent: Bool, answers: [World.Answer]) {
        forEveryPairOfDeaths(in: {
            var world = heal()
            world.agentTakesOrders = byAgent
            world.canProduce = true
            world.answers = answers
            return world
        }) { world, deaths in
            #expect(world.reboots <= 1, "deaths \(deaths): \(world.stored.lines)")
            if world.reboots == 1 {
                #expect(world.stored.state == .done, "deaths \(deaths): \(world.stored.lines)")
                #expect(world.entries["10.0.0.1:3000"] == .active)
            } else {
                #expect(world.stored.state == .failed, "deaths \(deaths): \(world.stored.lines)")
                #expect(world.entries["10.0.0.1:3000"] == .out, "unproven, and in the list")
            }
        }
    }

    @Test func aMachineThatNeverServesIsTerminated() {
        for answers in [[], [.lost], [.late]] as [[World.Answer]] {
            forEveryPairOfDeaths(in: {
                var world = launch()
                world.canProduce = true
                world.playbookFails = true
                world.answers = answers
                return world
            }) { world, deaths in
                #expect(world.stored.state == .failed, "deaths \(deaths)")
                #expect(world.running == 0, "deaths \(deaths), \(answers): \(world.stored.lines)")
                #expect(world.launches <= 1)
            }
        }
    }

    @Test func aLaunchThatIsRefusedForGoodEndsAtOnce() {
        var world = launch()
        world.answers = [.never]
        let worldEnded = world.run()
        #expect(worldEnded)
        #expect(world.stored.state == .failed && world.launches == 0 && world.terminations == 0)
    }

    @Test func aHostThatDoesNotComeBackStaysOutOfTheList() {
        var world = heal()
        world.comesBack = false
        let worldEnded = world.run()
        #expect(worldEnded)
        #expect(world.stored.state == .failed && world.reboots == 1)
        #expect(world.entries["10.0.0.1:3000"] == .out)
    }

    @Test func theLadderIsClimbedAndEndsWithAnotherMachine() {
        var world = heal([.restartApp, .reboot, .stopStart, .replace])
        world.comesBack = false
        world.limits.healthyMilliseconds = 1
        world.limits.settleMilliseconds = 1000
        // The first rung "helps" too late: its server must have passed for a second within a millisecond.
        let worldEnded = world.run()
        #expect(worldEnded)
        #expect(world.stored.state == .done, "\(world.stored.lines)")
    }

    @Test func withoutAgentAndProviderNothingIsDrained() {
        var world = heal()
        world.agentIsAlive = false
        world.hasProvider = false
        let worldEnded = world.run()
        #expect(worldEnded)
        #expect(world.stored.state == .failed && world.reboots == 0)
        #expect(world.entries["10.0.0.1:3000"] == .active)
    }

    @Test func anObjectionAtTheLastMomentStopsIt() {
        var world = heal()
        world.objection = "only 1 healthy server would be left"
        let worldEnded = world.run()
        #expect(worldEnded)
        #expect(world.stored.state == .cancelled && world.reboots == 0)
        #expect(world.entries["10.0.0.1:3000"] == .active)
    }

    @Test func cancellingBeforeTheRebootPutsTheServerBack() {
        var world = heal()
        world.limits.drainedMilliseconds = 60_000
        world.deaths = [5]
        var core = OperationCore(world.stored, limits: world.limits, at: world.now)
        let isCancelled = core.cancel(by: "cli:root")
        #expect(isCancelled)
        #expect(core.draft.isCancelled)
        world.stored = core.draft
        let worldEnded = world.run()
        #expect(worldEnded)
        #expect(world.stored.state == .cancelled && world.reboots == 0)
        #expect(world.entries["10.0.0.1:3000"] == .active)
    }

    @Test func whatWaitsForApprovalBeginsOnlyThen() {
        var operation = launch().stored
        operation.state = .waiting
        var core = OperationCore(operation, limits: OperationLimits(), at: Instant(nanoseconds: 0))
        let facts = Facts()
        let now = Instant(nanoseconds: 0)
        var move = core.next(facts, at: now)
        #expect(move == .wait(milliseconds: 250))
        let isApproved = core.approve(by: "cli:root")
        #expect(isApproved)
        move = core.next(facts, at: now)
        #expect(move == .write(.none))
        core.wrote(at: now)
        #expect(core.operation.state == .running)
        move = core.next(facts, at: now)
        #expect(move == .write(.none))
        #expect(core.draft.phase == .intent)
    }

    /// A person may take half an hour; the provider's five minutes begin then.
    @Test func whatWasApprovedLateHasAllItsTime() {
        var operation = launch().stored
        operation.state = .waiting
        let limits = OperationLimits()
        var core = OperationCore(operation, limits: limits, at: Instant(nanoseconds: 0))
        let later = Instant(nanoseconds: 0).advanced(milliseconds: limits.approvalMilliseconds - 1000)
        _ = core.next(Facts(), at: later)
        let isApproved = core.approve(by: "cli:root")
        #expect(isApproved)
        for _ in 0..<2 {
            let move = core.next(Facts(), at: later)
            #expect(move == .write(.none))
            core.wrote(at: later)
        }
        let move = core.next(Facts(), at: later.advanced(milliseconds: 1000))
        #expect(move == .act(.launch(attempt: 0)), "\(core.operation.lines)")
    }

    /// A leader that takes a draining up knows nothing of the requests that its predecessor's proxy still serves.
    @Test func aDrainingThatWasTakenUpLastsItsWholeTime() {
        var operation = heal().stored
        operation.step = .drain
        operation.isDrained = true
        let limits = OperationLimits()
        var facts = Facts()
        facts.server = Facts.Server(state: .draining, isHealthy: true, inFlight: 0)
        let begin = Instant(nanoseconds: 0)
        var core = OperationCore(operation, limits: limits, at: begin)
        var move = core.next(facts, at: begin.advanced(milliseconds: limits.drainMilliseconds - 1))
        #expect(move == .wait(milliseconds: limits.pollMilliseconds))
        move = core.next(facts, at: begin.advanced(milliseconds: limits.drainMilliseconds))
        #expect(move == .write(.none) && core.draft.step == .reboot)
    }

    @Test func whoMayNotBeTreatedIsLeftAsHeIs() {
        for isCommitted in [false, true] {
            var operation = heal([.restartApp, .reboot]).stored
            operation.step = .preflight
            (operation.isDrained, operation.isCommitted, operation.rung) = (
                true, isCommitted, isCommitted ? 1 : 0
            )
            let now = Instant(nanoseconds: 0)
            var core = OperationCore(operation, limits: OperationLimits(), at: now)
            core.leaveAlone("it leads")
            let move = core.next(Facts(), at: now)
            #expect(move == .write(isCommitted ? .putOut("it leads") : .restore))
            #expect(
                core.draft.state == (isCommitted ? .failed : .cancelled) && core.draft.fault == "it leads")
        }
    }

    @Test func whatIsUnderWayAlreadyIsNoLeadersOwnToAvoid() {
        var operation = heal([.restartApp, .reboot]).stored
        #expect(operation.isAboutToTreat)
        (operation.isCommitted, operation.rung, operation.step) = (true, 1, .reboot)
        #expect(operation.isAboutToTreat)
        operation.way = .agent
        #expect(!operation.isAboutToTreat)
        for step in [Step.prove, .application, .healthy, .power] {
            operation.step = step
            #expect(!operation.isAboutToTreat)
        }
    }

    private func forEveryPairOfDeaths(in make: () -> World, _ check: (World, Set<Int>) -> Void) {
        var calm = make()
        let calmEnded = calm.run()
        #expect(calmEnded, "\(calm.stored.step) \(calm.stored.lines)")
        check(calm, [])
        for first in 1...calm.points {
            for second in [0, 1, 2, 3, 5, 8] {
                var world = make()
                world.deaths = second == 0 ? [first] : [first, first + second]
                let worldEnded = world.run()
                #expect(worldEnded, "deaths \(world.deaths): \(world.stored.step) \(world.stored.lines)")
                check(world, world.deaths)
            }
        }
    }
}
