/// One line of `troop check`: something that was looked at, and for anything but `fine` what to do about it.
package struct Finding: Sendable, Equatable, Codable {
    /// How it was found.
    package enum Verdict: String, Sendable, Codable {
        case fine
        /// It works, and may cost something on a bad day.
        case warning
        /// It does not work, or what is promised does not hold with it.
        case failed
    }

    /// What was looked at, as `redis` or `clock`.
    package var subject: String
    package var verdict: Verdict
    /// What was found, and for anything but `fine` what to change.
    package var text: String

    /// A finding from its parts.
    package init(_ subject: String, _ verdict: Verdict, _ text: String) {
        self.subject = subject
        self.verdict = verdict
        self.text = text
    }
}

/// The answer to `GET /v1/check`.
package struct CheckDocument: Codable, Sendable {
    package var findings: [Finding]
    /// Whether Redis answered.
    package var storeReachable: Bool

    /// A document of these findings.
    package init(findings: [Finding], storeReachable: Bool) {
        self.findings = findings
        self.storeReachable = storeReachable
    }
}
