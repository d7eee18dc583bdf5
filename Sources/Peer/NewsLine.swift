package import Logging
import Synchronization

/// Whether hints from Redis reach this agent: without them everything still happens, only later, at the next poll.
package final class NewsLine: Sendable {
    private let log: Logger
    private let loss = Mutex<String?>(nil)

    /// A line that is taken to be up until it is told otherwise.
    package init(log: Logger) { self.log = log }

    /// Why no hints come; nil while they do.
    package var fault: String? { loss.withLock { $0 } }

    /// Hints come (again).
    package func isUp() {
        let was = loss.withLock { loss in
            defer { loss = nil }
            return loss
        }
        if was != nil { log.info("hints from Redis come again") }
    }

    /// No hints come, for this reason; told once per reason.
    package func isLost(_ reason: String) {
        let isNew = loss.withLock { loss in
            defer { loss = reason }
            return loss != reason
        }
        if isNew {
            log.info("no hints from Redis; changes are noticed later", metadata: ["why": "\(reason)"])
        }
    }
}
