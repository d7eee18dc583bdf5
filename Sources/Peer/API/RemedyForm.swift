import Election
import FoundationEssentials
import Remediation

/// The body of `POST /v1/remedies`.
enum RemedyForm {
    /// Reads a body; throws what is wrong with it.
    static func command(_ body: [UInt8]) throws(FormFault) -> LeaderCommand {
        guard let members = try? JSONDecoder().decode([String: String].self, from: Data(body)) else {
            throw FormFault(
                sentence: "the body is no JSON object of texts, such as {\"do\":\"gift\",\"value\":\"1\"}")
        }
        let known = ["do", "target", "value", "reason", "by"]
        for name in members.keys.sorted() where !known.contains(name) {
            throw FormFault(
                sentence: "there is no member '\(shown(name))'; there are \(known.joined(separator: ", "))")
        }
        for (name, text) in members.sorted(by: { $0.key < $1.key }) {
            try FormText.plain(text, name)
        }
        guard let kind = members["do"].flatMap({ LeaderCommand.Kind(rawValue: $0) }), kind != .switchover
        else {
            let kinds = LeaderCommand.Kind.allCases.filter { $0 != .switchover }.map(\.rawValue)
            throw FormFault(sentence: "'do' is one of \(kinds.joined(separator: ", "))")
        }
        let (target, value) = (members["target"], members["value"])
        try checkTarget(target, of: kind)
        try checkValue(value, of: kind)
        return LeaderCommand(
            kind: kind, target: target, value: value, reason: members["reason"] ?? "",
            by: members["by"] ?? "api")
    }

    /// So many servers may be launched at once, as the leader has it.
    static let launches = 1...100

    /// What makes no sense wherever the leader stands is refused before it is asked: it may be away.
    private static func checkTarget(_ target: String?, of kind: LeaderCommand.Kind) throws(FormFault) {
        switch kind {
        case .monkeysPause, .monkeysResume, .gift, .switchover: try refuse(target, "target", of: kind)
        case .mode:
            guard target.flatMap({ RemediationDesk.Monkey(rawValue: $0) }) != nil else {
                throw fault("target", target, "gift or doctor", kind)
            }
        case .doctor, .hold, .forget:
            guard let target, Lease.isHost(target) else {
                throw fault("target", target, "a host's name: 1 to 63 letters, digits, '.', '-' or '_'", kind)
            }
        // What somebody wrote by hand under any name can be taken away again.
        case .unhold, .release: try need(target, "a host's name", kind)
        case .drain, .undrain: try need(target, "a server's address and port, or its host", kind)
        case .cancel: try need(target, "an operation's id; 'troop operations list' shows them", kind)
        case .approve:
            guard let target, OperationJournal.isID(target) else {
                throw fault("target", target, "an operation's id; 'troop operations list' shows them", kind)
            }
        }
    }

    private static func checkValue(_ value: String?, of kind: LeaderCommand.Kind) throws(FormFault) {
        switch kind {
        case .gift:
            guard let value else { return }
            guard let count = Int(value), launches.contains(count) else {
                throw fault(
                    "value", value, "how many servers, \(launches.lowerBound) to \(launches.upperBound)", kind
                )
            }
        case .mode:
            guard value == "default" || value.flatMap({ PolicyMode(rawValue: $0) }) != nil else {
                throw fault("value", value, "observe, approve, enforce or default", kind)
            }
        case .switchover, .monkeysPause, .monkeysResume, .doctor, .drain, .undrain, .approve, .cancel,
            .release, .hold, .unhold, .forget:
            try refuse(value, "value", of: kind)
        }
    }

    private static func refuse(
        _ text: String?, _ member: String, of kind: LeaderCommand.Kind
    ) throws(FormFault) {
        guard text == nil else {
            throw FormFault(sentence: "'\(member)' has no meaning for '\(kind.rawValue)'; leave it out")
        }
    }

    private static func need(
        _ target: String?, _ expected: String, _ kind: LeaderCommand.Kind
    ) throws(FormFault) {
        guard let target, !target.isEmpty else { throw fault("target", target, expected, kind) }
    }

    private static func fault(
        _ member: String, _ text: String?, _ expected: String, _ kind: LeaderCommand.Kind
    ) -> FormFault {
        let what = text.map { "is '\(shown($0))'" } ?? "is missing"
        return FormFault(sentence: "'\(member)' of '\(kind.rawValue)' \(what); expected \(expected)")
    }
}
