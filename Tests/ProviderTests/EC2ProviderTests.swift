import CloudFixture
import Fixtures
import Glibc
import Linux
import Synchronization
import Testing

@testable import Remediation

@Suite(
    .serialized, .timeLimit(.minutes(3)),
    .disabled(if: TestCloud.isMissing, "no Python with moto: run 'scripts/venv cloud'"))
struct EC2ProviderTests {
    init() { signal(SIGPIPE, SIG_IGN) }

    @Test func aMachineLivesThroughEverythingThatIsAskedOfIt() async throws {
        let cloud = try TestCloud.fresh()
        let ec2 = try cloud.provider { settings in
            settings.tags = ["team": "web & co", "Name": "mine+1"]
            settings.keyName = nil
        }
        let machine = try await ec2.launch(order("op-1"), permit: always)
        #expect(machine.operation == "op-1")
        #expect(try await ec2.machine(launchedBy: "op-1")?.id == machine.id)
        #expect(try await ec2.machine(launchedBy: "op-2") == nil)
        let seen = try await ec2.machine(machine.id)
        #expect(seen.state == .running)
        let address = try #require(seen.privateAddress)
        #expect(try await ec2.machine(at: address)?.id == machine.id)
        let elsewhere = try cloud.provider { $0.vpc = "vpc-00000000" }
        #expect(try await elsewhere.machine(at: address) == nil, "another network's machine is another one")
        #expect(try await ec2.machines(of: "demo").map(\.id) == [machine.id])
        #expect(try await ec2.machines(of: "other").isEmpty)
        try await ec2.reboot(machine.id, operation: "op-r", permit: always)
        try await ec2.stop(machine.id, operation: "op-s", permit: always)
        try await ec2.start(machine.id, operation: "op-s", permit: always)
        try await ec2.terminate(machine.id, operation: "op-t", permit: always)
        #expect(try await ec2.machines(of: "demo").isEmpty)
        #expect(try cloud.done("RunInstances").count == 1)
        #expect(try cloud.done("RebootInstances").map(\.instance) == [machine.id])
        await #expect(throws: ProviderFault.self) { try await ec2.machine("i-00000000000000000") }
    }

    @Test func theSameTokenNeverMakesTwo() async throws {
        let cloud = try TestCloud.fresh()
        let first = try await cloud.provider().launch(order("op-1"), permit: always)
        let second = try await cloud.provider().launch(order("op-1"), permit: always)
        #expect(first.id == second.id)
        #expect(try cloud.done("RunInstances").count == 1)
    }

    @Test func aLostAnswerIsTold_andTheMachineIsFound() async throws {
        let cloud = try TestCloud.fresh()
        let ec2 = try cloud.provider()
        try cloud.play("lost", on: "RunInstances")
        let fault = await #expect(throws: ProviderFault.self) {
            try await ec2.launch(order("op-1"), permit: always)
        }
        guard case .retryable(_, mayHaveHappened: true) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        let machine = try await ec2.launch(order("op-1"), permit: always)
        #expect(machine.operation == "op-1")
        #expect(try cloud.done("RunInstances").count == 1)
    }

    @Test(arguments: ["html", "empty", "truncated", "schema", "unavailable", "doctype", "deep"])
    func anAnswerThatMakesNoSenseIsRetryable(_ fault: String) async throws {
        let cloud = try TestCloud.fresh()
        let ec2 = try cloud.provider()
        try cloud.play(fault, on: "RunInstances")
        let thrown = await #expect(throws: ProviderFault.self) {
            try await ec2.launch(order("op-1"), permit: always)
        }
        guard case .retryable(_, mayHaveHappened: true) = thrown else {
            Issue.record("\(String(describing: thrown))")
            return
        }
        _ = try await ec2.launch(order("op-1"), permit: always)
        #expect(try cloud.done("RunInstances").count == 1)
        // A question is asked again by itself.
        try cloud.play(fault, on: "DescribeInstances")
        #expect(try await ec2.machines(of: "demo").count == 1)
    }

    @Test func aCloudThatHangsIsLeftAfterTheTimeout() async throws {
        let cloud = try TestCloud.fresh()
        let ec2 = try cloud.provider { $0.timeoutMilliseconds = 300 }
        let machine = try await cloud.provider().launch(order("op-1"), permit: always)
        try cloud.play("hang", on: "RebootInstances")
        let fault = await #expect(throws: ProviderFault.self) {
            try await ec2.reboot(machine.id, operation: "op-2", permit: always)
        }
        guard case .retryable(_, mayHaveHappened: true) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(try cloud.done("RebootInstances").isEmpty)
    }

    @Test func throttlingIsWaitedOut() async throws {
        let cloud = try TestCloud.fresh()
        let ec2 = try cloud.provider()
        try cloud.play("throttle", on: "RunInstances", count: 5)
        _ = try await ec2.launch(order("op-1"), permit: always)
        try cloud.play("throttle", on: "RebootInstances", count: 100)
        let fault = await #expect(throws: ProviderFault.self) {
            try await ec2.reboot("i-00000000000000001", operation: "op-2", permit: always)
        }
        guard case .retryable(_, mayHaveHappened: false) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
    }

    @Test func whereThereIsNoRoomTheNextTypeIsTaken() async throws {
        let cloud = try TestCloud.fresh()
        let ec2 = try cloud.provider { $0.instanceTypes = ["t3.micro", "t3.small"] }
        try cloud.play("capacity", on: "RunInstances", count: 9, type: "t3.micro")
        let fault = await #expect(throws: ProviderFault.self) {
            try await ec2.launch(order("op-1"), permit: always)
        }
        guard case .capacity = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        _ = try await ec2.launch(order("op-1", attempt: 1), permit: always)
        #expect(try cloud.done("RunInstances").map(\.token) == ["op-1-1"])
    }

    @Test func aWrongKeyIsAMatterOfAuthorisation_andNoErrorShowsIt() async throws {
        let cloud = try TestCloud.fresh()
        let secret = "not/the+right-one"
        let ec2 = try cloud.provider(
            environment: ["AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": secret])
        let fault = await #expect(throws: ProviderFault.self) {
            try await ec2.machines(of: "demo")
        }
        guard case .auth(let text) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(!text.contains(secret))
    }

    @Test func aYoungMachineThatIsNotShownYetCountsAndIsFound() async throws {
        let cloud = try TestCloud.fresh()
        let ec2 = try cloud.provider()
        try cloud.control("lag", "{\"describe\": 3}")
        let machine = try await ec2.launch(order("op-1"), permit: always)
        #expect(try await ec2.machine(machine.id).state == .pending)
        #expect(try await ec2.machine(launchedBy: "op-1")?.id == machine.id)
        #expect(try await ec2.machines(of: "demo").map(\.id) == [machine.id])
        #expect(try await ec2.machine(machine.id).state == .running)
    }

    @Test func withoutPermitNothingIsSent() async throws {
        let cloud = try TestCloud.fresh()
        let ec2 = try cloud.provider()
        await #expect(throws: ProviderFault.notPermitted) {
            try await ec2.launch(order("op-1"), permit: { false })
        }
        #expect(try cloud.done("RunInstances").isEmpty)
        // Asked before each send: what is sent again after throttling is asked for again.
        let left = Mutex(2)
        try cloud.play("throttle", on: "RunInstances", count: 5)
        await #expect(throws: ProviderFault.notPermitted) {
            try await ec2.launch(
                order("op-1"),
                permit: {
                    left.withLock {
                        $0 -= 1; return $0 >= 0
                    }
                })
        }
        #expect(try cloud.done("RunInstances").isEmpty)
    }

    @Test func theInstanceRoleSignsWithItsSessionToken() async throws {
        let cloud = try TestCloud.fresh()
        try cloud.control("metadata", "{\"role\": \"web\", \"expires\": \"2090-01-01T00:00:00Z\"}")
        let ec2 = try cloud.provider(
            { $0.region = nil }, environment: ["AWS_EC2_METADATA_SERVICE_ENDPOINT": cloud.endpoint])
        _ = try await ec2.launch(order("op-1"), permit: always)
        #expect(try await ec2.ownMachine() == "i-0123456789abcdef0")
        #expect(try await ec2.machines(of: "demo").count == 1)
    }

    @Test func expiredKeysAreFetchedAnewOnce() async throws {
        let cloud = try TestCloud.fresh()
        let ec2 = try cloud.provider()
        try cloud.play("expired", on: "RunInstances")
        _ = try await ec2.launch(order("op-1"), permit: always)
        try cloud.play("expired", on: "RebootInstances", count: 2)
        let fault = await #expect(throws: ProviderFault.self) {
            try await ec2.reboot("i-00000000000000001", operation: "op-2", permit: always)
        }
        guard case .auth = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
    }

    @Test func theFindingsTellWhatTheKeysMayDo() async throws {
        let cloud = try TestCloud.fresh()
        let ec2 = try cloud.provider()
        var findings = await ec2.findings(cluster: "demo")
        #expect(!findings.contains { $0.verdict == .failed })
        #expect(findings.contains { $0.subject == "RebootInstances" && $0.verdict == .warning })
        _ = try await ec2.launch(order("op-1"), permit: always)
        findings = await ec2.findings(cluster: "demo")
        #expect(findings.allSatisfy { $0.verdict == .fine })
        try cloud.play("denied", on: "TerminateInstances")
        findings = await ec2.findings(cluster: "demo")
        #expect(findings.filter { $0.verdict == .failed }.map(\.subject) == ["TerminateInstances"])
        #expect(try cloud.done("RunInstances").count == 1)
        #expect(try cloud.done("TerminateInstances").isEmpty)
    }

    @Test func nobodyThereMeansNothingHappened() async throws {
        let port = try RedisServer.freePort()
        var settings = EC2Settings()
        settings.region = "us-east-1"
        settings.endpoint = "http://127.0.0.1:\(port)"
        settings.image = "ami-1"
        let chain = CredentialChain(
            profile: nil, credentialsFile: nil,
            world: .real(environment: ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"]))
        let ec2 = EC2Provider(settings, caller: try EC2Caller(settings, chain: chain, wait: { _ in }))
        let fault = await #expect(throws: ProviderFault.self) {
            try await ec2.reboot("i-1", operation: "op", permit: always)
        }
        guard case .retryable(_, mayHaveHappened: false) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
    }
}
