import Linux
import Remediation
import Testing

/// Single steps of an operation in a world that is told by hand.
@Suite struct OperationCoreTests {
    private var now: Instant { Instant(nanoseconds: 1_000_000_000_000) }

    private func facts(boot: String = "boot-1", ageMilliseconds: Int64 = 0, isFresh: Bool = true) -> Facts {
        var facts = Facts()
        facts.host = Facts.Host(
            isFresh: isFresh, bootID: boot, address: "10.0.0.1", server: "10.0.0.1:3000",
            ageMilliseconds: ageMilliseconds)
        facts.server = Facts.Server(state: .active, isHealthy: true, inFlight: 0)
        facts.hasProvider = true
        facts.wallMs = 1_800_000_000_000
        return facts
    }

    private func core(
        _ kind: Operation.Kind = .reboot, target: String = "a", _ change: (inout Operation) -> Void = { _ in }
    ) -> OperationCore {
        var operation = Operation(
            id: "op1", kind: kind, target: target, server: "10.0.0.1:3000",
            ladder: kind == .terminate ? [] : [.reboot], epoch: 1, started: 1, reason: "hot", by: "doctor")
        operation.address = "10.0.0.1"
        change(&operation)
        return OperationCore(operation, limits: OperationLimits(), at: now)
    }

    private func machine(operation: String? = nil, launchedAt: Int64? = nil) -> Machine {
        Machine(
            id: "i-1", state: .running, privateAddress: "10.0.0.1", operation: operation,
            launchedAt: launchedAt)
    }

    @Test func aHostThatRebootedByItselfIsNotRebootedAgain() {
        var core = core { operation in
            (operation.step, operation.bootID, operation.isDrained) = (.reboot, "boot-0", true)
        }
        var before = facts(boot: "boot-0")
        before.server?.state = .draining
        #expect(core.next(before, at: now) == .write(.order(.reboot)))
        var again = self.core { operation in
            (operation.step, operation.bootID, operation.isDrained) = (.reboot, "boot-0", true)
        }
        #expect(again.next(facts(boot: "boot-1"), at: now) == .write(.none))
        #expect(again.draft.step == .prove && again.draft.isCommitted && again.draft.way == nil)
    }

    /// An address goes from one machine to another; the one that has it now is somebody else's.
    @Test func aMachineThatIsYoungerThanTheHostsSilenceIsLeftAlone() {
        let silent = facts(ageMilliseconds: 600_000, isFresh: false)
        var core = core()
        guard case .act(.look) = core.next(silent, at: now) else {
            Issue.record("the provider is not asked")
            return
        }
        core.took(
            .look(machine: ""), .machine(machine(launchedAt: silent.wallMs - 300_000)), silent, at: now)
        #expect(core.draft.state == .failed && core.draft.fault.contains("launched after"), "\(core.draft)")
        var known = self.core()
        _ = known.next(silent, at: now)
        known.took(
            .look(machine: ""), .machine(machine(launchedAt: silent.wallMs - 3_600_000)), silent, at: now)
        #expect(known.draft.machine == "i-1" && known.draft.state == .running)
    }

    @Test(arguments: [
        ("gift-op0", "op0", true), ("gift-op0", "op7", false), ("gift-shop", "", false), ("a", "op0", false),
    ])
    func onlyWhatAGiftBroughtIsTakenAway(target: String, tag: String, isTaken: Bool) {
        var core = core(.terminate, target: target)
        _ = core.next(facts(), at: now)
        core.took(
            .look(machine: ""), .machine(machine(operation: tag.isEmpty ? nil : tag)), facts(), at: now)
        #expect((core.draft.machine == "i-1") == isTaken)
        #expect((core.draft.state == .failed) == !isTaken)
    }

    @Test func aPauseIsNoTimeInWhichAMachineCouldHaveBooted() {
        var core = core(.launch, target: "gift-op1") { operation in
            (operation.step, operation.launched) = (.boot, "i-1")
        }
        let pause: Int64 = 3_600_000
        core.paused(milliseconds: pause)
        #expect(core.next(facts(), at: now.advanced(milliseconds: pause)) == .act(.look(machine: "i-1")))
    }

    @Test func longWordsOfAPlaybookAreCutShort() {
        var core = core { operation in
            (operation.step, operation.isDrained, operation.isCommitted) = (.healthy, true, true)
            operation.phase = .ready
        }
        let late = now.advanced(milliseconds: OperationLimits().healthyMilliseconds + 1)
        var sick = facts()
        sick.server?.isHealthy = false
        guard case .write(.putOut(let why)) = core.next(sick, at: late) else {
            Issue.record("not put out")
            return
        }
        #expect(why.utf8.count < 600)
        var noted = core.draft
        noted.note(String(repeating: "x", count: 100_000), atMs: 1)
        #expect((noted.lines.last?.text.utf8.count ?? 0) < 600)
    }

    @Test func aFleetThatIsTooLargeAlreadyGetsNoFurtherMachine() {
        var context = GuardContext()
        context.settings.gift.max = 3
        context.fleet = .counted(2)
        var list = (0..<1).map { FleetView.Server(address: "10.0.0.\($0):80", host: "h\($0)") }
        list += (0..<2).map { FleetView.Server(address: "10.0.1.\($0):80", host: "gift-\($0)") }
        context.count(list)
        // As many as may be: one may take another's place.
        #expect(Guard.objectionToReplacing(in: context) == nil)
        // One could not be terminated.
        context.fleet = .counted(3)
        var facts = facts()
        facts.launchObjection = Guard.objectionToReplacing(in: context)
        #expect(facts.launchObjection?.contains("gift.max is 3") ?? false)
        var core = core(.replace) { $0.ladder = [.replace] }
        _ = core.next(facts, at: now)
        #expect(core.draft.state == .failed && core.draft.fault.contains("gift.max"))
    }

    @Test func whatIsDrainedReturnsWhenItsSuccessorCannotBeTakenBack() {
        var core = core(.replace) { operation in
            operation.ladder = [.replace]
            (operation.step, operation.phase, operation.isDrained) = (.undo, .intent, true)
            (operation.launched, operation.fault) = ("i-2", "it never served")
        }
        let late = now.advanced(milliseconds: OperationLimits().undoMilliseconds + 1)
        #expect(core.next(facts(), at: late) == .write(.restore))
        #expect(core.draft.state == .failed && core.draft.fault.contains("by hand"))
    }
}
