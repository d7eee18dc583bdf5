import CloudFixture

@testable import Remediation

private let shared = Result { try TestCloud() }

extension TestCloud {
    /// One process for all tests, which take turns and begin anew each: with nothing in it.
    static func fresh() throws -> TestCloud {
        let cloud = try shared.get()
        try cloud.control("reset")
        return cloud
    }

    /// A provider of this cloud; it waits for nothing between two tries.
    func provider(
        _ change: (inout EC2Settings) -> Void = { _ in }, environment: [String: String]? = nil
    ) throws -> EC2Provider {
        var settings = EC2Settings()
        settings.region = "us-east-1"
        settings.endpoint = endpoint
        settings.image = "ami-12c6146b"
        settings.instanceTypes = ["t3.micro"]
        settings.timeoutMilliseconds = 10_000
        change(&settings)
        let keys = [
            "AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "test+secret/key",
            "AWS_EC2_METADATA_DISABLED": "true",
        ]
        let chain = CredentialChain(
            profile: nil, credentialsFile: nil, world: .real(environment: environment ?? keys))
        return EC2Provider(settings, caller: try EC2Caller(settings, chain: chain, wait: { _ in }))
    }
}

let always: Permit = { true }

/// An order of a test.
func order(_ token: String, attempt: Int = 0) -> LaunchOrder {
    LaunchOrder(token: token, cluster: "demo", name: "web-4", attempt: attempt)
}
