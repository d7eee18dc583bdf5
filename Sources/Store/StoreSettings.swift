/// How a TLS connection proves who is at each end.
package struct TLSSettings: Sendable, Equatable {
    /// A PEM file of certificate authorities; nil for the system's own.
    package var authorityFile: String?
    /// A PEM file with this client's certificate chain; nil when the server asks for none.
    package var certificateFile: String?
    /// A PEM file with the certificate's key; nil when the certificate's file holds it too.
    package var keyFile: String?
    /// The name the server's certificate must bear; nil for the URL's host.
    package var serverName: String?
    /// False only where anyone on the way may read and change everything (tests, a loopback tunnel).
    package var verifiesServer: Bool

    /// The safe defaults: the system's authorities, the URL's host name, no client certificate.
    package init(
        authorityFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil,
        serverName: String? = nil, verifiesServer: Bool = true
    ) {
        self.authorityFile = authorityFile
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.serverName = serverName
        self.verifiesServer = verifiesServer
    }
}

/// All that a connection to Redis needs to know.
package struct StoreSettings: Sendable, Equatable {
    /// Where Redis is; with `sentinel`, only what else it says counts.
    package var url: StoreURL
    /// A password that stands in place of the URL's own; nil for the URL's.
    package var secret: Secret?
    /// Who tells where the master is; nil: it is where the URL says.
    package var sentinel: MasterFinder?
    /// Half of the Sentinels must name the same master, instead of one: on the smaller side of a split the old master may
    /// be named, and be one again for a moment when the split ends.
    package var needsAgreement = false
    /// TLS options; used by `rediss` URLs.
    package var tls: TLSSettings
    /// The time one command or pipeline may take.
    package var commandTimeoutMilliseconds: Int64
    /// The time that connecting may take, name lookup, TLS and AUTH included.
    package var connectTimeoutMilliseconds: Int64
    /// What `CLIENT LIST` shows after `troop:`.
    package var name: String

    /// Settings with the usual limits of one second.
    package init(
        url: StoreURL, password: String? = nil, tls: TLSSettings = TLSSettings(),
        commandTimeoutMilliseconds: Int64 = 1000, connectTimeoutMilliseconds: Int64 = 1000,
        name: String = "agent", sentinel: MasterFinder? = nil
    ) {
        self.sentinel = sentinel
        self.url = url
        self.secret = password.map { Secret($0) }
        self.tls = tls
        self.commandTimeoutMilliseconds = commandTimeoutMilliseconds
        self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
        self.name = name
    }

    /// The password that is sent: the one given beside the URL, else the URL's.
    var effectivePassword: Secret? { secret ?? url.password }

    /// The server's address, or whom to ask for it, for people.
    package var target: String { sentinel?.target ?? url.target }

    /// The same settings for a connection with another name.
    func named(_ name: String) -> StoreSettings {
        var settings = self
        settings.name = name
        return settings
    }
}
