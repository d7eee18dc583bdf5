import Synchronization

/// Bytes that arrive on another thread, up to a limit.
final class BoundedBytes: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var isFull = false
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    var bytes: [UInt8] { state.withLock { $0.bytes } }
    /// True when more came than there was room for.
    var isFull: Bool { state.withLock { $0.isFull } }

    func add(_ more: UnsafeRawBufferPointer) {
        state.withLock { state in
            let room = limit - state.bytes.count
            if more.count > room { state.isFull = true }
            state.bytes.append(contentsOf: more.prefix(room))
        }
    }
}
