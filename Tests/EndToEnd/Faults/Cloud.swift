import Fixtures
import FoundationEssentials
import Glibc
import Linux
import Testing
import Transfer

/// The cloud of `Tests/Cloud/cloud.py`, as agents under test reach it; it ends with its last reference.
final class Cloud: Sendable {
    /// One line of the cloud's own log: what was really done.
    struct Entry: Decodable {
        var action: String
        var token: String
        var operation: String
        var instance: String
    }

    /// Machines that run already, and an Elastic IP that none of them has.
    struct Machines: Decodable {
        var instances: [String]
        var allocation: String
    }

    private static let startMilliseconds: Int64 = 60_000
    /// A Python that has moto: the tests' own environment, else the system's.
    private static let python: String? =
        [Python.root + "/.build/venvs/cloud/bin/python", "python3"].first { python in
            (try? RedisServer.runToEnd([python, "-c", "import moto.server, werkzeug"], log: "/dev/null"))
                != nil
        }

    /// Why there can be none here; nil when there can.
    static var obstacle: String? {
        python == nil ? "needs a Python environment with moto; 'scripts/venv cloud' makes it" : nil
    }

    let endpoint: String
    private let pid: pid_t
    private let log: String

    /// A cloud with nothing in it.
    init() throws {
        let port = try RedisServer.freePort()
        endpoint = "http://127.0.0.1:\(port)"
        log = "/tmp/troop-cloud-\(getpid())-\(port).log"
        pid = try RedisServer.spawn(
            [Cloud.python ?? "python3", Python.root + "/Tests/Cloud/cloud.py", "\(port)"], input: nil,
            log: log)
        let deadline = Instant.now().advanced(milliseconds: Cloud.startMilliseconds)
        while !RedisServer.text(of: log).contains("ready") {
            guard Instant.now() < deadline else {
                throw Program.Fault(description: "the cloud does not start: \(RedisServer.text(of: log))")
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

    /// The section `provider` of `remediation`.
    var provider: String {
        "{kind: ec2, region: us-east-1, endpoint: \"\(endpoint)\", image: ami-12c6146b, instance_type: [t3.micro]}"
    }

    /// The variables of an agent that is allowed to use it; with `instance` it runs on that machine.
    func environment(instance: String? = nil) -> [String] {
        let metadata =
            instance.map { "AWS_EC2_METADATA_SERVICE_ENDPOINT=\(endpoint)/as/\($0)" }
            ?? "AWS_EC2_METADATA_DISABLED=true"
        return ["AWS_ACCESS_KEY_ID=AKIDTEST", "AWS_SECRET_ACCESS_KEY=test+secret/key", metadata]
    }

    /// Plays a fault at the next action of a kind.
    func play(_ fault: String, on action: String) throws {
        _ = try control("faults", "[{\"action\": \"\(action)\", \"fault\": \"\(fault)\", \"count\": 1}]")
    }

    /// Hides a new instance from so many descriptions.
    func lag(_ descriptions: Int) throws { _ = try control("lag", "{\"describe\": \(descriptions)}") }

    /// Makes machines, outside of the log.
    func machines(_ count: Int) throws -> Machines {
        try JSONDecoder().decode(Machines.self, from: control("made", "{\"count\": \(count)}"))
    }

    /// What was really done.
    func done(_ action: String) throws -> [Entry] {
        try JSONDecoder().decode([Entry].self, from: control("log", "{}")).filter { $0.action == action }
    }

    /// How many requests it has begun to leave without an answer, and without effect.
    func hanging() throws -> Int {
        struct Count: Decodable { var count: Int }
        return try JSONDecoder().decode(Count.self, from: control("hanging", "{}")).count
    }

    private func control(_ path: String, _ json: String) throws -> Data {
        var transfer = Transfer(url: "\(endpoint)/test/\(path)")
        transfer.method = "POST"
        transfer.json = Array(json.utf8)
        let answer = try transfer.perform()
        try #require(answer.status == 200)
        return Data(answer.body)
    }
}
