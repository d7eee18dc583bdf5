import Linux
import Synchronization

/// A thread that starts once at most, and that a bell tells of its end.
final class OnceThread: Sendable {
    private struct State {
        var bell: Doorbell?
        var isStopped = false
    }

    private let state = Mutex(State())

    /// False from `stop` on: `body` is to return then.
    var isRunning: Bool { state.withLock { !$0.isStopped } }

    /// Starts the thread; a second call, or one after `stop`, does nothing. The bell rings at the end.
    func start(named name: String, _ body: @escaping @Sendable (Doorbell) -> Void) throws(SystemFault) {
        let bell = try Doorbell()
        let mayStart = state.withLock { state in
            guard state.bell == nil, !state.isStopped else { return false }
            state.bell = bell
            return true
        }
        guard mayStart else { return }
        try Thread.start(named: name) { body(bell) }.detach()
    }

    /// Ends the thread, without waiting for it.
    func stop() {
        let bell = state.withLock { state in
            state.isStopped = true
            return state.bell
        }
        bell?.ring()
    }
}
