import Fixtures
import FoundationEssentials
import Glibc
import Linux
import Store
import Testing
import Transfer

@testable import Remediation

/// The cloud of `Tests/Cloud/cloud.py`: one process for all tests, which take turns and begin anew each.
final class TestCloud: Sendable {
    let port: UInt16
    private let pid: pid_t
    private let log: String

    /// One line of the cloud's own log.
    struct Entry: Decodable, Equatable {
        var action: String
        var token: String
        var operation: String
        var instance: String
    }

    static let root = #filePath.split(separator: "/").dropLast(3).map(String.init)

    static func path(_ name: String) -> String { "/" + (root + [name]).joined(separator: "/") }

    /// A Python that has moto: the tests' own environment, else the system's.
    static let python: String? = [path(".build/venvs/cloud/bin/python"), "python3"].first { python in
        (try? RedisServer.runToEnd([python, "-c", "import moto.server, werkzeug"], log: "/dev/null")) != nil
    }

    static var isMissing: Bool { python == nil }

    private static let shared = Result { try TestCloud() }

    /// The cloud, with nothing in it.
    static func fresh() throws -> TestCloud {
        let cloud = try shared.get()
        try cloud.control("reset", "{}")
        return cloud
    }

    private init() throws {
        port = try RedisServer.freePort()
        log = "/tmp/troop-cloud-\(getpid())-\(port).log"
        pid = try RedisServer.spawn(
            [TestCloud.python ?? "python3", TestCloud.path("Tests/Cloud/cloud.py"), "\(port)"], input: nil,
            log: log)
        let deadline = Instant.now().advanced(milliseconds: 60_000)
        while !RedisServer.text(of: log).contains("ready") {
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == 0, Instant.now() < deadline else {
                throw RedisServer.Fault(description: "the cloud does not start: \(RedisServer.text(of: log))")
            }
            usleep(20_000)
        }
    }

    deinit {
        var status: Int32 = 0
        _ = kill(pid, SIGKILL)
        _ = waitpid(pid, &status, 0)
        _ = unlink(log)
    }

    var endpoint: String { "http://127.0.0.1:\(port)" }

    func control(_ path: String, _ json: String) throws {
        var transfer = Transfer(url: "\(endpoint)/test/\(path)")
        transfer.method = "POST"
        transfer.json = Array(json.utf8)
        #expect(try transfer.perform().status == 200)
    }

    func play(_ fault: String, on action: String, count: Int = 1, type: String? = nil) throws {
        let type = type.map { ", \"type\": \"\($0)\"" } ?? ""
        try control(
            "faults", "[{\"action\": \"\(action)\", \"fault\": \"\(fault)\", \"count\": \(count)\(type)}]")
    }

    /// What was really done.
    func done(_ action: String) throws -> [Entry] {
        let answer = try Transfer(url: "\(endpoint)/test/log").perform()
        return try JSONDecoder().decode([Entry].self, from: Data(answer.body)).filter { $0.action == action }
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
