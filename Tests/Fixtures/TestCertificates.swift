import Glibc

/// A certificate authority and certificates made by the openssl command, in a folder that goes with the last
/// reference.
package final class TestCertificates: Sendable {
    package let folder: String

    package init() throws {
        var template = Array("/tmp/troop-tls-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw RedisServer.Fault(description: "mkdtemp: \(errno)") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try make("ca", subject: "/CN=Test authority", signedBy: nil, extensions: [])
        try addSigned("server", names: "DNS:localhost,IP:127.0.0.1")
    }

    deinit { RedisServer.removeFolder(folder) }

    package func certificate(_ name: String) -> String { "\(folder)/\(name).pem" }
    package func key(_ name: String) -> String { "\(folder)/\(name).key" }

    package func files(_ name: String = "server", asksForClientCertificate: Bool = false)
        -> RedisServer.TLSFiles
    {
        RedisServer.TLSFiles(
            authority: certificate("ca"), certificate: certificate(name), key: key(name),
            asksForClientCertificate: asksForClientCertificate)
    }

    /// A certificate for the given names, signed by the authority `ca`.
    package func addSigned(_ name: String, names: String) throws {
        try make(
            name, subject: "/CN=\(name)", signedBy: "ca",
            extensions: ["subjectAltName=\(names)", "basicConstraints=critical,CA:FALSE"])
    }

    /// An authority that signed nothing of ours.
    package func addAuthority(_ name: String) throws {
        try make(name, subject: "/CN=\(name)", signedBy: nil, extensions: [])
    }

    private func make(_ name: String, subject: String, signedBy signer: String?, extensions: [String]) throws
    {
        var words = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days",
            "2", "-subj", subject, "-keyout", key(name), "-out", certificate(name),
        ]
        if let signer { words += ["-CA", certificate(signer), "-CAkey", key(signer)] }
        for text in extensions { words += ["-addext", text] }
        try RedisServer.runToEnd(words, log: "\(folder)/log")
    }
}
