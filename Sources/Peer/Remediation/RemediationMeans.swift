package import Remediation

/// What remedies are carried out with: nil where the configuration names nothing.
package struct RemediationMeans: Sendable {
    package var provider: (any Provider)?
    package var runner: (any PlaybookRunner)?
    /// What makes a new machine ready, and what puts the application into service on it or after a reboot.
    package var provision: PlaybookStep?
    package var production: PlaybookStep?
    /// Why the provider that is configured cannot be used; nil while it can, or none is.
    package var fault: String?

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

extension RemediationMeans {
    /// The means of the parts that the configuration names.
    init(_ parts: ProviderParts) {
        self.init(
            provider: parts.provider, runner: parts.runner, provision: parts.provision,
            production: parts.production)
        fault = parts.fault
    }
}
