import Linux

/// The steps of a reboot and of its proof.
extension OperationCore {
    /// The host's boot id, when it is another one than before.
    func provenBoot(_ facts: Facts) -> String? {
        guard let host = facts.host, host.isFresh, !host.bootID.isEmpty, host.bootID != operation.bootID
        else { return nil }
        return host.bootID
    }

    mutating func reboot(_ facts: Facts, at now: Instant) -> Move {
        if !operation.bootID.isEmpty, provenBoot(facts) != nil {
            // Maybe by itself, or by a person, while it was drained: it need not be done again.
            draft.isCommitted = true
            return advance(facts, note: "the host has rebooted")
        }
        switch operation.way {
        case nil:
            if let end = endedByPeople(facts) { return end }
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
            draft.isCommitted = operation.rung > 0
            return fail("the agent cannot reboot: \(why)", at: now)
        case .withdrawn, .none:
            if facts.hasProvider, !operation.machine.isEmpty { return byProvider(facts, at: now) }
            draft.isCommitted = operation.rung > 0
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
        case .fault(let fault):
            _ = fail("the provider does not reboot \(operation.machine): \(fault)", at: now)
        case .machine, .nothing, .playbook: break
        }
    }

    mutating func prove(_ facts: Facts, at now: Instant) -> Move {
        if let boot = provenBoot(facts) {
            draft.bootID = boot  // what comes after is proven by yet another one
            // It may have come back with another address.
            if let address = facts.host?.address, !address.isEmpty { draft.address = address }
            return advance(
                facts, note: "proven: boot …\(operation.bootID.suffix(8)) became …\(boot.suffix(8))")
        }
        if operation.way == .agent, case .failed(let why) = facts.order {
            draft.isCommitted = operation.rung > 0
            return fail("the agent could not reboot: \(why)", at: now)
        }
        if spent(at: now) >= limits.proveMilliseconds {
            let remedy = draft.remedy == .stopStart ? "a stop and start" : "a reboot"
            return fail(
                "\(operation.target) has not come back from \(remedy) within \(span(limits.proveMilliseconds))",
                at: now)
        }
        return .wait(milliseconds: limits.pollMilliseconds)
    }
}
