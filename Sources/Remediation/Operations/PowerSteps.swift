import Linux

/// The steps that stop, start and terminate a machine by its provider.
extension OperationCore {
    mutating func power(_ facts: Facts, at now: Instant) -> Move {
        // A machine that was stopped is started whatever people have done with its server meanwhile.
        if operation.phase == .ready, operation.step != .power, let end = endedByPeople(facts) { return end }
        if operation.phase == .ready || !holdsIntent {
            // Stopping what stops, starting what starts and terminating what is gone change nothing: it may be sent again.
            return write { operation in
                operation.phase = .intent
                operation.isCommitted = true
            }
        }
        if spent(at: now) >= limits.powerMilliseconds {
            return powerless(
                "the provider took no '\(operation.step.rawValue)' within \(span(limits.powerMilliseconds))",
                at: now)
        }
        switch operation.step {
        case .stop: return .act(.stop(machine: operation.machine))
        case .power: return .act(.start(machine: operation.machine))
        default: return .act(.terminate(machine: operation.machine))
        }
    }

    private mutating func powerless(_ why: String, at now: Instant) -> Move {
        if operation.step == .power {
            return fail("\(why); machine \(operation.machine) may be off: start it by hand", at: now)
        }
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
        let milliseconds = limits.powerMilliseconds
        if spent(at: now) >= milliseconds {
            // It may stop yet: then it must not stay off. To start one that runs changes nothing.
            let atMs = wallMs
            return write { operation in
                operation.note(
                    "machine \(operation.machine) has not stopped within \(span(milliseconds)); started to be sure",
                    atMs: atMs)
                operation.step = .power
                operation.phase = .ready
            }
        }
        return .act(.look(machine: operation.machine))
    }

    mutating func tookStopped(_ outcome: Outcome, _ facts: Facts, at now: Instant) {
        notBefore = now.advanced(milliseconds: limits.providerPollMilliseconds)
        guard case .machine(let machine) = outcome else { return }
        switch machine.state {
        case .stopped: _ = advance(facts, note: "\(machine.id) has stopped")
        case .terminated, .shuttingDown:
            _ = fail("machine \(machine.id) is \(machine.state.rawValue)", at: now)
        case .pending, .running, .stopping, .unknown: break
        }
    }
}
