package import Metrics
package import Proxy

/// The proxy's certificates, as metrics.
package struct CertificateMetrics: MetricSource {
    private let proxy: Proxy

    /// Metrics of one proxy's certificates.
    package init(proxy: Proxy) { self.proxy = proxy }

    package func metricFamilies() async -> [MetricFamily] {
        var expiry = MetricFamily(
            "troop_proxy_certificate_expiry_timestamp_seconds", .gauge,
            "When a certificate that is in use stops being valid, in seconds since 1970")
        for certificate in proxy.certificateSummaries {
            expiry.add(Double(certificate.expiry), [("certificate", certificate.files.certificate)])
        }
        return [expiry]
    }
}
