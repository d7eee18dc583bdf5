extension Configuration {
    /// A text that never shows itself: descriptions, reflection and dumps say `(hidden)`.
    package struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
        CustomReflectable
    {
        private let text: String

        /// Hides `text`.
        package init(_ text: String) { self.text = text }

        /// The text itself; for the call that needs it, never for a message.
        package func reveal() -> String { text }

        package var description: String { "(hidden)" }
        package var debugDescription: String { "(hidden)" }
        package var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// The Redis URL as it was written; its description hides user and password.
    package struct RedisURL: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
        CustomReflectable
    {
        /// The schemes that the store knows.
        package static let schemes = ["redis", "rediss", "unix"]

        /// The whole text, password included; for the store alone, never for a message.
        package let text: String

        /// Keeps `text`; nil unless it is one of the known schemes, `://` and something after it.
        package init?(_ text: String) {
            guard let separator = text.firstRange(of: "://"), separator.upperBound < text.endIndex,
                RedisURL.schemes.contains(text[..<separator.lowerBound].lowercased()),
                text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f })
            else { return nil }
            self.text = text
        }

        /// `redis`, `rediss` or `unix`, in small letters.
        package var scheme: String { text.prefix { $0 != ":" }.lowercased() }

        package var description: String {
            guard let separator = text.firstRange(of: "://") else { return "(hidden)" }
            let rest = text[separator.upperBound...]
            // The last @ of all, wherever it stands: a password with a raw slash must not show its tail.
            guard let at = rest.lastIndex(of: "@") else { return text }
            return "\(scheme)://(hidden)\(rest[at...])"
        }

        package var debugDescription: String { description }
        package var customMirror: Mirror { Mirror(self, children: []) }
    }
}
