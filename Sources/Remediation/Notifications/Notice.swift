import FoundationEssentials

/// An event as people outside are told of it.
package struct Notice: Sendable, Equatable, Encodable {
    /// What it is about, dotted, as `election.promoted`.
    package var kind: String
    /// `info`, `notice`, `warning` or `error`.
    package var severity: String
    /// One sentence.
    package var text: String
    package var cluster: String
    /// The host that tells of it.
    package var host: String
    /// Milliseconds since 1970 by that host's clock.
    package var atMs: Int64
    package var details: [String: String]
    /// The same in each try to deliver it.
    package var id: String

    enum CodingKeys: String, CodingKey {
        case kind, severity, text, cluster, host, details, id
        case atMs = "at_ms"
    }

    /// A notice from its parts.
    package init(
        kind: String, severity: String, text: String, cluster: String, host: String, atMs: Int64,
        details: [String: String], id: String
    ) {
        self.kind = kind
        self.severity = severity
        self.text = text
        self.cluster = cluster
        self.host = host
        self.atMs = atMs
        self.details = details
        self.id = id
    }

    /// The JSON that is sent, on one line.
    var json: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { Array($0) } ?? []
    }

    /// True when one of the patterns names this kind; `*` at a pattern's end stands for anything.
    func isOne(of patterns: [String]) -> Bool {
        patterns.contains { pattern in
            pattern.hasSuffix("*") ? kind.hasPrefix(pattern.dropLast()) : kind == pattern
        }
    }
}

/// Where notices are posted to.
package struct WebhookSettings: Sendable, Equatable {
    package var url: String
    /// The file of the secret; read before each try, so that it can be replaced. Nil signs nothing.
    package var secretFile: String?
    package var kinds: [String]

    /// Settings from their parts.
    package init(url: String, secretFile: String?, kinds: [String]) {
        self.url = url
        self.secretFile = secretFile
        self.kinds = kinds
    }
}

/// The program that notices are given to.
package struct HookSettings: Sendable, Equatable {
    package var command: [String]
    package var kinds: [String]

    /// Settings from their parts.
    package init(command: [String], kinds: [String]) {
        self.command = command
        self.kinds = kinds
    }
}
