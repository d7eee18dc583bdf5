package import Linux

/// The oldest version of TLS that is spoken; older ones than 1.2 never are (RFC 8996).
package enum TLSVersion: String, Sendable, Equatable, CaseIterable {
    case tls12 = "1.2"
    case tls13 = "1.3"
}

/// Where a certificate and its key are, both PEM.
package struct CertificateFiles: Sendable, Hashable {
    /// The certificate, followed by those of the authorities between it and the root.
    package var certificate: String
    /// The private key, without a password.
    package var key: String

    package init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }
}

/// How the proxy speaks TLS with clients.
package struct ClientTLSSettings: Sendable, Equatable {
    /// The address for TLS, beside the plain one; port 0 lets the kernel choose.
    package var listen: SocketAddress
    /// Chosen by the name that the client asks for; the first one answers everybody else. Not empty.
    package var certificates: [CertificateFiles]
    package var minimum = TLSVersion.tls12
    /// The plain listener sends clients here instead of serving them.
    package var redirects = false
    /// The port that clients reach `listen` at, when a port is forwarded to it; nil: its own.
    package var redirectPort: UInt16?
    /// How often the files are looked at for a change.
    package var pollMilliseconds: Int32 = 2_000
    /// How long a key encrypts session tickets; it opens them for twice that long afterwards.
    package var ticketKeyMilliseconds: Int64 = 12 * 3_600 * 1_000

    /// Settings with the defaults for everything but the address and the certificates.
    package init(listen: SocketAddress, certificates: [CertificateFiles]) {
        self.listen = listen
        self.certificates = certificates
    }
}

/// How the proxy speaks TLS with servers.
package struct ServerTLSSettings: Sendable, Equatable {
    /// A PEM file of the authorities that are trusted; nil: the system's.
    package var authority: String?
    /// Whether a server must prove who it is.
    package var verifies = true
    /// The name that is asked for and that certificates must bear; nil: each server's address.
    package var serverName: String?
    /// The certificate that servers are shown when they ask for one.
    package var client: CertificateFiles?

    /// Settings that verify servers by the system's authorities.
    package init() {}
}
