/// Who takes a server off the list, and why: said on the channel `news` before it is done, since nothing stays behind
/// in the list that could tell.
package struct RemovalWord: Codable, Equatable, Sendable {
    /// The server's address.
    package var server: String
    /// `agent`, `cli:<user>` or `api`.
    package var by: String
    /// Why; empty when nobody said.
    package var reason: String

    private static let prefix = "removed "
    private static let bytesMax = 4096

    /// A word from its parts.
    package init(server: String, by: String, reason: String) {
        self.server = server
        self.by = by
        self.reason = reason
    }

    /// The word as it is published.
    package var hint: String {
        RemovalWord.prefix + String(decoding: JSONForm.bytes(self) ?? [], as: UTF8.self)
    }

    /// Reads what `hint` wrote; nil for other hints, and for texts that no event could show.
    package init?(hint: String) {
        guard hint.hasPrefix(RemovalWord.prefix), hint.utf8.count <= RemovalWord.bytesMax,
            let word = try? JSONForm.document(
                RemovalWord.self, from: Array(hint.utf8.dropFirst(RemovalWord.prefix.utf8.count)))
        else { return nil }
        do {
            try FormText.plain(word.by, "by")
            try FormText.plain(word.reason, "reason")
        } catch {
            return nil
        }
        self = word
    }
}
