/// What launches and reboots machines.
///
/// Every call that changes the world takes a `permit`, which the provider asks immediately before each send: a leader
/// whose deadline has passed meanwhile sends nothing (`ProviderFault.notPermitted`).
package protocol Provider: Sendable {
    /// `ec2`, `exec` or `process`.
    var kind: String { get }

    /// Launches one machine, or finds the one that this token launched: the same token never makes two.
    func launch(_ order: LaunchOrder, permit: @escaping Permit) async throws(ProviderFault) -> Machine
    /// The machine that this token launched; nil when there is none. Eventual consistency may hide a young one.
    func machine(launchedBy token: String) async throws(ProviderFault) -> Machine?
    /// The machine of this name; throws `.missing` when there is none (any more).
    func machine(_ id: String) async throws(ProviderFault) -> Machine
    /// Every machine that is tagged with the cluster, terminated ones left out: what `gift.max` is held against.
    func machines(of cluster: String) async throws(ProviderFault) -> [Machine]
    /// The machine at this private or public address, tagged or not; nil when there is none.
    func machine(at address: String) async throws(ProviderFault) -> Machine?
    /// Reboots it. Not idempotent: the caller proves by the boot id whether it happened.
    func reboot(_ id: String, operation: String, permit: @escaping Permit) async throws(ProviderFault)
    func stop(_ id: String, operation: String, permit: @escaping Permit) async throws(ProviderFault)
    func start(_ id: String, operation: String, permit: @escaping Permit) async throws(ProviderFault)
    func terminate(_ id: String, operation: String, permit: @escaping Permit) async throws(ProviderFault)
    /// A dry run of everything above: what the credentials may do, a line each.
    func findings(cluster: String) async -> [ProviderFinding]
}

/// Asked immediately before a request is sent: true while the lease surely holds.
package typealias Permit = @Sendable () -> Bool

/// What is to be launched.
package struct LaunchOrder: Sendable, Equatable {
    /// The operation's id, at most 64 ASCII characters: the idempotency token and a tag.
    package var token: String
    /// The cluster, for the tag that instances are counted by.
    package var cluster: String
    /// The name the machine is to have, as host and as tag.
    package var name: String
    /// 0 for the first try; with each further one the provider takes its next type or subnet.
    package var attempt: Int

    /// An order from its parts.
    package init(token: String, cluster: String, name: String, attempt: Int = 0) {
        self.token = token
        self.cluster = cluster
        self.name = name
        self.attempt = attempt
    }
}

/// One line of `troop provider test`.
package struct ProviderFinding: Sendable, Equatable, Codable {
    package enum Verdict: String, Sendable, Codable { case fine, warning, failed }

    package var subject: String
    package var verdict: Verdict
    /// What was found, and for anything but `fine` what to do.
    package var text: String

    /// A finding from its parts.
    package init(subject: String, verdict: Verdict, text: String) {
        self.subject = subject
        self.verdict = verdict
        self.text = text
    }
}
