import Linux
import Synchronization

/// True as soon as the condition holds; false when it does not within the time.
package func eventually(
    within milliseconds: Int64 = 10_000, _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let deadline = Instant.now().advanced(milliseconds: milliseconds)
    while Instant.now() < deadline {
        if try await condition() { return true }
        try? await Task.sleep(nanoseconds: 2_000_000)
    }
    return try await condition()
}

/// What callbacks told, in order.
package final class Record<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    package init() {}

    package var all: [Element] { elements.withLock { $0 } }
    package func add(_ element: Element) { elements.withLock { $0.append(element) } }
}
