import FoundationEssentials

/// What `POST /v1/upgrade` may say: `{"binary": "/usr/local/bin/troop"}`, or nothing at all.
package struct UpgradeForm: Codable, Sendable, Equatable {
    /// The program to start; nil for the agent's own, as it is on disk now.
    package var binary: String?

    private static let example = "expected no body, or JSON such as {\"binary\":\"/usr/local/bin/troop\"}"

    /// A form from its parts.
    package init(binary: String?) { self.binary = binary }

    /// Reads a body; throws what is wrong with it.
    init(_ body: [UInt8]) throws(FormFault) {
        if body.isEmpty {
            binary = nil
            return
        }
        guard let members = try? JSONDecoder().decode([String: String?].self, from: Data(body)) else {
            throw FormFault(sentence: UpgradeForm.example)
        }
        if let stranger = members.keys.filter({ $0 != "binary" }).min() {
            throw FormFault(sentence: "there is no member '\(shown(stranger))'; \(UpgradeForm.example)")
        }
        binary = members["binary"] ?? nil
    }
}
