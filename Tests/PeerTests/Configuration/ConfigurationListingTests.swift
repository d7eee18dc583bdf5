import Testing

@testable import Peer

@Suite struct ConfigurationListingTests {
    @Test(arguments: [
        ("redis://10.0.0.5:6379/0", "redis://10.0.0.5:6379/0"),
        ("redis://ada:s3@cr:et@10.0.0.5/0", "redis://ada:***@10.0.0.5/0"),
        ("redis://:s3cret@10.0.0.5/0", "redis://:***@10.0.0.5/0"), ("rediss://ada@x", "rediss://ada:***@x"),
        ("plain", "plain"), ("a@b", "a@b"), ("", ""),
    ]) func passwordsInURLsAreMasked(_ text: String, _ shown: String) {
        #expect(Configuration.masked(text) == shown)
    }

    @Test(arguments: [
        ("https://hooks.example.org/T0/B0/s3cret", "https://hooks.example.org/***"),
        ("https://ada:s3cret@hooks.example.org/x?token=1", "https://hooks.example.org/***"),
        ("https://hooks.example.org?token=s3cret", "https://hooks.example.org/***"),
        ("https://hooks.example.org", "https://hooks.example.org"),
    ]) func pathsThatAreSecretsAreMasked(_ text: String, _ shown: String) {
        #expect(Configuration.masked(text, hidesPath: true) == shown)
    }
}
