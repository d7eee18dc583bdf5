import Election
import FoundationEssentials

/// What the bodies of `POST /v1/switchover`, `/v1/pause` and `/v1/resume` may say.
struct CommandForm: Equatable {
    let to: String?
    let reason: String
    let by: String

    /// Reads a body, which may be empty; `takesTarget` allows `to`. Throws what is wrong with it.
    init(_ body: [UInt8], takesTarget: Bool) throws(FormFault) {
        var members: [String: String] = [:]
        if !body.isEmpty {
            guard let found = try? JSONDecoder().decode([String: String].self, from: Data(body)) else {
                throw FormFault(
                    sentence: "the body is no JSON object of texts, such as {\"reason\":\"kernel update\"}")
            }
            members = found
        }
        let known = (takesTarget ? ["to"] : []) + ["reason", "by"]
        for name in members.keys.sorted() where !known.contains(name) {
            throw FormFault(
                sentence: "there is no member '\(shown(name))'; there are \(known.joined(separator: ", "))")
        }
        if let target = members["to"], !Lease.isHost(target) {
            throw FormFault(sentence: "'to' is no host's name: 1 to 63 letters, digits, '.', '-' or '_'")
        }
        to = members["to"]
        reason = try FormText.plain(members["reason"] ?? "", "reason")
        by = try FormText.plain(members["by"] ?? "api", "by")
    }
}
