import Testing

@testable import Peer
@testable import Proxy

@Suite struct CertificateChecksTests {
    private static let day: Int64 = 86_400

    @Test(
        arguments: [
            (90, nil, .fine, "valid for 90 more days"), (13, nil, .warning, "expires in 13 days"),
            (0, nil, .failed, "has expired"), (-3, "no such file", .failed, "has expired"),
            (40, "no such file", .failed, "no such file; the one loaded before is in use for 40 more days"),
        ] as [(Int64, String?, Finding.Verdict, String)])
    func whatEndsSoonIsToldOf(_ days: Int64, _ problem: String?, _ verdict: Finding.Verdict, _ text: String) {
        let now: Int64 = 1_800_000_000
        let certificate = CertificateSummary(
            files: CertificateFiles(certificate: "/etc/troop/site.pem", key: "/etc/troop/site.key"),
            names: ["example.org"], expiry: now + days * CertificateChecksTests.day, problem: problem)
        let findings = CertificateChecks.findings([certificate], now: now)
        #expect(findings.map(\.verdict) == [verdict])
        #expect(findings.first?.text.contains(text) == true, "\(findings)")
    }

    @Test func withoutTLSThereIsNothingToSay() {
        #expect(CertificateChecks.findings([], now: 0) == [])
    }
}
