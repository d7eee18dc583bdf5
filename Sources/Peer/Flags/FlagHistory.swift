import Flags
package import Store

/// One entry of the history of flags.
package struct FlagHistoryEntry: Sendable, Equatable {
    /// The stream's id: what a rollback may name.
    package let id: String
    /// The field of the flags' hash.
    package let field: String
    package let by: String
    package let reason: String
    /// What was asked, in few words, such as `rollout 25 %`; empty where the values tell it all.
    package let what: String
    /// The values before and after; empty for none.
    package let old: String
    package let new: String

    /// What was asked, where Redis had lost the field and it was written back.
    static let restored = "restored"

    /// When, in milliseconds since 1970 by Redis's clock.
    package var atMs: Int64 { Int64(id.prefix { $0 != "-" }) ?? 0 }

    /// The entries in a reply to XREVRANGE, those that make sense.
    package static func list(_ reply: Reply) -> [FlagHistoryEntry] {
        (reply.elements ?? []).compactMap { entry in
            guard let parts = entry.elements, parts.count == 2, let id = parts[0].text,
                let pairs = parts[1].pairs
            else { return nil }
            var values: [String: String] = [:]
            for (name, value) in pairs { values[name.text ?? ""] = value.text ?? "" }
            guard let field = values["flag"] else { return nil }
            return FlagHistoryEntry(
                id: id, field: field, by: values["by"] ?? "", reason: values["reason"] ?? "",
                what: values["what"] ?? "", old: values["old"] ?? "", new: values["new"] ?? "")
        }
    }

    /// True for an id as streams have them.
    package static func isID(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { UInt64($0) != nil }
    }

    /// The entry as the API tells it.
    var json: JSON {
        let value = { (text: String) -> JSON in
            text.isEmpty ? .null : (try? JSONReader.read(Array(text.utf8))) ?? .string(text)
        }
        let action = old.isEmpty ? "created" : new.isEmpty ? "deleted" : "changed"
        return .object(
            JSONObject([
                ("id", .string(id)), ("at_ms", .integer(atMs)), ("key", .string(field)),
                ("action", .string(action)), ("what", what.isEmpty ? .null : .string(what)),
                ("by", .string(by)), ("reason", .string(reason)),
                ("old", value(old)), ("new", value(new)),
            ]))
    }
}
