import Election
import Store
import Testing

@Suite struct HistoryTests {
    private func text(_ text: String) -> Reply { .bulk(Array(text.utf8)) }

    private func entry(_ id: String, _ fields: String...) -> Reply {
        .array([text(id), .array(fields.map { text($0) })])
    }

    @Test func entriesAreReadInOrder() {
        let reply = Reply.array([
            entry(
                "1-0", "at", "5", "event", "elected", "epoch", "7", "leader", "a", "reason", "start",
                "leaderless", ""),
            entry(
                "2-0", "at", "6", "event", "released", "epoch", "7", "leader", "a", "reason",
                "resigned: SIGTERM"),
            entry(
                "3-0", "at", "9", "event", "elected", "epoch", "9", "leader", "b", "reason",
                "a resigned: SIGTERM",
                "leaderless", "3"),
        ])
        let entries = HistoryEntry.list(reply)
        #expect(entries.map(\.event) == [.elected, .released, .elected])
        #expect(entries.map(\.epoch) == [7, 7, 9])
        #expect(entries.map(\.at) == [5, 6, 9])
        #expect(entries.map(\.leaderlessMilliseconds) == [nil, nil, 3])
        #expect(entries.last?.reason == "a resigned: SIGTERM")
    }

    @Test func foreignEntriesAreLeftOut() {
        let reply = Reply.array([
            .null, .integer(3), .array([]), .array([text("1-0"), .null]),
            entry("1-0", "hello", "world"),
            entry("1-1", "at", "x", "epoch", "7", "leader", "a"),
            entry("1-2", "at", "5", "epoch", "0", "leader", "a"),
            entry("1-3", "at", "5", "epoch", "7", "leader", "a b"),
            entry("1-4", "at", "5", "epoch", "7", "leader", "a", "event", "party"),
            .array([text("1-5"), .array([text("at")])]),
            entry("2-0", "at", "5", "epoch", "7", "leader", "a", "reason", "x\u{1b}[31m\ny"),
        ])
        let entries = HistoryEntry.list(reply)
        #expect(entries.map(\.id) == ["2-0"])
        #expect(entries.first?.event == .elected)
        #expect(entries.first?.reason == "x?[31m?y")
        #expect(HistoryEntry.list(.null).isEmpty)
        #expect(HistoryEntry.list(.status("OK")).isEmpty)
    }
}
