import Store
import Synchronization
import Testing

@testable import Remediation

@Suite struct CredentialTests {
    /// A world of given variables, files and answers; questions are kept.
    final class World: Sendable {
        let questions = Mutex<[CredentialWorld.Question]>([])
        let now = Mutex<Int64>(0)
        let answers: @Sendable (CredentialWorld.Question) -> (status: Int, body: [UInt8])?
        let files: [String: String]
        let environment: [String: String]

        init(
            _ environment: [String: String] = [:], files: [String: String] = [:],
            answers: @escaping @Sendable (CredentialWorld.Question) -> (status: Int, body: [UInt8])? = { _ in
                nil
            }
        ) {
            self.environment = environment
            self.files = files
            self.answers = answers
        }

        func chain(profile: String? = nil, file: String? = nil) -> CredentialChain {
            CredentialChain(
                profile: profile, credentialsFile: file,
                world: CredentialWorld(
                    environment: environment, read: { [files] in files[$0].map { Array($0.utf8) } },
                    ask: { question in
                        self.questions.withLock { $0.append(question) }
                        return self.answers(question)
                    }, now: { self.now.withLock { $0 } }))
        }
    }

    static func keys(_ expiration: String = "2026-01-01T00:00:00Z") -> [UInt8] {
        Array(
            """
            {"Code": "Success", "AccessKeyId": "AKID", "SecretAccessKey": "s", "Token": "t", "Expiration": "\(expiration)"}
            """.utf8)
    }

    @Test func theEnvironmentComesFirst() throws {
        let world = World(
            ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c", "HOME": "/h"],
            files: ["/h/.aws/credentials": "[default]\naws_access_key_id = x\naws_secret_access_key = y\n"])
        let found = try world.chain().credentials()
        #expect(
            found.accessKey == "a" && found.secretKey.revealed == "b" && found.sessionToken?.revealed == "c")
        #expect(!"\(found)".contains("\"b\""))
        // But for a profile that the configuration names.
        #expect(throws: CredentialFault.self) { try world.chain(profile: "p").credentials() }
        #expect(try world.chain(profile: "default").credentials().accessKey == "x")
    }

    @Test func halfAPairOfVariablesIsAFault() {
        #expect(throws: CredentialFault.self) { try World(["AWS_ACCESS_KEY_ID": "a"]).chain().credentials() }
    }

    @Test func profilesAreReadFromBothFiles() throws {
        let world = World(
            ["HOME": "/h", "AWS_PROFILE": "web"],
            files: [
                "/h/.aws/credentials":
                    "# c\n[default]\naws_access_key_id=no\naws_secret_access_key=no\n[other]\nx=y",
                "/h/.aws/config":
                    "[profile  web]\r\nregion = eu-west-1\r\naws_access_key_id = k\r\naws_secret_access_key = a=b=\r\ns3 =\r\n  x = 1\r\n",
            ])
        let found = try world.chain().credentials()
        #expect(found.accessKey == "k" && found.secretKey.revealed == "a=b=")
        #expect(world.chain().region() == "eu-west-1")
    }

    @Test func aProfileOfAnUnknownSortIsToldAsSuch() {
        let world = World(files: ["/f": "[web]\nrole_arn = arn:aws:iam::1:role/x\n"])
        let fault = #expect(throws: CredentialFault.self) {
            try world.chain(profile: "web", file: "/f").credentials()
        }
        #expect(fault?.description.contains("role_arn") ?? false)
    }

    @Test func aContainerIsAskedWithItsToken() throws {
        let world = World(
            [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/token",
            ], files: ["/token": "tok\n"], answers: { _ in (200, Self.keys()) })
        #expect(try world.chain().credentials().accessKey == "AKID")
        #expect(world.questions.withLock { $0.first?.headers.contains("Authorization: tok") } == true)
    }

    @Test(arguments: ["http://example.org/x", "http://169.254.170.2.example.org/", "http://localhost.evil/"])
    func aContainerEndpointElsewhereIsRefusedInTheClear(_ url: String) {
        let world = World(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url], answers: { _ in (200, Self.keys()) })
        #expect(throws: CredentialFault.self) { try world.chain().credentials() }
        #expect(world.questions.withLock { $0.isEmpty })
    }

    @Test func theInstanceIsAskedByVersion2Alone() throws {
        let world = World(
            ["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://m/"],
            answers: { question in
                if question.url == "http://m/latest/api/token" {
                    return question.method == "PUT" ? (200, Array("tok".utf8)) : (405, [])
                }
                guard question.headers == ["X-aws-ec2-metadata-token: tok"] else { return (401, []) }
                return question.url.hasSuffix("/") ? (200, Array("role\n".utf8)) : (200, Self.keys())
            })
        #expect(try world.chain().credentials().expiresAt == 1_767_225_600_000)
        #expect(world.questions.withLock { $0.map(\.method) } == ["PUT", "GET", "GET"])
    }

    @Test(arguments: ["", "{}", "<html>", "{\"Code\": \"Failed\"}", "{\"AccessKeyId\": 1}"])
    func answersWithoutKeysAreFaults(_ body: String) {
        let world = World(
            ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"], answers: { _ in (200, Array(body.utf8)) })
        #expect(throws: CredentialFault.self) { try world.chain().credentials() }
    }

    @Test func keysAreFetchedAnewFiveMinutesBeforeTheirEnd() {
        let keys = AWSCredentials(
            accessKey: "a", secretKey: Secret("b"), sessionToken: nil, expiresAt: 1_000_000, source: "s")
        #expect(keys.isFresh(at: 699_999))
        #expect(!keys.isFresh(at: 700_000))
        #expect(keys.isValid(at: 999_999))
        #expect(!keys.isValid(at: 1_000_000))
    }

    @Test func withoutAnyTheFaultSaysWhatToDo() {
        let fault = #expect(throws: CredentialFault.self) { try World(["HOME": "/h"]).chain().credentials() }
        #expect(fault?.description.contains("AWS_ACCESS_KEY_ID") ?? false)
    }
}
