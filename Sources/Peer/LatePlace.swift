import Synchronization

/// A place for something that is made later than those who speak to it.
package final class LatePlace<Value: Sendable>: Sendable {
    private let held = Mutex<Value?>(nil)

    /// An empty place.
    package init() {}

    /// What was put there; nil before.
    package var value: Value? { held.withLock { $0 } }

    /// Puts it there.
    package func set(_ value: Value) { held.withLock { $0 = value } }
}
