import Linux

/// The steps that bring a new server.
extension OperationCore {
    mutating func launch(at now: Instant) -> Move {
        if operation.phase == .ready { return intend() }
        if spent(at: now) >= limits.launchMilliseconds {
            isInDoubt = true
            return fail("the provider took no launch within \(span(limits.launchMilliseconds))", at: now)
        }
        // An intent that another leader wrote: perhaps the machine is there already.
        return holdsIntent ? .act(.launch(attempt: operation.attempt)) : .act(.find)
    }

    mutating func boot(at now: Instant) -> Move {
        if spent(at: now) >= limits.bootMilliseconds {
            return fail(
                "machine \(operation.launched) does not run after \(span(limits.bootMilliseconds))", at: now)
        }
        return .act(.look(machine: operation.launched))
    }

    mutating func playbook(_ act: Act, _ facts: Facts, at now: Instant) -> Move {
        if operation.phase == .ready { return intend() }
        if holdsIntent { return .act(act) }
        // Playbooks may be run again; but one that ends the agent that runs it must not go from leader to leader.
        let cuts = (operation.cuts ?? 0) + 1
        guard cuts < limits.playbookCuts else {
            return fail(
                "\(operation.step.rawValue) was cut off \(cuts) times, each time with the leader that ran it: perhaps it ends the agent",
                at: now)
        }
        return write { $0.cuts = cuts }
    }

    mutating func join(_ facts: Facts, at now: Instant) -> Move {
        if let host = facts.newcomer, host.isFresh, let (address, server) = facts.newcomerServer,
            server.state == .active, server.isHealthy == true
        {
            let since = healthySince ?? now
            healthySince = since
            if now.milliseconds(since: since) >= limits.settleMilliseconds {
                if operation.kind == .launch {
                    draft.server = address
                    return end(.done, note: "\(operation.newcomer) reports and \(address) passes its checks")
                }
                return advance(facts, note: "\(operation.newcomer) serves as \(address)")
            }
            return .wait(milliseconds: limits.pollMilliseconds)
        }
        healthySince = nil
        if spent(at: now) >= limits.joinMilliseconds {
            let missing = facts.newcomer?.isFresh != true ? "does not report" : "has no healthy server"
            return fail("\(operation.newcomer) \(missing) after \(span(limits.joinMilliseconds))", at: now)
        }
        return .wait(milliseconds: limits.pollMilliseconds)
    }

    mutating func tookLaunch(_ outcome: Outcome, at now: Instant) {
        switch outcome {
        case .machine(let machine):
            let atMs = wallMs
            owe { operation in
                operation.launched = machine.id
                operation.launchedAddress = machine.privateAddress ?? machine.publicAddress ?? ""
                operation.note("launched \(machine.id)", atMs: atMs)
                operation.step = .boot
                operation.phase = .ready
                operation.attempt = 0
            }
        case .nothing, .done:
            // Nobody launched it: the same token again makes one, and never two.
            holdsIntent = true
        case .fault(.retryable(let why, let mayHaveHappened)):
            if mayHaveHappened { isInDoubt = true }
            back(off: why, at: now)
        case .fault(.capacity(let why)):
            let attempt = operation.attempt + 1
            if attempt >= OperationCore.launchAttempts {
                giveUpLaunch("no capacity anywhere: \(why)", at: now)
            } else {
                back(off: why, at: now)
                owe { $0.attempt = attempt }
            }
        case .fault(.auth(let why)), .fault(.permanent(let why)), .fault(.missing(let why)):
            giveUpLaunch(why, at: now)
        case .fault(.notPermitted): notBefore = now.advanced(milliseconds: limits.pollMilliseconds)
        case .playbook: break
        }
    }

    /// Types and subnets that are tried.
    static let launchAttempts = 8

    private mutating func giveUpLaunch(_ why: String, at now: Instant) {
        _ = isInDoubt ? fail(why, at: now) : fail(sure: why)
    }

    /// Nothing was launched for certain.
    private mutating func fail(sure why: String) -> Move {
        draft.phase = .ready
        let effect: Effect = operation.isDrained ? (operation.isCommitted ? .putOut(why) : .restore) : .none
        return end(.failed, effect: effect, fault: why)
    }

    mutating func tookBoot(_ outcome: Outcome, _ facts: Facts, at now: Instant) {
        notBefore = now.advanced(milliseconds: limits.providerPollMilliseconds)
        guard case .machine(let machine) = outcome else {
            if case .fault(let fault) = outcome, pauses == 0 {
                pauses = 1
                draft.note("the provider was asked for \(operation.launched): \(fault)", atMs: wallMs)
            }
            return
        }
        switch machine.state {
        case .running:
            guard let address = machine.privateAddress ?? machine.publicAddress else { return }
            draft.launchedAddress = address
            _ = advance(facts, note: "\(machine.id) runs at \(address)")
            notBefore = now
        case .terminated, .shuttingDown, .stopped, .stopping:
            _ = fail("machine \(machine.id) is \(machine.state.rawValue) instead of running", at: now)
        case .pending, .unknown: break
        }
    }

    mutating func tookPlaybook(_ outcome: Outcome, _ facts: Facts, at now: Instant) {
        switch outcome {
        case .done: _ = advance(facts, note: "\(operation.step.rawValue) has run")
        case .playbook(.cancelled): notBefore = now.advanced(milliseconds: limits.pollMilliseconds)
        case .playbook(let fault):
            let attempt = operation.attempt + 1
            guard attempt < limits.playbookAttempts else {
                _ = fail("\(operation.step.rawValue) \(fault)", at: now)
                return
            }
            back(off: fault, at: now)
            owe { operation in
                operation.attempt = attempt
                operation.phase = .ready
            }
        case .fault(let fault): _ = fail("\(operation.step.rawValue): \(fault)", at: now)
        case .machine, .nothing: break
        }
    }

    mutating func tookUndo(_ act: Act, _ outcome: Outcome, at now: Instant) {
        switch outcome {
        case .machine(let machine): owe { $0.launched = machine.id }
        case .nothing:
            // A machine that a lost launch made may not be seen for a while.
            if act == .find, spent(at: now) < limits.findMilliseconds {
                notBefore = now.advanced(milliseconds: limits.providerPollMilliseconds)
            } else {
                undone("no machine was launched")
            }
        case .done, .fault(.missing): undone("terminated \(operation.launched)")
        case .fault(let fault): back(off: fault, at: now)
        case .playbook: break
        }
    }
}
