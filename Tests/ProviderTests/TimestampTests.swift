import Testing

@testable import Remediation

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", Int64(0)), ("2026-11-24T15:34:13Z", 1_795_534_453_000),
        ("2026-11-24T15:34:13.5Z", 1_795_534_453_500), ("2024-02-29T23:59:59.123456Z", 1_709_251_199_123),
    ])
    func aMomentIsRead(_ text: String, _ milliseconds: Int64) {
        #expect(Timestamp.milliseconds(text) == milliseconds)
    }

    @Test(arguments: [
        "", "2026", "2026-13-01T00:00:00Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00+01:00", "x",
    ])
    func anythingElseIsNone(_ text: String) { #expect(Timestamp.milliseconds(text) == nil) }
}
