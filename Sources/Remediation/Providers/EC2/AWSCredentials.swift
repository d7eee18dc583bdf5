import Store

/// Keys for requests to AWS; no description shows the secret ones.
struct AWSCredentials: Sendable, Equatable {
    var accessKey: String
    var secretKey: Secret
    var sessionToken: Secret?
    /// When they stop working, in milliseconds since 1970; nil for keys without an end.
    var expiresAt: Int64?
    /// Where they come from, for people.
    var source: String

    /// New keys are fetched this long before the end, in milliseconds.
    static let refreshMilliseconds: Int64 = 5 * 60 * 1000

    /// True while there is no need to fetch others.
    func isFresh(at now: Int64) -> Bool {
        expiresAt.map { now < $0 - AWSCredentials.refreshMilliseconds } ?? true
    }

    /// True while they work at all.
    func isValid(at now: Int64) -> Bool { expiresAt.map { now < $0 } ?? true }
}

/// What the chain of credentials asks of the world; tests answer themselves.
package struct CredentialWorld: Sendable {
    /// A request to a metadata service.
    package struct Question: Sendable, Equatable {
        package var method: String
        package var url: String
        package var headers: [String]

        /// A request from its parts; header lines as `Name: value`.
        package init(method: String, url: String, headers: [String]) {
            self.method = method
            self.url = url
            self.headers = headers
        }
    }

    /// The variables that AWS's tools know.
    package var environment: [String: String]
    /// A file's bytes; nil when there is none.
    package var read: @Sendable (String) -> [UInt8]?
    /// An answer's status and body; nil when nobody answers. Blocks.
    package var ask: @Sendable (Question) -> (status: Int, body: [UInt8])?
    /// Milliseconds since 1970.
    package var now: @Sendable () -> Int64

    /// A world from its parts.
    package init(
        environment: [String: String], read: @escaping @Sendable (String) -> [UInt8]?,
        ask: @escaping @Sendable (Question) -> (status: Int, body: [UInt8])?,
        now: @escaping @Sendable () -> Int64
    ) {
        self.environment = environment
        self.read = read
        self.ask = ask
        self.now = now
    }
}

/// Why there are no credentials: what was tried, and what is wrong with what was found.
struct CredentialFault: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// Finds credentials and a region: the environment, shared files with profiles, a container's endpoint, the
/// instance's metadata service (version 2 alone).
package struct CredentialChain: Sendable {
    /// A profile that must be used, whatever the environment holds; nil leaves it to `AWS_PROFILE`.
    var profile: String?
    /// The file of shared credentials in place of `AWS_SHARED_CREDENTIALS_FILE` and `~/.aws/credentials`.
    var credentialsFile: String?
    let world: CredentialWorld

    /// A chain that looks into this world; nil leaves profile and file to the environment.
    package init(profile: String?, credentialsFile: String?, world: CredentialWorld) {
        self.profile = profile
        self.credentialsFile = credentialsFile
        self.world = world
    }

    /// The first credentials that there are. Blocks while metadata services are asked.
    func credentials() throws(CredentialFault) -> AWSCredentials {
        if profile == nil, credentialsFile == nil, let found = try environmentKeys() { return found }
        if let found = try sharedFiles.credentials(profile: profileName, isNamed: isProfileNamed) {
            return found
        }
        if isProfileNamed || credentialsFile != nil {
            throw CredentialFault(
                description: "profile '\(profileName)' is neither in \(sharedFiles.credentialsPath) nor in "
                    + "\(sharedFiles.configPath); add it or name another with remediation.provider.profile")
        }
        if let found = try ContainerCredentials(world: world).credentials() { return found }
        if let found = try InstanceCredentials(world: world).credentials() { return found }
        throw CredentialFault(
            description: "no credentials: none in AWS_ACCESS_KEY_ID, no profile '\(profileName)' in "
                + "\(sharedFiles.credentialsPath), no container endpoint, no instance role; give this host a role or "
                + "set one of these")
    }

    /// The region that the environment, the profile or the instance names.
    func region() -> String? {
        variable("AWS_REGION") ?? variable("AWS_DEFAULT_REGION") ?? sharedFiles.region(profile: profileName)
            ?? InstanceCredentials(world: world).region()
    }

    private var profileName: String { profile ?? variable("AWS_PROFILE") ?? "default" }
    private var isProfileNamed: Bool { profile != nil || variable("AWS_PROFILE") != nil }

    private var sharedFiles: SharedCredentialFiles {
        let home = variable("HOME") ?? "/root"
        return SharedCredentialFiles(
            credentialsPath: credentialsFile ?? variable("AWS_SHARED_CREDENTIALS_FILE")
                ?? "\(home)/.aws/credentials",
            configPath: variable("AWS_CONFIG_FILE") ?? "\(home)/.aws/config", read: world.read)
    }

    private func environmentKeys() throws(CredentialFault) -> AWSCredentials? {
        guard let key = variable("AWS_ACCESS_KEY_ID") else { return nil }
        guard let secret = variable("AWS_SECRET_ACCESS_KEY") else {
            throw CredentialFault(
                description: "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not; set both or neither")
        }
        return AWSCredentials(
            accessKey: key, secretKey: Secret(secret),
            sessionToken: variable("AWS_SESSION_TOKEN").map { Secret($0) }, source: "the environment")
    }

    private func variable(_ name: String) -> String? {
        world.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
