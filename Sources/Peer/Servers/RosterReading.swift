import Store

/// Reads what Redis says of the server list.
extension Roster {
    /// The list as the replies to `HGETALL` and `GET` tell it; nil for replies that are no list.
    static func reading(_ replies: [Reply], runID: String?) -> ServerList.Reading? {
        guard replies.count == 2, let pairs = replies[0].pairs else {
            return nil
        }
        var fields: [String: String] = [:]
        // A field or value that is no UTF-8 keeps its place with U+FFFD, so that it is reported as malformed.
        for (field, value) in pairs { fields[field.lossyText] = value.lossyText }
        switch replies[1] {
        case .null: return ServerList.Reading(fields: fields, generation: nil, runID: runID)
        case .bulk, .status:
            return ServerList.Reading(fields: fields, generation: replies[1].lossyText, runID: runID)
        case .integer, .array, .error: return nil
        }
    }

    /// A text of the list, fit for a log and a status.
    static func printable(_ text: String, _ limit: Int = 80) -> String {
        String(
            text.prefix(limit).map { $0.isASCII && ($0.asciiValue ?? 0) >= 0x20 && $0 != "\u{7F}" ? $0 : "?" }
        )
    }
}
