import Linux

/// What happens when something does not work.
extension OperationCore {
    /// The remedy did not help, or cannot be had: the next one, or the end.
    mutating func fail(_ why: String, at now: Instant) -> Move {
        if needsUndo { return undoing(why) }
        let next = draft.rung + 1
        if draft.ladder.indices.contains(next) {
            let atMs = wallMs
            return write { operation in
                operation.note("\(why); next: \(operation.ladder[next].rawValue)", atMs: atMs)
                operation.rung = next
                operation.phase = .ready
                operation.attempt = 0
                operation.cuts = nil
                operation.way = nil
                operation.step = .preflight
            }
        }
        return giveUp(why)
    }

    /// A machine was launched, or may have been.
    private var needsUndo: Bool {
        switch operation.step {
        case .launch: isInDoubt
        case .boot, .provision, .production, .join: !operation.launched.isEmpty
        case .preflight, .drain, .reboot, .prove, .application, .healthy, .return, .restart, .stop, .stopped,
            .power,
            .retire, .remove, .undo:
            false
        }
    }

    private mutating func undoing(_ why: String) -> Move {
        let atMs = wallMs
        return write { operation in
            operation.note("\(why); taking back what was begun", atMs: atMs)
            operation.fault = Operation.short(why)
            operation.step = .undo
            operation.phase = .ready
        }
    }

    /// The end without success: a server that was only drained returns at once, one that may be sick stays off.
    mutating func giveUp(_ why: String) -> Move {
        if needsUndo || operation.step == .launch && operation.phase == .intent { return undoing(why) }
        let state: Operation.State = draft.isCancelled ? .cancelled : .failed
        guard operation.isDrained else { return end(state, fault: why) }
        let effect: Effect = draft.isCommitted ? .putOut(why) : .restore
        return end(state, effect: effect, fault: why)
    }

    /// Terminates what was launched, then ends.
    mutating func undo(_ facts: Facts, at now: Instant) -> Move {
        if spent(at: now) >= limits.undoMilliseconds {
            return end(
                draft.isCancelled ? .cancelled : .failed, effect: afterUndo,
                fault:
                    "\(operation.fault); the machine \(operation.launched) could not be terminated: do it by hand"
            )
        }
        if operation.phase == .ready {
            guard let (address, _) = facts.newcomerServer else { return intend() }
            return write(.remove(server: address)) { $0.phase = .intent }
        }
        return operation.launched.isEmpty ? .act(.find) : .act(.terminate(machine: operation.launched))
    }

    /// The end of an undo: what was launched is gone, and an old machine is as it was before.
    mutating func undone(_ note: String) {
        let effect = afterUndo
        draft.launched = ""
        _ = end(draft.isCancelled ? .cancelled : .failed, effect: effect, fault: draft.fault, note: note)
    }

    /// What becomes of the old machine's server when a new machine is given up.
    private var afterUndo: Effect {
        !draft.isDrained ? .none : draft.isCommitted ? .putOut(draft.fault) : .restore
    }
}
