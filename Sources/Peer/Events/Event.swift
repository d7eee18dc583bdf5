/// Something that people want to read afterwards: one entry of the stream `events`.
package struct Event: Sendable, Equatable, Codable {
    /// How much it matters.
    package enum Severity: String, Sendable, Codable { case info, notice, warning, error }

    /// What it is about, dotted, as `election.promoted`, `hook.failed`, `doctor.held_back`, `flag.changed`.
    package var kind: String
    package var severity: Severity
    /// One sentence for people.
    package var text: String
    /// The host that tells of it.
    package var host: String
    /// Milliseconds since 1970 by the teller's clock.
    package var atMs: Int64
    /// What it is about besides, by name (`epoch`, `operation`, `server`, `target`, …).
    package var details: [String: String]

    /// An event from its parts.
    package init(
        kind: String, severity: Severity, text: String, host: String, atMs: Int64,
        details: [String: String] = [:]
    ) {
        self.kind = kind
        self.severity = severity
        self.text = text
        self.host = host
        self.atMs = atMs
        self.details = details
    }

    /// The longest text that is kept, in bytes.
    package static let textBytesMax = 1024
}
