import Store

/// `redis.sentinel` as it was given.
struct SentinelDraft: Sendable {
    var endpoints: [SentinelSettings.Endpoint] = []
    var master: String?
    var user: String?
    var password: Secret?
    var passwordFile: String?
    var usesTLS = false
    var tls = Configuration.TLS(verify: true)
}

extension OptionTable {
    /// The options that say who knows where Redis's master is.
    static var sentinel: [ConfigurationOption] {
        [
            ConfigurationOption(
                "redis.sentinel.endpoints", .endpoints, into: \.sentinel.endpoints, .requiredInSection,
                "The Sentinels, as `HOST:PORT`; they tell where the master is, and `redis.url` is not needed.",
                shape: .list),
            ConfigurationOption(
                "redis.sentinel.master", .name, into: \.sentinel.master, .requiredInSection,
                "The name under which they watch the master."),
            ConfigurationOption(
                "redis.sentinel.user", .word, into: \.sentinel.user, .none, "The Sentinels' own ACL user."),
            ConfigurationOption(
                "redis.sentinel.password", .secret, into: \.sentinel.password, .none,
                "The Sentinels' own password; it goes over `redis.sentinel.password_file`.",
                isEnvironmentOnly: true),
            ConfigurationOption(
                "redis.sentinel.password_file", .path, into: \.sentinel.passwordFile, .none,
                "A file that holds the Sentinels' password alone."),
            ConfigurationOption(
                "redis.sentinel.tls.enabled", .truth, into: \.sentinel.usesTLS, .text("false"),
                "Whether the Sentinels are spoken to by TLS; for Redis itself, `redis.url` says so."),
            ConfigurationOption(
                "redis.sentinel.tls.ca_file", .path, into: \.sentinel.tls.caFile,
                .derived("the system's certificates"), "The certificates that may sign the Sentinels'."),
            ConfigurationOption(
                "redis.sentinel.tls.cert_file", .path, into: \.sentinel.tls.certificateFile, .none,
                "This agent's own certificate, where the Sentinels ask for one."),
            ConfigurationOption(
                "redis.sentinel.tls.key_file", .path, into: \.sentinel.tls.keyFile, .none,
                "The private key of `redis.sentinel.tls.cert_file`."),
            ConfigurationOption(
                "redis.sentinel.tls.server_name", .word, into: \.sentinel.tls.serverName,
                .derived("each Sentinel's host"), "The name that the Sentinels' certificates must carry."),
            ConfigurationOption(
                "redis.sentinel.tls.verify", .truth, into: \.sentinel.tls.verify, .text("true"),
                "Whether the Sentinels' certificates are checked; `false` accepts every one."),
        ]
    }
}

extension ValueForm where Value == [SentinelSettings.Endpoint] {
    private static let endpointsMax = 32

    /// Names or addresses, each with a port or Sentinel's own, parted by commas.
    static let endpoints = ValueForm(name: "list of `HOST:PORT`, as `10.0.0.1:26379`") {
        text throws(ValueFault) in
        let words = text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        guard words.count <= endpointsMax else {
            throw ValueFault(text: "expected at most \(endpointsMax) Sentinels, got \(words.count)")
        }
        var endpoints: [SentinelSettings.Endpoint] = []
        for word in words {
            // The forms of a host with a port are those of a Redis URL, and nothing but these.
            guard !word.contains(where: { "/@?".contains($0) }), let url = try? StoreURL("redis://\(word)"),
                case .tcp(let host, let port) = url.endpoint
            else {
                throw ValueFault(
                    text: "expected Sentinels such as 10.0.0.1:26379 or [fd00::1]:26379, got '\(shown(word))'"
                )
            }
            let hasPort = word.last != "]" && word.split(separator: "]").last?.contains(":") ?? false
            let endpoint = SentinelSettings.Endpoint(
                host: host, port: hasPort ? port : SentinelSettings.defaultPort)
            guard !endpoints.contains(endpoint) else {
                throw ValueFault(text: "'\(shown(word))' is there twice")
            }
            endpoints.append(endpoint)
        }
        return endpoints
    }
}
