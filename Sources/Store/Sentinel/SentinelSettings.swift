/// Where the Sentinels are that know which Redis is the master, and how this client shows itself to them; apart from
/// what Redis itself is shown.
package struct SentinelSettings: Sendable, Equatable {
    /// Where one Sentinel listens.
    package struct Endpoint: Sendable, Hashable, CustomStringConvertible {
        /// A name or a numeric address, without brackets.
        package var host: String
        package var port: UInt16

        /// An endpoint from its parts.
        package init(host: String, port: UInt16) {
            self.host = host
            self.port = port
        }

        package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// The port of a Sentinel unless another is given.
    package static let defaultPort: UInt16 = 26_379

    /// In the order in which they are asked first.
    package var endpoints: [Endpoint]
    /// The name under which they watch the master (`sentinel monitor NAME …`).
    package var master: String
    /// The ACL user; nil for the default user.
    package var user: String?
    /// The Sentinels' own password; nil when they ask for none.
    package var secret: Secret?
    /// True when the Sentinels speak TLS.
    package var usesTLS: Bool
    /// How they prove who they are.
    package var tls: TLSSettings

    /// Settings from their parts.
    package init(
        endpoints: [Endpoint], master: String, user: String? = nil, secret: Secret? = nil,
        usesTLS: Bool = false, tls: TLSSettings = TLSSettings()
    ) {
        self.endpoints = endpoints
        self.master = master
        self.user = user
        self.secret = secret
        self.usesTLS = usesTLS
        self.tls = tls
    }

    /// What a connection to one of them needs to know.
    func store(at endpoint: Endpoint, name: String, timeoutMilliseconds: Int64) throws(StoreFault)
        -> StoreSettings
    {
        let url: StoreURL
        do throws(StoreURLFault) {
            url = try StoreURL("\(usesTLS ? "rediss" : "redis")://\(endpoint)")
        } catch {
            throw .misconfigured("the Sentinel at \(endpoint): \(error)")
        }
        var settings = StoreSettings(
            url: url, tls: tls, commandTimeoutMilliseconds: timeoutMilliseconds,
            connectTimeoutMilliseconds: timeoutMilliseconds, name: name)
        settings.url.user = user
        settings.secret = secret
        return settings
    }
}
