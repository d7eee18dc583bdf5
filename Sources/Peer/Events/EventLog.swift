import FoundationEssentials
import Linux
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
        /// Why Redis refused events for good, as it was last told, and how many since it did first.
        var refusal: String?
        var refused = 0

        /// Drops the oldest of too many, and counts them.
        mutating func trim() {
            let surplus = max(0, events.count - EventLog.waitingMax)
            events.removeFirst(surplus)
            dropped += surplus
        }
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
            waiting.trim()
        }
        onTell(event)
    }

    /// Writes what waits; called once a second by the agent, and by whoever wants an event to be seen at once.
    package func flush() async {
        let (events, dropped) = waiting.withLock { waiting in
            defer { (waiting.events, waiting.dropped) = ([], 0) }
            return (waiting.events, waiting.dropped)
        }
        let written = events.compactMap { event in EventLog.command(event, keys).map { (event, $0) } }
        guard !written.isEmpty else { return }
        do {
            let replies = try await store.pipeline(
                written.map(\.1) + [Command("PUBLISH", keys.news, EventLog.hint)])
            take(replies, to: written.map(\.0), dropped: dropped)
        } catch {
            putBack(events, dropped: dropped)
        }
    }

    /// Redis may answer, and take nothing: what passes by itself is waited for, what a person must mend is told.
    private func take(_ replies: [Reply], to events: [Event], dropped: Int) {
        var again: [Event] = []
        var refused: [ReplyError] = []
        for (event, reply) in zip(events, replies) {
            guard case .error(let error) = reply else { continue }
            switch error.kind {
            case .retry, .rediscover, .storeLost: again.append(event)
            case .configuration, .scriptMissing, .fenced, .refused: refused.append(error)
            }
        }
        // While some wait, what was lost is told later, with them.
        putBack(again, dropped: again.isEmpty ? 0 : dropped)
        if again.isEmpty, dropped > 0 {
            log.warning("events were lost while Redis was away", metadata: ["count": "\(dropped)"])
        }
        tell(refused, isTaken: again.count + refused.count < events.count)
    }

    /// Once for each reason, and once for its end.
    private func tell(_ refused: [ReplyError], isTaken: Bool) {
        guard isTaken || !refused.isEmpty else { return }
        let refusal = refused.first?.description
        let (before, count) = waiting.withLock { waiting in
            waiting.refused += refused.count
            defer {
                waiting.refusal = refusal
                if refusal == nil { waiting.refused = 0 }
            }
            return (waiting.refusal, waiting.refused)
        }
        guard before != refusal else { return }
        if let refusal {
            log.error(
                "Redis does not take events: they are in this log alone",
                metadata: ["key": "\(keys.events)", "why": "\(refusal)"])
        } else {
            log.notice(
                "Redis takes events again", metadata: ["key": "\(keys.events)", "lost": "\(count)"])
        }
    }

    private func putBack(_ events: [Event], dropped: Int) {
        waiting.withLock { waiting in
            waiting.events = events + waiting.events
            waiting.dropped += dropped
            waiting.trim()
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
