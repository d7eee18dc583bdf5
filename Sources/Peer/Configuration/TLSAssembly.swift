import Proxy
import Store

/// The sections about TLS.
extension ConfigurationAssembly {
    mutating func clientTLS() -> ClientTLSSettings? {
        let section = "proxy.tls"
        guard isGiven(section: section) else { return nil }
        let given = draft.clientTLS
        let expected = "expected the address for TLS such as 0.0.0.0:8443"
        guard let listen = required(given.listen, "proxy.tls.listen", expected) else { return nil }
        if listen == draft.proxyListen {
            faults.add(
                places["proxy.tls.listen"], "proxy.tls.listen",
                "is proxy.listen, too; expected another port: each speaks one of HTTP and TLS")
        }
        guard !given.certificates.isEmpty else {
            faults.add(
                place(ofSection: section), "proxy.tls.certificates",
                "is required and missing; expected PEM files such as /etc/troop/site.pem")
            return nil
        }
        guard given.keys.isEmpty || given.keys.count == given.certificates.count else {
            faults.add(
                places["proxy.tls.keys"], "proxy.tls.keys",
                "expected as many as proxy.tls.certificates, \(given.certificates.count), "
                    + "got \(given.keys.count)")
            return nil
        }
        // A file may hold the key, too.
        let files = zip(given.certificates, given.keys.isEmpty ? given.certificates : given.keys)
        var settings = ClientTLSSettings(
            listen: listen,
            certificates: files.map { CertificateFiles(certificate: $0.0, key: $0.1) })
        settings.minimum = given.minimum
        settings.redirects = given.redirects
        settings.redirectPort = given.redirectPort.map { UInt16(clamping: $0) }
        return settings
    }

    mutating func serverTLS() -> ServerTLSSettings? {
        let given = draft.serverTLS
        if given.key != nil, given.certificate == nil {
            faults.add(
                places["proxy.server_tls.key_file"], "proxy.server_tls.key_file",
                "given alone; expected proxy.server_tls.cert_file with it")
        }
        guard given.isEnabled else {
            if isGiven(section: "proxy.server_tls"), places["proxy.server_tls.enabled"] == nil {
                // Refused, not ignored: who writes these options means servers to be spoken to by TLS.
                faults.add(
                    place(ofSection: "proxy.server_tls"), "proxy.server_tls",
                    "has no effect; expected proxy.server_tls.enabled: true with it")
            }
            return nil
        }
        var settings = given.settings
        settings.client = given.certificate.map {
            CertificateFiles(certificate: $0, key: given.key ?? $0)
        }
        return settings
    }

    mutating func checkTLS() {
        // A certificate may stand alone: its file can hold the key too.
        if draft.tls.keyFile != nil, draft.tls.certificateFile == nil, places["redis.tls.cert_file"] == nil {
            faults.add(
                places["redis.tls.key_file"], "redis.tls.key_file",
                "given alone; expected redis.tls.cert_file with it")
        }
        if isGiven(section: "redis.tls"), let url = draft.redisURL, url.scheme != "rediss" {
            // Refused, not ignored: who writes these options means the connection to be encrypted.
            faults.add(
                place(ofSection: "redis.tls"), "redis.tls",
                "has no effect with a \(url.scheme):// URL; expected redis.url to begin with rediss://")
        }
    }
}
