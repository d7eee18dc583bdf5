import Fixtures
import FoundationEssentials
import Glibc
import Linux
import Transfer

/// The cloud of `cloud.py`: moto's EC2 behind the faults of a real one; it ends with its last reference.
package final class TestCloud: Sendable {
    /// One line of the cloud's own log: what was really done.
    package struct Entry: Decodable, Equatable, Sendable {
        package var action: String
        package var token: String
        package var operation: String
        package var instance: String
        /// When it was asked for, in milliseconds since 1970.
        package var at: Int64
    }

    /// Machines that run already, and an Elastic IP that none of them has.
    package struct Machines: Decodable, Sendable {
        package var instances: [String]
        package var allocation: String
    }

    private static let startMilliseconds: Int64 = 60_000

    /// A Python that has moto: the tests' own environment, else the system's.
    private static let python: String? = [Repository.path(".build/venvs/cloud/bin/python"), "python3"].first {
        python in
        (try? RedisServer.runToEnd([python, "-c", "import moto.server, werkzeug"], log: "/dev/null")) != nil
    }

    /// Why there can be none here; nil when there can.
    package static var obstacle: String? {
        python == nil ? "needs a Python environment with moto; 'scripts/venv cloud' makes it" : nil
    }

    /// True where there can be none.
    package static var isMissing: Bool { python == nil }

    package let port: UInt16
    private let pid: pid_t

    /// A cloud with nothing in it.
    package init() throws {
        port = try RedisServer.freePort()
        let log = "/tmp/troop-cloud-\(getpid())-\(port).log"
        // Nobody reads it later, and a cloud that all tests share is never given back.
        defer { _ = unlink(log) }
        pid = try RedisServer.spawn(
            [TestCloud.python ?? "python3", Repository.path("Tests/Cloud/cloud.py"), "\(port)"], input: nil,
            log: log)
        let deadline = Instant.now().advanced(milliseconds: TestCloud.startMilliseconds)
        while !RedisServer.text(of: log).contains("ready") {
            guard waitpid(pid, nil, WNOHANG) == 0, Instant.now() < deadline else {
                throw RedisServer.Fault(description: "the cloud does not start: \(RedisServer.text(of: log))")
            }
            usleep(20_000)
        }
    }

    deinit {
        _ = kill(pid, SIGKILL)
        _ = waitpid(pid, nil, 0)
    }

    /// Where agents reach it.
    package var endpoint: String { "http://127.0.0.1:\(port)" }

    /// The section `provider` of `remediation`.
    package var section: String {
        "{kind: ec2, region: us-east-1, endpoint: \"\(endpoint)\", image: ami-12c6146b, instance_type: [t3.micro]}"
    }

    /// The variables of an agent that is allowed to use it; with `instance` it runs on that machine.
    package func environment(instance: String? = nil) -> [String] {
        let metadata =
            instance.map { "AWS_EC2_METADATA_SERVICE_ENDPOINT=\(endpoint)/as/\($0)" }
            ?? "AWS_EC2_METADATA_DISABLED=true"
        return ["AWS_ACCESS_KEY_ID=AKIDTEST", "AWS_SECRET_ACCESS_KEY=test+secret/key", metadata]
    }

    /// Asks for something below `/test/`; the answer's body.
    @discardableResult
    package func control(_ path: String, _ json: String = "{}") throws -> [UInt8] {
        var transfer = Transfer(url: "\(endpoint)/test/\(path)")
        transfer.method = "POST"
        transfer.json = Array(json.utf8)
        let answer = try transfer.perform()
        guard answer.status == 200 else {
            throw RedisServer.Fault(description: "the cloud answers \(answer.status) to /test/\(path)")
        }
        return answer.body
    }

    /// Plays a fault at the next actions of a kind, in place of what was still to be played.
    package func play(_ fault: String, on action: String, count: Int = 1, type: String? = nil) throws {
        let type = type.map { ", \"type\": \"\($0)\"" } ?? ""
        try control(
            "faults", "[{\"action\": \"\(action)\", \"fault\": \"\(fault)\", \"count\": \(count)\(type)}]")
    }

    /// Hides a new instance from so many descriptions.
    package func lag(_ descriptions: Int) throws { try control("lag", "{\"describe\": \(descriptions)}") }

    /// Makes machines, outside of the log.
    package func machines(_ count: Int) throws -> Machines {
        try decode(Machines.self, control("made", "{\"count\": \(count)}"))
    }

    /// What was really done.
    package func done(_ action: String) throws -> [Entry] {
        try decode([Entry].self, control("log")).filter { $0.action == action }
    }

    /// How many requests it has begun to leave without an answer, and without effect.
    package func hanging() throws -> Int {
        struct Count: Decodable { var count: Int }
        return try decode(Count.self, control("hanging")).count
    }

    /// How many requests are held.
    package func parked() throws -> Int {
        struct Parked: Decodable { var parked: Int }
        return try decode(Parked.self, control("parked")).parked
    }

    private func decode<Form: Decodable>(_ form: Form.Type, _ body: [UInt8]) throws -> Form {
        try JSONDecoder().decode(form, from: Data(body))
    }
}
