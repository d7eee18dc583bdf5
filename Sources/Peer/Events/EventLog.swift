import FoundationEssentials
package import Logging
package import Store
import Synchronization

/// Tells events: to the log at once, and to the stream `events` in Redis as soon as it answers.
///
/// `tell` never blocks and never fails; what Redis cannot take now waits in a short queue, and beyond that the oldest
/// are dropped and counted.
package final class EventLog: Sendable {
    private struct Waiting {
        var events: [Event] = []
        var dropped = 0
    }

    private let store: Store
    private let keys: Keys
    private let host: String
    private let log: Logger
    private let waiting = Mutex(Waiting())
    private let onTell: @Sendable (Event) -> Void

    /// Events that wait for Redis.
    private static let waitingMax = 256
    /// About how many entries the stream keeps.
    package static let kept = 10_000

    /// A log of one host; `onTell` hears each event at once, and must not block.
    package init(
        store: Store, keys: Keys, host: String, log: Logger,
        onTell: @escaping @Sendable (Event) -> Void = { _ in }
    ) {
        self.store = store
        self.keys = keys
        self.host = host
        self.log = log
        self.onTell = onTell
    }

    /// Tells of an event.
    package func tell(
        _ kind: String, _ severity: Event.Severity, _ text: String, _ details: [String: String] = [:]
    ) {
        let event = Event(
            kind: kind, severity: severity, text: EventLog.cut(text), host: host,
            atMs: WallClock.milliseconds(), details: details)
        let metadata = Logger.Metadata(uniqueKeysWithValues: details.map { ($0.key, "\($0.value)") })
        switch severity {
        case .info: log.info("\(event.text)", metadata: metadata)
        case .notice: log.notice("\(event.text)", metadata: metadata)
        case .warning: log.warning("\(event.text)", metadata: metadata)
        case .error: log.error("\(event.text)", metadata: metadata)
        }
        waiting.withLock { waiting in
            waiting.events.append(event)
            if waiting.events.count > EventLog.waitingMax {
                waiting.events.removeFirst()
                waiting.dropped += 1
            }
        }
        onTell(event)
    }

    /// Writes what waits; called once a second by the agent, and by whoever wants an event to be seen at once.
    package func flush() async {
        let (events, dropped) = waiting.withLock { waiting in
            defer { waiting = Waiting() }
            return (waiting.events, waiting.dropped)
        }
        guard !events.isEmpty else { return }
        var commands = events.compactMap { EventLog.command($0, keys) }
        commands.append(Command("PUBLISH", keys.news, EventLog.hint))
        do {
            _ = try await store.pipeline(commands)
            if dropped > 0 {
                log.warning("events were lost while Redis was away", metadata: ["count": "\(dropped)"])
            }
        } catch {
            waiting.withLock { waiting in
                waiting.events = Array((events + waiting.events).suffix(EventLog.waitingMax))
                waiting.dropped += dropped
            }
        }
    }

    /// What is told on `news` when events were written.
    package static let hint = "events"

    private static func command(_ event: Event, _ keys: Keys) -> Command? {
        guard let json = JSONForm.bytes(event) else { return nil }
        return Command(
            "XADD", keys.events, "MAXLEN", "~", "\(kept)", "*", "event", String(decoding: json, as: UTF8.self)
        )
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > Event.textBytesMax else { return text }
        var cut = ""
        for character in text {
            guard cut.utf8.count + character.utf8.count <= Event.textBytesMax - 3 else { break }
            cut.append(character)
        }
        return cut + "…"
    }
}
