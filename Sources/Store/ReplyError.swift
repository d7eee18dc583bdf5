/// An error that Redis answered with: its first word and the rest, cut and cleaned for a log line.
package struct ReplyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What the caller should do about an error.
    package enum Kind: Sendable, Equatable {
        /// Busy or loading: ask again after a pause.
        case retry
        /// This is not the master (any more): find it anew; the connection is closed.
        case rediscover
        /// The server takes no writes: as good as no store.
        case storeLost
        /// A person must mend settings or rights; asking again soon cannot help.
        case configuration
        /// The script is not in the server's cache.
        case scriptMissing
        /// A script refused a stale leader's write.
        case fenced
        /// The command itself is wrong for this key or server.
        case refused
    }

    private static let messageCharactersMax = 200

    /// The error's first word, such as `READONLY`.
    package let code: String
    /// The rest of the line.
    package let message: String

    /// An error from its parts.
    package init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    /// An error from the line that Redis sent, without its leading minus.
    package init(line: String) {
        // Redis repeats the arguments of a command it does not know; they may be secret.
        let line = ReplyError.prefix(of: line, before: ", with args beginning with")
        let clean = String(line.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? " " : Character($0) })
        let words = clean.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        let code = String(words.first?.prefix(32) ?? "ERR")
        let message = String(words.dropFirst().first?.prefix(ReplyError.messageCharactersMax) ?? "")
        if let refused = ReplyError.rightsInsideScript(clean) {
            self.init(code: "NOPERM", message: String(refused.prefix(ReplyError.messageCharactersMax)))
        } else if code == "ERR", let inner = ReplyError.codeInsideScript(message) {
            self.init(code: inner, message: message)
        } else {
            self.init(code: code, message: message)
        }
    }

    /// What to do about it.
    package var kind: Kind {
        switch code {
        case "LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN": .retry
        case "READONLY", "MASTERDOWN": .rediscover
        case "MISCONF", "OOM", "NOREPLICAS": .storeLost
        case "NOAUTH", "WRONGPASS", "NOPERM", "DENIED", "MOVED", "ASK": .configuration
        case "NOSCRIPT": .scriptMissing
        case "FENCED": .fenced
        case "ERR": plainKind
        default: .refused
        }
    }

    package var description: String { message.isEmpty ? code : "\(code) \(message)" }

    /// `ERR` tells its cause only in its text; these are the texts of Redis 6 and 7 that matter.
    private var plainKind: Kind {
        if message.hasPrefix("max number of clients") { return .retry }
        let configurationTexts = [
            "invalid password", "AUTH <password> called without", "Client sent AUTH, but no password",
            "DB index is out of range", "invalid DB index", "SELECT is not allowed",
        ]
        return configurationTexts.contains { message.hasPrefix($0) } ? .configuration : .refused
    }

    /// Redis 6 hides the code of an error within a script: `Error running script (…): …: -READONLY You…`.
    private static func codeInsideScript(_ message: String) -> String? {
        guard message.hasPrefix("Error running script") else { return nil }
        for word in message.split(separator: " ") where word.first == "-" {
            let code = word.dropFirst()
            if code.utf8.count > 2, code.utf8.allSatisfy({ (65...90).contains($0) }) { return String(code) }
        }
        return nil
    }

    /// A right that a script lacks, which each Redis tells in its way: `@user_script: 5: The user executing the script …`
    /// (6), `ERR The user executing the script …` (7.0), `ERR ACL failure in script: …` (7.2).
    private static func rightsInsideScript(_ line: String) -> Substring? {
        var text = line[...]
        if text.hasPrefix("@user_script:"), let end = text.dropFirst(14).firstIndex(of: ":") {
            text = text[text.index(after: end)...].drop { $0 == " " }
        } else if text.hasPrefix("ERR ") {
            text = text.dropFirst(4)
        }
        let isOne =
            text.hasPrefix("The user executing the script") || text.hasPrefix("ACL failure in script")
        return isOne ? text : nil
    }

    private static func prefix(of line: String, before mark: String) -> Substring {
        var start = line.startIndex
        while start < line.endIndex {
            if line[start...].hasPrefix(mark) { return line[..<start] }
            start = line.index(after: start)
        }
        return line[...]
    }

    /// The same error without any trace of `secret`; for replies to commands that carried one.
    func without(_ secret: Secret?) -> ReplyError {
        guard let secret, !secret.revealed.isEmpty else { return self }
        let cut = ReplyError.prefix(of: message, before: secret.revealed)
        return cut.endIndex == message.endIndex ? self : ReplyError(code: code, message: "\(cut)…")
    }
}
