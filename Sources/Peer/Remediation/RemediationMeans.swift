package import Remediation

/// What remedies are carried out with: nil where the configuration names nothing.
package struct RemediationMeans: Sendable {
    package var provider: (any Provider)?
    package var runner: (any PlaybookRunner)?
    /// What makes a new machine ready, and what puts the application into service on it or after a reboot.
    package var provision: PlaybookStep?
    package var production: PlaybookStep?

    /// Means from their parts.
    package init(
        provider: (any Provider)? = nil, runner: (any PlaybookRunner)? = nil, provision: PlaybookStep? = nil,
        production: PlaybookStep? = nil
    ) {
        self.provider = provider
        self.runner = runner
        self.provision = provision
        self.production = production
    }
}

extension Configuration {
    /// What remedies are carried out with here.
    func remediationMeans() throws -> RemediationMeans { RemediationMeans() }
}
