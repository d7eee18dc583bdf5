package import Linux

/// Takes one operation from step to step: a pure core, which is told of the world and says what to do next.
///
/// Whatever changes the world outside Redis is written down before (`intent`) and after; what changes Redis is one with
/// the writing. So a leader that takes an operation up finds either that nothing was done, or an intent: then it looks at
/// the world first. An act that is not idempotent (a reboot by the provider) is never done a second time.
package struct OperationCore: Sendable {
    /// The operation as it was last written.
    package private(set) var operation: Operation
    /// The operation as it is to be written when `next` says so.
    package internal(set) var draft: Operation
    package let limits: OperationLimits
    /// This run has written the intent: what it announces was not done by anybody yet.
    var holdsIntent = false
    /// A launch went out and its answer was lost, or may have gone out before this run.
    var isInDoubt: Bool
    /// When this run took the step up.
    var began: Instant
    /// Nothing is done before.
    var notBefore = Instant(nanoseconds: 0)
    var pauses: Int64 = 0
    /// Since when the server has passed its checks throughout.
    var healthySince: Instant?
    /// When an order was first seen to wait, or to be claimed.
    var orderedAt: Instant?
    /// Requests that were sent before this leader took the draining up are in no count of its own.
    let tookUpDraining: Bool
    /// Preflight has asked the provider, or need not.
    var hasLooked = false
    private var owed: Effect?
    var wallMs: Int64 = 0

    /// Takes an operation up: one that was just written, or one that another leader left.
    /// `epoch` is that of the leader that does.
    package init(_ operation: Operation, limits: OperationLimits, epoch: Int64? = nil, at now: Instant) {
        self.operation = operation
        draft = operation
        if let epoch { draft.epoch = epoch }
        self.limits = limits
        began = now
        tookUpDraining = operation.step == .drain
        isInDoubt = operation.phase == .intent
    }

    /// What to do next, as the world is.
    package mutating func next(_ facts: Facts, at now: Instant) -> Move {
        wallMs = facts.wallMs
        if let owed { return .write(owed) }
        if operation.state.hasEnded { return .over }
        if operation.state == .waiting { return awaitApproval(at: now) }
        if draft.isCancelled, !operation.isCommitted, operation.step != .undo {
            return giveUp("cancelled by a person")
        }
        if now < notBefore { return .wait(milliseconds: max(1, notBefore.milliseconds(since: now))) }
        return step(facts, at: now)
    }

    private mutating func step(_ facts: Facts, at now: Instant) -> Move {
        switch operation.step {
        case .launch: launch(at: now)
        case .boot: boot(at: now)
        case .provision: playbook(.provision, facts, at: now)
        case .production: playbook(.production, facts, at: now)
        case .join: join(facts, at: now)
        case .preflight: preflight(facts, at: now)
        case .drain: drain(facts, at: now)
        case .reboot: reboot(facts, at: now)
        case .prove: prove(facts, at: now)
        case .application: application(facts, at: now)
        case .healthy: healthy(facts, at: now)
        case .return: end(.done, effect: operation.isDrained ? .restore : .none, note: "back in the list")
        case .restart: restart(facts, at: now)
        case .stop, .power, .retire: power(facts, at: now)
        case .stopped: stopped(at: now)
        case .remove:
            end(
                .done, effect: operation.server.isEmpty ? .none : .remove(server: operation.server),
                note: "off the list")
        case .undo: undo(facts, at: now)
        }
    }

    /// The draft was written, together with its effect.
    package mutating func wrote(at now: Instant) {
        owed = nil
        let isNewStep = draft.step != operation.step || draft.rung != operation.rung
        // The time of a step begins when it may be taken, however long that took a person.
        let isApproved = operation.state == .waiting && draft.state == .running
        holdsIntent = draft.phase == .intent
        draft.revision += 1
        operation = draft
        if isNewStep || isApproved { enter(at: now) }
    }

    /// Redis refused the effect, for a reason that writing again cannot mend: somebody changed the server's entry.
    package mutating func refused(_ why: String) {
        let effect = owed
        owed = nil
        let wanted = draft
        draft = operation
        draft.epoch = wanted.epoch
        draft.isCancelled = wanted.isCancelled
        switch effect {
        case .drain:
            draft.note("not drained: \(why)", atMs: wallMs)
            finish(.cancelled, why)
        case .restore, .putOut, .remove:
            // The end stands; the entry is as a person left it.
            draft = wanted
            draft.note("the entry is left alone: \(why)", atMs: wallMs)
            owed = Effect.none
        case .order, .withdraw, .some(.none), nil: break
        }
    }

    /// A person wants its end. False when there is no way back any more.
    package mutating func cancel(by person: String) -> Bool {
        guard !operation.isCommitted, !draft.isCommitted, !operation.state.hasEnded else { return false }
        draft.isCancelled = true
        draft.note("\(person) asked to cancel it", atMs: wallMs)
        return true
    }

    /// Nothing more may be done to the target: the operation ends at its next step.
    package mutating func leaveAlone(_ why: String) {
        guard owed == nil, !operation.state.hasEnded else { return }
        _ = leave(why)
    }

    /// Ends without the next remedy; what was not begun counts as cancelled.
    mutating func leave(_ why: String) -> Move {
        if !operation.isCommitted { draft.isCancelled = true }
        return giveUp(why)
    }

    /// A person lets it begin. False when it does not wait.
    package mutating func approve(by person: String) -> Bool {
        guard operation.state == .waiting, !draft.isCancelled else { return false }
        draft.state = .running
        draft.note("approved by \(person)", atMs: wallMs)
        owed = Effect.none
        return true
    }

    /// The troop was paused for so long: that is no time in which anything could have been done.
    package mutating func paused(milliseconds: Int64) {
        began = began.advanced(milliseconds: milliseconds)
        healthySince = nil
        orderedAt = orderedAt.map { $0.advanced(milliseconds: milliseconds) }
    }

    private mutating func awaitApproval(at now: Instant) -> Move {
        if draft.isCancelled { return end(.cancelled, fault: "cancelled by a person") }
        if now.milliseconds(since: began) >= limits.approvalMilliseconds {
            return end(.cancelled, fault: "nobody approved it within \(span(limits.approvalMilliseconds))")
        }
        return .wait(milliseconds: limits.pollMilliseconds)
    }

    // MARK: - Writing

    /// How long this run has been at the step, in milliseconds.
    func spent(at now: Instant) -> Int64 { now.milliseconds(since: began) }

    private mutating func enter(at now: Instant) {
        began = now
        notBefore = now
        pauses = 0
        healthySince = nil
        orderedAt = nil
        isInDoubt = false
        hasLooked = false
    }

    /// Owes a writing of the draft as `change` makes it.
    mutating func write(_ effect: Effect = .none, _ change: (inout Operation) -> Void) -> Move {
        change(&draft)
        owed = effect
        return .write(effect)
    }

    /// Owes the same from within `took`, where nothing is returned.
    mutating func owe(_ change: (inout Operation) -> Void) {
        change(&draft)
        owed = Effect.none
    }

    /// The intent of this step is written first.
    mutating func intend() -> Move { write { $0.phase = .intent } }

    /// The step is over; the next one that is needed comes.
    mutating func advance(_ facts: Facts, note: String) -> Move {
        let next = following(facts)
        let atMs = wallMs
        return write { operation in
            operation.note(note, atMs: atMs)
            operation.step = next
            operation.phase = .ready
            operation.attempt = 0
            operation.cuts = nil
        }
    }

    /// The next step that there is something to do for.
    func following(_ facts: Facts) -> Step {
        let steps = draft.steps
        guard let index = steps.firstIndex(of: draft.step) else { return draft.step }
        for step in steps[(index + 1)...] {
            switch step {
            case .provision: if facts.canProvision { return step }
            case .production: if facts.canProduce { return step }
            default: return step
            }
        }
        return draft.step
    }

    mutating func end(_ state: Operation.State, effect: Effect = .none, fault: String = "", note: String = "")
        -> Move
    {
        finish(state, fault, note)
        var effect = effect
        if case .putOut(let why) = effect { effect = .putOut(Operation.short(why)) }
        owed = effect
        return .write(effect)
    }

    private mutating func finish(_ state: Operation.State, _ fault: String, _ note: String = "") {
        let text = [note, fault].filter { !$0.isEmpty }.joined(separator: "; ")
        if !text.isEmpty { draft.note(text, atMs: wallMs) }
        draft.state = state
        draft.phase = .ready
        if !fault.isEmpty { draft.fault = Operation.short(fault) }
        draft.ended = wallMs
        owed = Effect.none
    }

    /// Waits before the next try, longer each time.
    mutating func back(off fault: some CustomStringConvertible, at now: Instant) {
        let pause = min(limits.backoffMilliseconds, 1000 << min(pauses, 6))
        if pauses == 0 { draft.note("trying again: \(fault)", atMs: wallMs) }
        pauses += 1
        notBefore = now.advanced(milliseconds: pause)
    }
}
