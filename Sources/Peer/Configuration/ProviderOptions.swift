import Remediation
import Store

/// What launches machines and prepares them, as it was given.
struct ProviderDraft: Sendable {
    enum Kind: String, Sendable, CaseIterable { case none, ec2, exec, process }

    var kind = Kind.none
    var ec2 = EC2Settings()
    var command: [String] = []
    var folder: String?
    var timeoutMilliseconds: Int64 = 0
    var ansible = AnsibleSettings()
    var provisionPlaybook: String?
    var productionPlaybook: String?
    var provisionCommand: [String] = []
    var productionCommand: [String] = []
    var notify = NotifyDraft()
}

/// `notify` as it was given.
struct NotifyDraft: Sendable {
    var url: String?
    var secretFile: String?
    var webhookKinds: [String] = []
    var command: [String] = []
    var commandKinds: [String] = []
    var severity = Configuration.Notify.Severity.notice
}

extension OptionTable {
    /// The options of providers, playbooks, steps and notifications.
    static var provider: [ConfigurationOption] { machines + preparation + notification }

    private static var machines: [ConfigurationOption] {
        [
            ConfigurationOption(
                "remediation.provider.kind", .oneOf(), into: \.provider.kind, .text("none"),
                "What launches and reboots machines: EC2, a program, or processes of this host (demo and tests)."
            ),
            ConfigurationOption(
                "remediation.provider.region", .word, into: \.provider.ec2.region,
                .derived("what the environment, the profile or the instance says"),
                "EC2's region, as `us-east-1`."),
            ConfigurationOption(
                "remediation.provider.endpoint", .webURL, into: \.provider.ec2.endpoint,
                .derived("EC2's own for the region"), "The URL of a cloud that speaks EC2's query API."),
            ConfigurationOption(
                "remediation.provider.image", .word, into: \.provider.ec2.image, .none,
                "The image (AMI) of new machines."),
            ConfigurationOption(
                "remediation.provider.instance_type", .words, into: \.provider.ec2.instanceTypes, .none,
                "The type of new machines; of several, the next one is taken where there is no room for one.",
                shape: .list),
            ConfigurationOption(
                "remediation.provider.subnet", .words, into: \.provider.ec2.subnets, .none,
                "The subnet of new machines; of several, the next one where no type has room.", shape: .list),
            ConfigurationOption(
                "remediation.provider.vpc", .word, into: \.provider.ec2.vpc, .none,
                "The network (VPC) of the troop's hosts: a host's machine is looked for by its address, and networks may share those."
            ),
            ConfigurationOption(
                "remediation.provider.security_groups", .words, into: \.provider.ec2.securityGroups, .none,
                "The ids of their security groups.", shape: .list),
            ConfigurationOption(
                "remediation.provider.key_name", .word, into: \.provider.ec2.keyName, .none,
                "The name of their key pair."),
            ConfigurationOption(
                "remediation.provider.launch_template", .word, into: \.provider.ec2.launchTemplate, .none,
                "A launch template, by id or name, with `:VERSION` after it; what is set here goes over it."),
            ConfigurationOption(
                "remediation.provider.instance_profile", .word, into: \.provider.ec2.instanceProfile, .none,
                "The instance profile of new machines, by name or ARN."),
            ConfigurationOption(
                "remediation.provider.user_data_file", .path, into: \.provider.ec2.userDataFile, .none,
                "A file whose text is their user data; `{{troop.name}}`, `{{troop.cluster}}` and "
                    + "`{{troop.operation}}` in it are filled in."),
            ConfigurationOption(
                "remediation.provider.tags", .pairs, into: \.provider.ec2.tags, .none,
                "Further tags of new machines.", shape: .pairs),
            ConfigurationOption(
                "remediation.provider.profile", .word, into: \.provider.ec2.profile,
                .derived("`AWS_PROFILE`, else `default`"),
                "The profile in the shared files; when it is set, keys come from nowhere else."),
            ConfigurationOption(
                "remediation.provider.credentials_file", .path, into: \.provider.ec2.credentialsFile,
                .derived("`~/.aws/credentials`"), "The shared file of credentials."),
            ConfigurationOption(
                "remediation.provider.command", .arguments, into: \.provider.command, .none,
                "For `exec`, the program that is asked (docs/providers.md); for `process`, the one that is a machine.",
                shape: .arguments),
            ConfigurationOption(
                "remediation.provider.folder", .path, into: \.provider.folder,
                .derived("`/tmp/troop-machines-UID-CLUSTER`"),
                "Where a `process` provider keeps its machines; the same for all agents of the cluster."),
            ConfigurationOption(
                "remediation.provider.timeout", .duration(100...3_600_000),
                into: \.provider.timeoutMilliseconds, .text("15s"),
                "How long one request to the provider may take."),
        ]
    }

    private static var preparation: [ConfigurationOption] {
        [
            ConfigurationOption(
                "remediation.playbooks.provision", .path, into: \.provider.provisionPlaybook, .none,
                "The playbook that a new machine is first prepared by."),
            ConfigurationOption(
                "remediation.playbooks.production", .path, into: \.provider.productionPlaybook, .none,
                "The playbook that starts the application, after that and after each reboot."),
            ConfigurationOption(
                "remediation.playbooks.user", .word, into: \.provider.ansible.user, .none,
                "Who signs in to machines by ssh."),
            ConfigurationOption(
                "remediation.playbooks.private_key_file", .path, into: \.provider.ansible.privateKeyFile,
                .none, "The private key for that."),
            ConfigurationOption(
                "remediation.playbooks.known_hosts_file", .path, into: \.provider.ansible.knownHostsFile,
                .derived("the key that a machine shows first is trusted, in each run anew"),
                "The host keys that are trusted, and no others."),
            ConfigurationOption(
                "remediation.playbooks.variable_files", .paths, into: \.provider.ansible.variableFiles,
                .none, "Files of variables for the playbooks, in YAML or JSON.", shape: .list),
            ConfigurationOption(
                "remediation.playbooks.vault_password_file", .path,
                into: \.provider.ansible.vaultPasswordFile, .none, "The file with ansible-vault's password."),
            ConfigurationOption(
                "remediation.playbooks.ansible", .path, into: \.provider.ansible.program,
                .text("ansible-playbook"), "The program that runs them."),
            ConfigurationOption(
                "remediation.steps.provision.command", .arguments, into: \.provider.provisionCommand, .none,
                "A program in place of `remediation.playbooks.provision`.", shape: .arguments),
            ConfigurationOption(
                "remediation.steps.production.command", .arguments, into: \.provider.productionCommand,
                .none, "A program in place of `remediation.playbooks.production`.", shape: .arguments),
        ]
    }

    private static var notification: [ConfigurationOption] {
        [
            ConfigurationOption(
                "notify.severity", .oneOf(), into: \.provider.notify.severity, .text("notice"),
                "The least severe event that people are told of."),
            ConfigurationOption(
                "notify.webhook.url", .webURL, into: \.provider.notify.url, .requiredInSection,
                "Where events are sent to, as JSON by POST."),
            ConfigurationOption(
                "notify.webhook.secret_file", .path, into: \.provider.notify.secretFile, .none,
                "A file with the secret that they are signed with (HMAC-SHA256)."),
            ConfigurationOption(
                "notify.webhook.kinds", .words, into: \.provider.notify.webhookKinds,
                .text("election.*,operation.*"), "Which kinds of events; `*` at the end stands for anything.",
                shape: .list),
            ConfigurationOption(
                "notify.command.run", .arguments, into: \.provider.notify.command, .requiredInSection,
                "A program that is given each event as JSON on its standard input.", shape: .arguments),
            ConfigurationOption(
                "notify.command.kinds", .words, into: \.provider.notify.commandKinds,
                .text("election.*,operation.*"), "Which kinds of events; `*` at the end stands for anything.",
                shape: .list),
        ]
    }
}

extension ValueForm where Value == [String] {
    /// Words without spaces, parted by commas.
    static let words = ValueForm(name: "list of words") { text throws(ValueFault) in
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count <= 64 else {
            throw ValueFault(text: "expected at most 64 words, got \(parts.count)")
        }
        return try parts.map { part throws(ValueFault) in
            try ValueForm<String>.word.read(
                String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()))
        }
    }
}

extension ValueForm where Value == String {
    /// A URL of HTTP; its text is not quoted where it may hold a password.
    static let webURL = ValueForm(name: "URL of http or https") { text throws(ValueFault) in
        let rest = ["http://", "https://"].first { text.hasPrefix($0) }.map { text.dropFirst($0.utf8.count) }
        guard let rest, let first = rest.first, first != "/", text.utf8.count <= 2048,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else {
            throw ValueFault(text: "expected a URL such as https://example.org/hook, got '\(shown(text))'")
        }
        return text
    }
}
