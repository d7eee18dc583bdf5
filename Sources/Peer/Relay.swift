import Synchronization

/// A place for something that is made later than those who speak to it.
final class Relay<Value: Sendable>: Sendable {
    private let held = Mutex<Value?>(nil)

    /// What was put there; nil before.
    var value: Value? { held.withLock { $0 } }

    /// Puts it there.
    func set(_ value: Value) { held.withLock { $0 = value } }
}
