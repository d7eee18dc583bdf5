import Synchronization

/// How often this agent does what all agents do, by the size of its troop; known to all its parts.
package final class TroopPace: Sendable {
    private struct State {
        var scale = TroopScale(hosts: 0)
        var isFar = false
        var waiting: Set<String> = []
    }

    private let state = Mutex(State())

    /// Hints are answered within this time, in milliseconds: a changed flag is seen by all hosts within a second.
    private static let hintMillisecondsMax: Int64 = 700
    /// Hosts that may answer a hint in one millisecond.
    private static let hostsPerMillisecond: Int64 = 10

    /// The pace of a small troop, until it is told otherwise.
    package init() {}

    /// The troop's scale, as last told.
    package var scale: TroopScale { state.withLock { $0.scale } }
    /// Whether this agent need not know the others (`TroopScale.isFar`).
    package var isFar: Bool { state.withLock { $0.isFar } }

    /// Takes in the troop's size.
    package func set(_ scale: TroopScale, isFar: Bool) {
        state.withLock {
            $0.scale = scale
            $0.isFar = isFar
        }
    }

    /// Does what a hint asks for: at once, or, in a large troop, after a wait by chance, since thousands that ask in the same
    /// moment would hold Redis up. Further hints about `subject` meanwhile are the same one, for which this is false.
    @discardableResult
    package func answer(_ subject: String, _ body: @escaping @Sendable () async -> Void) -> Bool {
        let wait: Int64? = state.withLock { state in
            guard state.isFar else { return 0 }
            guard state.waiting.insert(subject).inserted else { return nil }
            let most = min(
                Int64(state.scale.hosts) / TroopPace.hostsPerMillisecond, TroopPace.hintMillisecondsMax)
            return Int64.random(in: 1...max(1, most))
        }
        guard let wait else { return false }
        Task {
            if wait > 0 {
                try? await Task.sleep(for: .milliseconds(wait))
                state.withLock { _ = $0.waiting.remove(subject) }
            }
            await body()
        }
        return true
    }
}
