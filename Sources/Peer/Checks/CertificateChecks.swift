import Linux
package import Proxy

/// Looks at the certificates that clients are shown.
package enum CertificateChecks {
    /// A certificate that ends sooner is told of, in seconds: who renews by themselves do so 30 days ahead.
    private static let warningSeconds: Int64 = 14 * daySeconds
    private static let daySeconds: Int64 = 86_400

    /// A finding for each certificate; `now` is in seconds since 1970.
    package static func findings(_ certificates: [CertificateSummary], now: Int64) -> [Finding] {
        certificates.map { certificate in
            let file = certificate.files.certificate
            let left = certificate.expiry - now
            let days = left / daySeconds
            let names = certificate.names.joined(separator: ", ")
            if left <= 0 {
                return Finding(
                    "certificate", .failed,
                    "\(file) has expired, and clients refuse it; renew it: a new file is used within seconds")
            }
            if let problem = certificate.problem {
                return Finding(
                    "certificate", .failed,
                    "\(problem); the one loaded before is in use for \(days) more days; mend the file")
            }
            if left < warningSeconds {
                return Finding(
                    "certificate", .warning,
                    "\(file) expires in \(days) days; renew it: a new file is used within seconds")
            }
            return Finding(
                "certificate", .fine,
                "\(file) is for \(names), and valid for \(days) more days"
            )
        }
    }
}
