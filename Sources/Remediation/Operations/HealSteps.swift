package import Linux

/// The steps that treat a host.
extension OperationCore {
    mutating func preflight(_ facts: Facts, at now: Instant) -> Move {
        if !operation.isDrained, let objection = facts.objection {
            return end(.cancelled, fault: "held back at the last moment: \(objection)")
        }
        // A reboot that came late is a reboot all the same.
        if operation.isCommitted, let boot = provenBoot(facts) {
            return skip(to: facts.canProduce || facts.host?.isFresh == true ? .application : .healthy, "boot \(boot) is new")
        }
        let isAlive = facts.host?.isFresh == true
        let remedy = draft.remedy
        if operation.kind == .terminate || remedy == .stopStart || remedy == .replace || remedy == .reboot && !isAlive {
            guard facts.hasProvider else {
                let lack = remedy == .reboot ? "\(operation.target) does not report and " : ""
                return fail("\(lack)no provider is configured (remediation.provider)", at: now)
            }
        }
        if remedy == .restartApp, !isAlive { return fail("\(operation.target) does not report: nobody can ask it", at: now) }
        // What can be asked is asked before anything is drained.
        if facts.hasProvider, !hasLooked, remedy != .restartApp { return .act(.look(machine: operation.machine)) }
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

    private mutating func skip(to step: Step, _ note: String) -> Move {
        let atMs = wallMs
        return write { operation in
            operation.note(note, atMs: atMs)
            operation.step = step
            operation.phase = .ready
            operation.attempt = 0
        }
    }

    mutating func tookLook(_ outcome: Outcome, needsMachine: Bool, at now: Instant) {
        switch outcome {
        case .machine(let machine):
            hasLooked = true
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
        if server.state == .active {
            return end(.cancelled, fault: "somebody put \(operation.server) back into the list")
        }
        let spent = spent(at: now)
        if server.inFlight == 0, spent >= min(limits.drainedMilliseconds, limits.drainMilliseconds) {
            return advance(facts, note: "no request in flight any more")
        }
        if spent >= limits.drainMilliseconds {
            let left = server.inFlight.map { "\($0) requests" } ?? "an unknown number of requests"
            return advance(facts, note: "\(left) still in flight after \(span(limits.drainMilliseconds))")
        }
        return .wait(milliseconds: limits.pollMilliseconds)
    }

    // MARK: - Reboot

    /// The host's boot id, when it is another one than before.
    private func provenBoot(_ facts: Facts) -> String? {
        guard let host = facts.host, host.isFresh, !host.bootID.isEmpty, host.bootID != operation.bootID else { return nil }
        return host.bootID
    }

    mutating func reboot(_ facts: Facts, at now: Instant) -> Move {
        if operation.isCommitted, provenBoot(facts) != nil { return advance(facts, note: "the host has rebooted") }
        switch operation.way {
        case nil:
            if facts.host?.isFresh == true {
                let atMs = wallMs
                return write(.order(.reboot)) { operation in
                    operation.way = .agent
                    operation.isCommitted = true
                    operation.note("asked the host's agent to reboot", atMs: atMs)
                }
            }
            return byProvider(facts, at: now)
        case .agent: return rebootByAgent(facts, at: now)
        case .provider:
            if operation.phase == .intent, !holdsIntent {
                // Another leader may have sent it: a reboot is never sent a second time.
                return advance(facts, note: "a reboot may be under way")
            }
            return operation.phase == .ready ? intend() : .act(.reboot(machine: operation.machine))
        }
    }

    private mutating func rebootByAgent(_ facts: Facts, at now: Instant) -> Move {
        let since = orderedAt ?? now
        orderedAt = since
        switch facts.order {
        case .claimed, .done: return advance(facts, note: "the agent has taken the order")
        case .failed(let why):
            if facts.hasProvider, !operation.machine.isEmpty { return byProvider(facts, at: now) }
            return fail("the agent cannot reboot: \(why)", at: now)
        case .withdrawn, .none:
            if facts.hasProvider, !operation.machine.isEmpty { return byProvider(facts, at: now) }
            draft.isCommitted = false
            return fail("the agent did not take the order", at: now)
        case .waiting:
            if now.milliseconds(since: since) < limits.orderMilliseconds {
                return .wait(milliseconds: limits.pollMilliseconds)
            }
            return write(.withdraw(.reboot)) { _ in }
        }
    }

    private mutating func byProvider(_ facts: Facts, at now: Instant) -> Move {
        guard facts.hasProvider, !operation.machine.isEmpty else {
            return fail("neither its agent nor a provider can reboot \(operation.target)", at: now)
        }
        let atMs = wallMs
        return write { operation in
            operation.way = .provider
            operation.phase = .intent
            operation.isCommitted = true
            operation.note("asking the provider to reboot \(operation.machine)", atMs: atMs)
        }
    }

    mutating func tookReboot(_ outcome: Outcome, _ facts: Facts, at now: Instant) {
        switch outcome {
        case .done: _ = advance(facts, note: "the provider reboots \(operation.machine)")
        case .fault(.retryable(let why, let mayHaveHappened)):
            if mayHaveHappened {
                _ = advance(facts, note: "the provider's answer was lost (\(why)); waiting for the reboot")
            } else if spent(at: now) >= limits.orderMilliseconds * 4 {
                _ = fail("the provider does not reboot \(operation.machine): \(why)", at: now)
            } else {
                back(off: why, at: now)
            }
        case .fault(.notPermitted): notBefore = now.advanced(milliseconds: limits.pollMilliseconds)
        case .fault(let fault): _ = fail("the provider does not reboot \(operation.machine): \(fault)", at: now)
        case .machine, .nothing, .playbook: break
        }
    }

    mutating func prove(_ facts: Facts, at now: Instant) -> Move {
        if let boot = provenBoot(facts) {
            return advance(facts, note: "proven: boot \(operation.bootID.prefix(8)) became \(boot.prefix(8))")
        }
        if operation.way == .agent, case .failed(let why) = facts.order {
            return fail("the agent could not reboot: \(why)", at: now)
        }
        if spent(at: now) >= limits.proveMilliseconds {
            return fail("\(operation.target) has not come back from a reboot within \(span(limits.proveMilliseconds))", at: now)
        }
        return .wait(milliseconds: limits.pollMilliseconds)
    }

    // MARK: - The application

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
        case .withdrawn: return advance(facts, note: "the agent did not take the order; the application may start by itself")
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
            return fail("\(operation.server) is not healthy after \(span(limits.healthyMilliseconds))", at: now)
        }
        return .wait(milliseconds: limits.pollMilliseconds)
    }

    mutating func restart(_ facts: Facts, at now: Instant) -> Move {
        let since = orderedAt ?? now
        orderedAt = since
        switch facts.order {
        case .none:
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
            return fail("the application was not started again within \(span(limits.claimedMilliseconds))", at: now)
        case .done: return advance(facts, note: "the application was started again")
        case .failed(let why): return fail("the application does not start: \(why)", at: now)
        }
    }

    // MARK: - Stop, start, terminate

    mutating func power(at now: Instant) -> Move {
        if operation.phase == .ready || !holdsIntent {
            // Stopping what stops, starting what starts and terminating what is gone change nothing: it may be sent again.
            return write { operation in
                operation.phase = .intent
                operation.isCommitted = true
            }
        }
        if spent(at: now) >= limits.powerMilliseconds {
            return powerless("the provider took no '\(operation.step.rawValue)' within \(span(limits.powerMilliseconds))", at: now)
        }
        switch operation.step {
        case .stop: return .act(.stop(machine: operation.machine))
        case .power: return .act(.start(machine: operation.machine))
        default: return .act(.terminate(machine: operation.machine))
        }
    }

    private mutating func powerless(_ why: String, at now: Instant) -> Move {
        guard operation.step == .retire else { return fail(why, at: now) }
        let effect: Effect = operation.isDrained ? .putOut(why) : .none
        return end(.failed, effect: effect, fault: "\(why); terminate machine \(operation.machine) by hand")
    }

    mutating func tookPower(_ outcome: Outcome, _ facts: Facts, at now: Instant) {
        switch outcome {
        case .done: _ = advance(facts, note: "\(operation.step.rawValue): the provider has taken it")
        case .fault(.missing) where operation.step == .retire: _ = advance(facts, note: "the machine is gone")
        case .fault(.retryable(let why, _)), .fault(.capacity(let why)): back(off: why, at: now)
        case .fault(.notPermitted): notBefore = now.advanced(milliseconds: limits.pollMilliseconds)
        case .fault(let fault): _ = powerless("\(operation.step.rawValue): \(fault)", at: now)
        case .machine, .nothing, .playbook: break
        }
    }

    mutating func stopped(at now: Instant) -> Move {
        if spent(at: now) >= limits.powerMilliseconds {
            return fail("machine \(operation.machine) has not stopped within \(span(limits.powerMilliseconds))", at: now)
        }
        return .act(.look(machine: operation.machine))
    }

    mutating func tookStopped(_ outcome: Outcome, _ facts: Facts, at now: Instant) {
        notBefore = now.advanced(milliseconds: limits.providerPollMilliseconds)
        guard case .machine(let machine) = outcome else { return }
        switch machine.state {
        case .stopped: _ = advance(facts, note: "\(machine.id) has stopped")
        case .terminated, .shuttingDown: _ = fail("machine \(machine.id) is \(machine.state.rawValue)", at: now)
        case .pending, .running, .stopping, .unknown: break
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
            tookLook(outcome, needsMachine: !canDoWithout, at: now)
        case .reboot: tookReboot(outcome, facts, at: now)
        case .stop, .power, .retire: tookPower(outcome, facts, at: now)
        case .stopped: tookStopped(outcome, facts, at: now)
        case .undo: tookUndo(act, outcome, at: now)
        case .join, .drain, .prove, .healthy, .return, .restart, .remove: break
        }
    }
}
