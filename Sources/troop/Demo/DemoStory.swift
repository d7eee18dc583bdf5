import Peer

/// What stays on the screen of a demo: who leads, and each step of what the monkeys do.
struct DemoStory {
    private var last: String?

    /// Kinds of events that belong to the story, or the first parts of them.
    private static let kinds = ["operation", "election.promoted", "doctor.handover", "doctor.quarantine"]
    /// Events looked at in one go.
    private static let count = 30

    /// What of the events is asked for.
    var query: String { "?count=\(DemoStory.count)" + (last.map { "&since=\($0)" } ?? "") }

    /// The lines of what is new, oldest first.
    mutating func news(_ document: EventsDocument?) -> [String] {
        guard let events = document?.events, let newest = events.first else { return [] }
        let isFirst = last == nil
        last = newest.id
        guard !isFirst else { return [] }  // what was before is no news
        return events.reversed().filter { event in
            DemoStory.kinds.contains { event.kind == $0 || event.kind.hasPrefix("\($0).") }
        }
        .map { Table.printable($0.text) }
    }
}
