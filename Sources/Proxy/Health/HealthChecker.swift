package import Linux
import Synchronization

/// Checks servers over HTTP, each once an interval, on one thread of its own.
package final class HealthChecker: Sendable {
    /// What the thread and everyone else share.
    struct Shared {
        var wanted: [SocketAddress] = []
        var states: [SocketAddress: HealthState] = [:]
        /// What is thought of watched servers; those that are missing were never checked.
        var ranks: [SocketAddress: ServerRank] = [:]
        /// Servers that refused a connect elsewhere since the thread last looked.
        var refused: [SocketAddress] = []
        var isStopping = false
    }

    private let shared: SharedHealth
    private let thread = Mutex<Thread?>(nil)

    /// Starts the thread; `onChange` is called on it and must not block. Throws at the limits of the system.
    package init(
        _ settings: HealthSettings, onChange: @escaping @Sendable (HealthChange) -> Void
    ) throws(SystemFault) {
        let shared = SharedHealth(doorbell: try Doorbell())
        self.shared = shared
        let epoll = try HealthLoop.makeEpoll()
        let started = try Thread.start(named: "troop-health") {
            let loop = HealthLoop(settings, epoll: epoll, shared: shared, onChange: onChange)
            loop.run()
        }
        thread.withLock { $0 = started }
    }

    deinit { stop() }

    /// Checks these servers from now on, and no others; what is known of those that stay is kept.
    package func watch(_ addresses: [SocketAddress]) {
        shared.state.withLock { $0.wanted = addresses }
        shared.doorbell.ring()
    }

    /// Counts a refused connect of each of these servers as the failure of its checks, at once.
    package func noteRefusals(_ addresses: [SocketAddress]) {
        shared.state.withLock { $0.refused += addresses }
        shared.doorbell.ring()
    }

    /// What the checks mean for the routing; servers that are missing were never checked.
    package func ranks() -> [SocketAddress: ServerRank] { shared.state.withLock { $0.ranks } }

    /// Ends all checks and the thread. Not to be called from `onChange`.
    package func stop() {
        shared.state.withLock { $0.isStopping = true }
        shared.doorbell.ring()
        let ending = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        ending?.join()
    }

    /// What is known of each server that is watched.
    package func states() -> [SocketAddress: HealthState] { shared.state.withLock { $0.states } }
}

/// The state that a checker shares with its thread.
final class SharedHealth: Sendable {
    let doorbell: Doorbell
    let state = Mutex(HealthChecker.Shared())

    init(doorbell: Doorbell) { self.doorbell = doorbell }
}
