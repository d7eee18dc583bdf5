import Linux

/// What became of certificates that were looked at.
package enum CertificateNotice: Sendable, Equatable, CustomStringConvertible {
    /// A changed certificate is in use now.
    case replaced(CertificateFiles, names: [String])
    /// The files as they are now are of no use; the certificate before stays.
    case kept(CertificateFiles, reason: String)
    /// The files are again those that the certificate in use came from, after a fault of theirs.
    case recovered(CertificateFiles)
    /// A certificate was taken into use before the time that it is for, in seconds since 1970.
    case early(CertificateFiles, start: Int64, expiry: Int64)
    /// A certificate was taken into use after the time that it is for, or that time has ended in use; in seconds since
    /// 1970.
    case expired(CertificateFiles, start: Int64, expiry: Int64)

    package var description: String {
        switch self {
        case .replaced(let files, let names):
            "the certificate \(files.certificate) was replaced (\(names.joined(separator: ", ")))"
        case .kept(let files, let reason):
            "\(reason); the certificate loaded before from \(files.certificate) stays in use"
        case .recovered(let files):
            "the certificate \(files.certificate) and its key can be used again; they are those in use"
        case .early(let files, let start, let expiry):
            "the certificate \(files.certificate) is in use, but valid only \(CertificateNotice.span(start, expiry)), and clients refuse it; set this host's clock if it is wrong, else put a certificate there that is valid now"
        case .expired(let files, let start, let expiry):
            "the certificate \(files.certificate) is in use, but was valid only \(CertificateNotice.span(start, expiry)), and clients refuse it; renew it (a new file is used within seconds), or set this host's clock if it is wrong"
        }
    }

    private static func span(_ start: Int64, _ expiry: Int64) -> String {
        "from \(WallClock.universal(start * 1000)) until \(WallClock.universal(expiry * 1000))"
    }
}
