package import Linux

/// The steps that treat a host.
extension OperationCore {
    mutating func preflight(_ facts: Facts, at now: Instant) -> Move {
        if !operation.isDrained, let objection = facts.objection {
            return end(.cancelled, fault: "held back at the last moment: \(objection)")
        }
        if let end = endedByPeople(facts) { return end }
        if operation.isCommitted, let boot = provenBoot(facts), let rung = lastBootingRung {
            return late(boot, rung)
        }
        if operation.address.isEmpty, let address = knownAddress(facts) {
            return write { $0.address = address }
        }
        let isAlive = facts.host?.isFresh == true
        let remedy = draft.remedy
        if operation.kind == .terminate || remedy == .stopStart || remedy == .replace
            || remedy == .reboot && !isAlive
        {
            guard facts.hasProvider else {
                let lack = remedy == .reboot ? "\(operation.target) does not report and " : ""
                return fail("\(lack)no provider is configured (remediation.provider)", at: now)
            }
        }
        if remedy == .replace, let why = facts.launchObjection {
            return fail("no machine is launched in its place: \(why)", at: now)
        }
        if remedy == .restartApp, !isAlive {
            return fail("\(operation.target) does not report: nobody can ask it", at: now)
        }
        // What can be asked is asked before anything is drained.
        if facts.hasProvider, !hasLooked, remedy != .restartApp {
            return .act(.look(machine: operation.machine))
        }
        let atMs = wallMs
        let address = facts.host?.address
        let boot = facts.host?.bootID
        let steps = draft.steps
        let isServing = facts.server != nil
        return write(operation.isDrained || !isServing ? .none : .drain) { operation in
            if !operation.isCommitted, let boot { operation.bootID = boot }
            if let address { operation.address = address }
            operation.phase = .ready
            if operation.isDrained || !isServing {
                operation.step = steps[2]
                operation.note("nothing to drain", atMs: atMs)
            } else {
                operation.step = .drain
                operation.isDrained = true
                operation.note("drained of new requests", atMs: atMs)
            }
        }
    }

    /// A reboot that came late is a reboot all the same: its rung goes on where it was given up.
    private mutating func late(_ boot: String, _ rung: Int) -> Move {
        let atMs = wallMs
        return write { operation in
            operation.note("boot …\(boot.suffix(8)) is new after all", atMs: atMs)
            operation.bootID = boot
            operation.rung = rung
            operation.step = .application
            operation.phase = .ready
            operation.attempt = 0
        }
    }

    /// The last remedy before this one that boots the host; nil when none did.
    private var lastBootingRung: Int? {
        operation.ladder.indices.prefix(max(0, operation.rung)).last { index in
            switch operation.ladder[index] {
            case .reboot, .stopStart: true
            case .restartApp, .replace: false
            }
        }
    }

    /// Where the host is reached: as it said itself, or as its server is.
    private func knownAddress(_ facts: Facts) -> String? {
        if let address = facts.host?.address, !address.isEmpty { return address }
        guard let colon = operation.server.lastIndex(of: ":") else { return nil }
        let address = operation.server[..<colon]
        return address.isEmpty ? nil : String(address.filter { $0 != "[" && $0 != "]" })
    }

    /// Why a machine is not the target's, although it was found at its address; nil when nothing speaks against it.
    private func strangeness(of machine: Machine, _ facts: Facts) -> String? {
        guard operation.machine.isEmpty else { return nil }
        // Of a host that is not in the troop any more it is known that it was when the operation began.
        let known = facts.host.map { facts.wallMs - $0.ageMilliseconds } ?? operation.started
        if let launched = machine.launchedAt, launched > known + OperationCore.clocksMilliseconds {
            return "it was launched after \(operation.target) had reported for the last time"
        }
        // Only what a gift brought is taken away for good.
        let gift = GiftPolicy.namePrefix
        if operation.kind == .terminate,
            !operation.target.hasPrefix(gift)
                || machine.operation != String(operation.target.dropFirst(gift.count))
        {
            return "it was not launched for \(operation.target)"
        }
        return nil
    }

    /// How far the clocks of provider and leader may be apart, in milliseconds.
    private static let clocksMilliseconds: Int64 = 60_000

    mutating func tookLook(_ outcome: Outcome, _ facts: Facts, needsMachine: Bool, at now: Instant) {
        switch outcome {
        case .machine(let machine):
            if let why = strangeness(of: machine, facts) {
                hasLooked = true
                let text = "machine \(machine.id) has the address \(operation.address), but \(why)"
                draft.note(text, atMs: wallMs)
                if needsMachine { _ = fail("\(text): it is left alone", at: now) }
                return
            }
            hasLooked = true
            let isGone = machine.state == .terminated || machine.state == .shuttingDown
            if isGone, needsMachine, draft.remedy == .reboot || draft.remedy == .stopStart {
                _ = fail("machine \(machine.id) is \(machine.state.rawValue)", at: now)
                return
            }
            owe { $0.machine = machine.id }
        case .nothing, .fault(.missing):
            hasLooked = true
            if needsMachine { _ = fail("the provider knows no machine of \(operation.target)", at: now) }
        case .fault(let fault):
            if !needsMachine {
                hasLooked = true
            } else if case .retryable = fault, spent(at: now) < limits.findMilliseconds {
                back(off: fault, at: now)
            } else if fault == .notPermitted {
                notBefore = now.advanced(milliseconds: limits.pollMilliseconds)
            } else {
                _ = fail("the provider cannot help: \(fault)", at: now)
            }
        case .done, .playbook: hasLooked = true
        }
    }

    mutating func drain(_ facts: Facts, at now: Instant) -> Move {
        guard let server = facts.server else { return advance(facts, note: "its server is off the list") }
        if let end = endedByPeople(facts) { return end }
        let spent = spent(at: now)
        if server.inFlight == 0, !tookUpDraining,
            spent >= min(limits.drainedMilliseconds, limits.drainMilliseconds)
        {
            return advance(facts, note: "no request in flight any more")
        }
        if spent >= limits.drainMilliseconds {
            let left = server.inFlight.map { "\($0) requests" } ?? "an unknown number of requests"
            return advance(facts, note: "\(left) still in flight after \(span(limits.drainMilliseconds))")
        }
        return .wait(milliseconds: limits.pollMilliseconds)
    }

    /// The end, where people have said meanwhile that nothing more may be done to the host; nil where they have not. To be
    /// asked before whatever its host may not be alive after.
    mutating func endedByPeople(_ facts: Facts) -> Move? {
        let newcomer =
            operation.launched.isEmpty ? "" : "; machine \(operation.launched) was launched and runs on"
        if operation.isDrained, facts.server?.state == .active {
            // It takes requests again, and everything is left as it is.
            draft.isCancelled = true
            return end(.cancelled, fault: "somebody put \(operation.server) back into the list\(newcomer)")
        }
        return facts.hold.map { leave($0 + newcomer) }
    }

    mutating func application(_ facts: Facts, at now: Instant) -> Move {
        if facts.canProduce { return playbook(.production, facts, at: now) }
        let since = orderedAt ?? now
        orderedAt = since
        switch facts.order {
        case .none:
            let atMs = wallMs
            return write(.order(.restart)) { $0.note("asked the agent to start the application", atMs: atMs) }
        case .waiting:
            if now.milliseconds(since: since) < limits.orderMilliseconds {
                return .wait(milliseconds: limits.pollMilliseconds)
            }
            return write(.withdraw(.restart)) { _ in }
        case .withdrawn:
            return advance(
                facts, note: "the agent did not take the order; the application may start by itself")
        case .claimed:
            if now.milliseconds(since: since) < limits.claimedMilliseconds {
                return .wait(milliseconds: limits.pollMilliseconds)
            }
            return advance(facts, note: "the agent says nothing more")
        case .done: return advance(facts, note: "the agent has started the application")
        case .failed(let why): return fail("the application does not start: \(why)", at: now)
        }
    }

    mutating func healthy(_ facts: Facts, at now: Instant) -> Move {
        guard let server = facts.server else {
            if operation.server.isEmpty { return end(.done, note: "it has no server on the list") }
            return end(.done, note: "its server is off the list")
        }
        if server.isHealthy == true {
            let since = healthySince ?? now
            healthySince = since
            if now.milliseconds(since: since) >= limits.settleMilliseconds {
                return advance(facts, note: "\(operation.server) passes its checks")
            }
            return .wait(milliseconds: limits.pollMilliseconds)
        }
        healthySince = nil
        if spent(at: now) >= limits.healthyMilliseconds {
            return fail(
                "\(operation.server) is not healthy after \(span(limits.healthyMilliseconds))", at: now)
        }
        return .wait(milliseconds: limits.pollMilliseconds)
    }

    mutating func restart(_ facts: Facts, at now: Instant) -> Move {
        let since = orderedAt ?? now
        orderedAt = since
        switch facts.order {
        case .none:
            if let end = endedByPeople(facts) { return end }
            let atMs = wallMs
            return write(.order(.restart)) { operation in
                operation.isCommitted = true
                operation.note("asked the host's agent to start the application again", atMs: atMs)
            }
        case .waiting:
            if now.milliseconds(since: since) < limits.orderMilliseconds {
                return .wait(milliseconds: limits.pollMilliseconds)
            }
            return write(.withdraw(.restart)) { _ in }
        case .withdrawn:
            draft.isCommitted = operation.rung > 0
            return fail("the agent did not take the order", at: now)
        case .claimed:
            if now.milliseconds(since: since) < limits.claimedMilliseconds {
                return .wait(milliseconds: limits.pollMilliseconds)
            }
            return fail(
                "the application was not started again within \(span(limits.claimedMilliseconds))", at: now)
        case .done: return advance(facts, note: "the application was started again")
        case .failed(let why): return fail("the application does not start: \(why)", at: now)
        }
    }
}

extension OperationCore {
    /// What became of an act; the facts are those that `next` was given.
    package mutating func took(_ act: Act, _ outcome: Outcome, _ facts: Facts, at now: Instant) {
        wallMs = facts.wallMs
        switch operation.step {
        case .launch: tookLaunch(outcome, at: now)
        case .boot: tookBoot(outcome, facts, at: now)
        case .provision, .production, .application: tookPlaybook(outcome, facts, at: now)
        case .preflight:
            let isAlive = facts.host?.isFresh == true
            let canDoWithout = draft.remedy == .restartApp || draft.remedy == .reboot && isAlive
            tookLook(outcome, facts, needsMachine: !canDoWithout, at: now)
        case .reboot: tookReboot(outcome, facts, at: now)
        case .stop, .power, .retire: tookPower(outcome, facts, at: now)
        case .stopped: tookStopped(outcome, facts, at: now)
        case .undo: tookUndo(act, outcome, at: now)
        case .join, .drain, .prove, .healthy, .return, .restart, .remove: break
        }
    }
}
