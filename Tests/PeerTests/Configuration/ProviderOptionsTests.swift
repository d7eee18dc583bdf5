import Remediation
import Testing

@testable import Peer

@Suite struct ProviderOptionsTests {
    private let minimal = "cluster: demo\nredis: {url: 'redis://127.0.0.1:6379/0'}\n"

    @Test func theContractOfEC2IsRead() throws {
        let read = try configuration(
            minimal
                + """
                remediation:
                  provider: {kind: ec2, region: us-east-1, endpoint: "http://127.0.0.1:5000", image: ami-12c6146b, instance_type: t3.micro,
                             key_name: k, security_groups: [sg-1], subnet: subnet-1, vpc: vpc-1, tags: {team: web}}
                  playbooks: {provision: /etc/troop/ansible/provision.yml, production: /etc/troop/ansible/production.yml}
                """)
        var expected = EC2Settings()
        expected.region = "us-east-1"
        expected.endpoint = "http://127.0.0.1:5000"
        expected.image = "ami-12c6146b"
        expected.instanceTypes = ["t3.micro"]
        expected.keyName = "k"
        expected.securityGroups = ["sg-1"]
        expected.subnets = ["subnet-1"]
        expected.vpc = "vpc-1"
        expected.tags = ["team": "web"]
        #expect(read.provider == .ec2(expected))
        #expect(read.steps.provision == .playbook(path: "/etc/troop/ansible/provision.yml"))
        #expect(read.steps.production == .playbook(path: "/etc/troop/ansible/production.yml"))
    }

    @Test func theOthersAndTheStepsAreRead() throws {
        let exec = try configuration(
            minimal
                + """
                remediation:
                  provider: {kind: exec, command: [/etc/troop/provider, "an argument, with a comma"], timeout: 60s}
                  steps: {provision: {command: [/p, a b]}, production: {command: [/q]}}
                """)
        #expect(
            exec.provider
                == .exec(
                    command: ["/etc/troop/provider", "an argument, with a comma"], timeoutMilliseconds: 60_000
                ))
        #expect(exec.steps.provision == .command(["/p", "a b"]))
        #expect(exec.steps.production == .command(["/q"]))
        let process = try configuration(
            minimal + "remediation: {provider: {kind: process, command: [/m]}}")
        #expect(
            process.provider
                == .process(command: ["/m"], folder: ProcessProvider.defaultFolder(cluster: "demo")))
        #expect(try configuration(minimal).provider == nil)
    }

    @Test func notificationsAreRead() throws {
        let read = try configuration(
            minimal
                + """
                notify:
                  webhook: {url: "https://example.org/hook", secret_file: /s, kinds: ["election.*"]}
                  command: {run: [/etc/troop/notify, now]}
                """)
        #expect(
            read.notify.webhook
                == WebhookSettings(url: "https://example.org/hook", secretFile: "/s", kinds: ["election.*"]))
        #expect(
            read.notify.command
                == HookSettings(command: ["/etc/troop/notify", "now"], kinds: ["election.*", "operation.*"]))
    }

    @Test(arguments: [
        (
            "remediation: {provider: {kind: ec3}}",
            "troop.yaml:3:32: remediation.provider.kind: expected one of"
        ),
        ("remediation: {provider: {image: ami-1}}", "remediation.provider.kind: is required"),
        ("remediation: {provider: {kind: ec2}}", "remediation.provider.image: is required"),
        ("remediation: {provider: {kind: ec2, image: a, region: US}}", "expected a region such as us-east-1"),
        ("remediation: {provider: {kind: ec2, image: a, endpoint: ec2}}", "expected a URL such as"),
        ("remediation: {provider: {kind: exec}}", "remediation.provider.command: is required"),
        (
            "remediation: {playbooks: {provision: /p}, steps: {provision: {command: [/q]}}}",
            "remediation.steps.provision.command: given beside remediation.playbooks.provision"
        ),
        ("notify: {webhook: {kinds: [a]}}", "notify.webhook.url: is required"),
        ("notify: {command: {kinds: [a]}}", "notify.command.run: is required"),
    ])
    func badOnesAreRefusedWithTheirPlace(_ text: String, _ expected: String) {
        let lines = faultLines(minimal + text)
        #expect(lines.count == 1)
        #expect(lines.first?.contains(expected) ?? false, "\(lines)")
    }
}
