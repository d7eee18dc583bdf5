/// The kinds of events that agents tell of; `docs/api.md` says who tells each, and when.
package enum EventKinds {
    /// The second words of all kinds by the first one.
    private static let words: [(first: String, second: [String])] = [
        ("agent", ["started", "stopped"]), ("application", ["up", "down"]),
        ("config", ["warning", "problem", "restored"]),
        ("doctor", ["would", "held_back", "handover", "quarantine"]),
        ("elastic_ip", ["taken", "lost", "failed"]),
        ("election", ["promoted", "demoted", "limbo", "flapping"]), ("flag", ["changed"]),
        ("gift", ["would", "held_back"]), ("hook", ["done", "failed", "dropped"]),
        ("host", ["joined", "lost", "back", "forgotten", "changed"]),
        (
            "operation",
            [
                "started", "waiting", "step", "resumed", "done", "failed", "cancelled", "lost", "unreadable",
                "set_aside",
            ]
        ),
        ("order", ["taken", "refused", "failed"]), ("remedy", ["command"]),
        ("server", ["added", "removed", "state", "weight", "changed", "healthy", "unhealthy"]),
        ("store", ["lost", "back"]),
        ("vip", ["taken", "given_up", "vanished", "conflict", "leftover", "failed"]),
    ]

    /// Every kind.
    package static let all = words.flatMap { word in word.second.map { "\(word.first).\($0)" } }

    /// Whether a text is a kind, or the first word of kinds.
    package static func has(_ text: String) -> Bool {
        words.contains { $0.first == text } || all.contains(text)
    }

    /// All kinds in one line for people.
    package static let list = words.map { "\($0.first) (\($0.second.joined(separator: ", ")))" }
        .joined(separator: ", ")
}
