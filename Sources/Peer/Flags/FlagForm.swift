import Flags

/// What is asked of a flag by `POST /v1/flags/KEY`.
struct FlagForm: Equatable {
    /// One thing at a time.
    enum Wish: Equatable {
        case change(FlagChange)
        /// Back to what it was after an entry of the history, or before the last change (nil).
        case rollback(to: String?)
    }

    let wish: Wish
    let by: String
    let reason: String

    private static let names = [
        "state", "rollout", "variant", "otherwise", "force", "rollback", "to", "by", "reason",
    ]
    private static let example =
        "expected JSON such as {\"state\":\"ENABLED\"}, {\"rollout\":25} or {\"rollback\":true}"

    /// Reads a body; throws what is wrong with it.
    init(_ body: [UInt8]) throws(FormFault) {
        guard let members = (try? JSONReader.read(body))?.members else {
            throw FormFault(sentence: FlagForm.example)
        }
        for member in members.members where !FlagForm.names.contains(member.name) {
            throw FormFault(
                sentence:
                    "there is no member '\(member.name.quotable)'; there are \(FlagForm.names.joined(separator: ", "))"
            )
        }
        by = try FormText.plain(FlagForm.text(members, "by") ?? "api", "by")
        reason = try FormText.plain(FlagForm.text(members, "reason") ?? "", "reason")
        let wishes = ["state", "rollout", "rollback"].filter { members[$0] != nil }
        guard wishes.count == 1 else { throw FormFault(sentence: FlagForm.example) }
        switch wishes[0] {
        case "state":
            let word = try FlagForm.text(members, "state") ?? ""
            guard let state = Flag.State(rawValue: word) else {
                throw FormFault(sentence: "state is '\(word.quotable)'; expected ENABLED or DISABLED")
            }
            wish = .change(.state(state))
        case "rollout": wish = .change(.rollout(try FlagForm.rollout(members)))
        default:
            guard members["rollback"] == .bool(true) else { throw FormFault(sentence: FlagForm.example) }
            let id = try FlagForm.text(members, "to")
            if let id, !FlagHistoryEntry.isID(id) {
                throw FormFault(
                    sentence:
                        "'\(id.quotable)' is no entry of the history; expected an ID such as 1763900000000-0, as 'troop flags history' shows them"
                )
            }
            wish = .rollback(to: id)
        }
    }

    private static func text(_ members: JSONObject, _ name: String) throws(FormFault) -> String? {
        guard let value = members[name] else { return nil }
        guard let text = value.text else { throw FormFault(sentence: "'\(name)' is not a string") }
        return text
    }

    private static func rollout(_ members: JSONObject) throws(FormFault) -> FlagChange.Rollout {
        guard let percent = members["rollout"]?.number else {
            throw FormFault(sentence: "'rollout' is not a number of percent")
        }
        guard let share = FlagText.share(percent) else {
            throw FormFault(
                sentence: "rollout is \(percent); expected 0 to 100 percent with at most three decimals")
        }
        guard let replaces = (members["force"] ?? .bool(false)).truth else {
            throw FormFault(sentence: "'force' is not true or false")
        }
        return FlagChange.Rollout(
            share: share, variant: try text(members, "variant"), otherwise: try text(members, "otherwise"),
            replacesRules: replaces)
    }
}

/// Numbers that people give with a change of flags.
enum FlagText {
    /// Percent as thousandths of one; nil for what is none, or is finer.
    static func share(_ percent: Double) -> Int64? {
        guard percent >= 0, percent <= 100 else { return nil }
        let scaled = (percent * 1000).rounded()
        return abs(scaled - percent * 1000) < 1e-6 ? Int64(scaled) : nil
    }
}
