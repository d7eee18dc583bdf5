package import Linux
import Synchronization

/// Writes the documents of one state folder on a thread of its own, one after the other: whoever wants something kept never
/// waits for the disk, and one that hangs takes none of Swift's threads.
package final class StateWriter: Sendable {
    /// Writes, or removes, one document.
    package typealias Work = @Sendable () throws(SystemFault) -> Void

    private struct Task: Sendable {
        var name: String
        var work: Work
        var onChange: @Sendable (SystemFault?) -> Void
    }

    private struct State {
        var waiting: [Task] = []
        var isBusy = false
        var faults: [String: SystemFault] = [:]
    }

    private let state = Mutex(State())

    /// A writer with nothing to do yet.
    package init() {}

    /// Has a document written soon; of what waits for one name only the newest is carried out. `onChange` hears on the
    /// writer's thread that the name cannot be written any more (once for each reason), or can again (nil).
    package func write(
        _ name: String, onChange: @escaping @Sendable (SystemFault?) -> Void = { _ in },
        _ work: @escaping Work
    ) {
        let task = Task(name: name, work: work, onChange: onChange)
        let mustStart = state.withLock { state in
            state.waiting.removeAll { $0.name == name }
            state.waiting.append(task)
            defer { state.isBusy = true }
            return !state.isBusy
        }
        guard mustStart else { return }
        do throws(SystemFault) {
            try Thread.start(named: "troop-state") { [self] in run() }.detach()
        } catch {
            // No thread: as if the disk had failed, since whoever asked tries again then.
            let failed = state.withLock { state in
                defer { state.waiting = [] }
                state.isBusy = false
                return state.waiting
            }
            for task in failed { note(error, of: task) }
        }
    }

    /// Why the document is not on disk as it was last wanted; nil while it is, or may be soon.
    package func fault(of name: String) -> SystemFault? { state.withLock { $0.faults[name] } }

    /// True when nothing is being written and nothing waits.
    package var isIdle: Bool { state.withLock { !$0.isBusy } }

    /// The thread ends when there is nothing to do: documents change seldom.
    private func run() {
        while true {
            let next = state.withLock { state -> Task? in
                guard !state.waiting.isEmpty else {
                    state.isBusy = false
                    return nil
                }
                return state.waiting.removeFirst()
            }
            guard let next else { return }
            do throws(SystemFault) {
                try next.work()
                note(nil, of: next)
            } catch {
                note(error, of: next)
            }
        }
    }

    private func note(_ fault: SystemFault?, of task: Task) {
        let before = state.withLock { state in
            defer { state.faults[task.name] = fault }
            return state.faults[task.name]
        }
        if before?.description != fault?.description { task.onChange(fault) }
    }
}
