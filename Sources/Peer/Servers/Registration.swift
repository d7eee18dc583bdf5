/// Whether this agent's own application stands in the server list, and who decided so.
///
/// A pure core. The rules: the entry is created once per start of the application, and again when the list was
/// lost (the marker `servers:gen` is missing or another); a state that is there is never changed; an entry that
/// is gone while the marker stayed was removed by a person, and stays out until a person adds it or the
/// application starts again.
package struct Registration: Equatable, Sendable {
    /// What the agent is to do about its entry.
    package enum Action: Equatable, Sendable {
        case none
        /// Create the entry unless there is one.
        case register
        /// Take the entry out if it is still ours.
        case withdraw
    }

    /// Where the entry stands, as far as this agent knows.
    package enum State: Equatable, Sendable {
        /// The application does not run (or was not seen yet).
        case stopped
        /// The application runs; its entry is to be created.
        case registering
        /// The entry was created, or seen, in the list with this marker (nil: none was set yet).
        case listed(generation: String?)
        /// A person removed the entry.
        case removed
    }

    /// Where the entry stands.
    package private(set) var state: State

    /// Starts before the application was seen; `removed` when an earlier run of the agent saw the entry removed
    /// by a person and the application has not been seen to stop since.
    package init(removed: Bool = false) { state = removed ? .removed : .stopped }

    /// The application's health check passed.
    package mutating func applicationIsUp() -> Action {
        switch state {
        case .stopped:
            state = .registering
            return .register
        case .registering: return .register
        case .listed, .removed: return .none
        }
    }

    /// The application is gone (nobody listens any more).
    package mutating func applicationIsGone() -> Action {
        switch state {
        case .stopped: return .none
        case .removed:
            state = .stopped
            return .none
        case .registering, .listed:
            state = .stopped
            return .withdraw
        }
    }

    /// The registration reached the store, whose list has this marker.
    package mutating func registered(generation: String?) {
        switch state {
        case .registering: state = .listed(generation: generation)
        case .stopped, .listed, .removed: break  // the application stopped meanwhile; the withdrawal follows
        }
    }

    /// The list was read: whether our entry is in it, and its marker; nil for a list that was lost, where an entry that
    /// a person had removed may stand again for a moment.
    package mutating func listWasRead(containsEntry: Bool, generation: String?) -> Action {
        switch state {
        case .stopped: return .none
        case .registering: return .register
        case .removed:
            if containsEntry, generation != nil { state = .listed(generation: generation) }
            return .none
        case .listed(let known):
            if containsEntry {
                state = .listed(generation: generation)
                return .none
            }
            if generation == nil || generation != known {
                state = .registering
                return .register
            }
            state = .removed
            return .none
        }
    }
}
