package import Store

/// One event as it stands in the stream, with its place.
package struct EventLine: Codable, Sendable, Equatable {
    /// The entry's id in the stream, `milliseconds-number` by Redis's clock.
    package var id: String
    package var kind: String
    package var severity: String
    package var text: String
    package var host: String
    package var atMs: Int64
    package var details: [String: String]

    /// A line from an event and its place.
    package init(id: String, _ event: Event) {
        self.id = id
        kind = event.kind
        severity = event.severity.rawValue
        text = event.text
        host = event.host
        atMs = event.atMs
        details = event.details
    }
}

/// `GET /v1/events`: newest first.
package struct EventsDocument: Codable, Sendable, Equatable {
    package var events: [EventLine]
    /// Entries of the stream that no agent wrote, and that were passed over.
    package var malformed: Int

    /// A document of its parts.
    package init(events: [EventLine], malformed: Int) {
        self.events = events
        self.malformed = malformed
    }
}

/// Which events are asked for: the query of `GET /v1/events`.
package struct EventQuery: Sendable, Equatable {
    /// From where: `milliseconds` since 1970, that moment included, or an entry's id, without that entry.
    package var since: String?
    /// How many at most, 1 to 1000.
    package var count = 100
    /// A kind such as `server.unhealthy`, or the first part of kinds, such as `server`.
    package var kind: String?

    private static let counts = 1...1000
    static let names = ["since", "count", "kind"]

    /// Reads the query's parameters; throws what is wrong with them.
    package init(_ query: [String: String]) throws(FormFault) {
        try QueryNames.check(query, against: EventQuery.names)
        if let text = query["count"] {
            guard let number = Int(text), EventQuery.counts.contains(number) else {
                throw FormFault(sentence: "count is '\(shown(text))'; expected 1 to 1000")
            }
            count = number
        }
        if let text = query["since"] {
            guard EventQuery.isPlace(text) else {
                throw FormFault(
                    sentence:
                        "since is '\(shown(text))'; expected milliseconds since 1970, or the id of an event")
            }
            since = text
        }
        if let text = query["kind"] {
            let isWord = text.utf8.allSatisfy {
                (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: ".")
                    || $0 == UInt8(ascii: "_")
            }
            // An empty word would fit no kind, and nobody would notice.
            let isWhole = !text.split(separator: ".", omittingEmptySubsequences: false).contains("")
            guard isWord, isWhole, (1...64).contains(text.utf8.count) else {
                throw FormFault(
                    sentence: "kind is '\(shown(text))'; expected one such as server or server.unhealthy")
            }
            kind = text
        }
    }

    private static func isPlace(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count) else { return false }
        return parts.allSatisfy { part in
            (1...18).contains(part.utf8.count) && part.utf8.allSatisfy { (48...57).contains($0) }
        }
    }

    /// The lower end of the range in the form of XREVRANGE.
    var start: String {
        guard let since else { return "-" }
        return since.contains("-") ? "(\(since)" : since
    }

    /// Whether an event is of the kind that is asked for.
    func wants(_ event: Event) -> Bool {
        guard let kind else { return true }
        return event.kind == kind || event.kind.hasPrefix("\(kind).")
    }
}

/// Reads the stream of events.
package struct EventReader: Sendable {
    private let store: Store
    private let keys: Keys

    /// Entries read at a time where many may be passed over.
    private static let batch = 500

    /// A reader of one troop's stream.
    package init(store: Store, keys: Keys) {
        self.store = store
        self.keys = keys
    }

    /// The events that are asked for, newest first.
    package func read(_ query: EventQuery) async throws(StoreFault) -> EventsDocument {
        var document = EventsDocument(events: [], malformed: 0)
        var end = "+"
        var read = 0
        // No more than the stream keeps: whatever is written meanwhile, this ends.
        while document.events.count < query.count, read < 2 * EventLog.kept {
            let size = query.kind == nil ? query.count - document.events.count : EventReader.batch
            let reply = try await store.call(
                Command("XREVRANGE", keys.events, end, query.start, "COUNT", "\(size)"))
            if case .error(let error) = reply { throw .rejected(error) }
            guard let entries = reply.elements else {
                throw .malformed("the key \(keys.events) is no stream")
            }
            for entry in entries {
                guard let id = entry.elements?.first?.text else { continue }
                end = "(\(id)"
                guard let event = EventReader.event(entry) else {
                    document.malformed += 1
                    continue
                }
                guard query.wants(event), document.events.count < query.count else { continue }
                document.events.append(EventLine(id: id, event))
            }
            read += entries.count
            if entries.count < size { break }
        }
        return document
    }

    /// The event in an entry `[id, ["event", JSON]]`; nil for one that no agent wrote.
    static func event(_ entry: Reply) -> Event? {
        guard let parts = entry.elements, parts.count == 2, let fields = parts[1].elements, fields.count == 2,
            fields[0].text == "event", let text = fields[1].text,
            text.utf8.count <= EventReader.entryBytesMax
        else { return nil }
        return try? JSONForm.document(Event.self, from: Array(text.utf8))
    }

    /// Longer entries are nobody's, in bytes.
    private static let entryBytesMax = 16 * 1024
}
