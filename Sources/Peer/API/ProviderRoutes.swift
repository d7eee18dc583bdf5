import Remediation

/// `POST /v1/provider/test`: what the provider can do, a dry run.
package struct ProviderTestDocument: Codable, Sendable {
    /// One line: what was looked at, how it fares (`fine`, `warning`, `failed`), what to do.
    package struct Line: Codable, Sendable {
        package var subject: String
        package var verdict: String
        package var text: String
    }

    /// `none`, `ec2`, `exec` or `process`.
    package var kind: String
    package var cluster: String
    /// False when any finding is `failed`.
    package var passed: Bool
    package var findings: [Line]

    /// Asks the provider.
    package static func ask(_ parts: ProviderParts, cluster: String) async -> ProviderTestDocument {
        guard let provider = parts.provider else {
            let text = parts.fault ?? "none is configured; set remediation.provider.kind"
            return ProviderTestDocument(
                kind: "none", cluster: cluster, passed: false,
                findings: [Line(subject: "provider", verdict: "failed", text: text)])
        }
        let findings = await provider.findings(cluster: cluster)
        return ProviderTestDocument(
            kind: provider.kind, cluster: cluster,
            passed: !findings.contains { $0.verdict == .failed },
            findings: findings.map {
                Line(subject: $0.subject, verdict: $0.verdict.rawValue, text: $0.text)
            })
    }

    /// Asks the provider of a configuration, without an agent.
    package static func ask(_ configuration: Configuration) async -> ProviderTestDocument {
        await ask(ProviderParts(configuration), cluster: configuration.cluster)
    }
}

/// What is asked of the provider through the API.
package struct ProviderRoutes: Sendable {
    let parts: ProviderParts
    let cluster: String

    func test() async -> Response { .json(200, await ProviderTestDocument.ask(parts, cluster: cluster)) }
}
