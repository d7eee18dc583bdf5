package import Remediation

extension Configuration {
    /// What launches and reboots machines.
    package enum ProviderChoice: Sendable, Equatable {
        case ec2(EC2Settings)
        case exec(command: [String], timeoutMilliseconds: Int64)
        case process(command: [String], folder: String)
    }

    /// What prepares machines, and how ansible reaches them.
    package struct Steps: Sendable, Equatable {
        package var provision: PlaybookStep?
        package var production: PlaybookStep?
        package var ansible = AnsibleSettings()
    }

    /// Who is told of events.
    package struct Notify: Sendable, Equatable {
        /// How much an event matters, from least to most.
        package enum Severity: String, Sendable, Equatable, CaseIterable { case info, notice, warning, error }

        package var webhook: WebhookSettings?
        package var command: HookSettings?
        /// The least severe event that is told.
        package var severity = Severity.notice

        /// True for events that matter enough.
        func includes(_ severity: Event.Severity) -> Bool {
            let ranks = Severity.allCases
            guard let given = Severity(rawValue: severity.rawValue), let rank = ranks.firstIndex(of: given),
                let least = ranks.firstIndex(of: self.severity)
            else { return true }
            return rank >= least
        }
    }
}

/// What was given of providers, steps and notifications, made whole: the rules between those options.
struct ProviderAssembly {
    let draft: ProviderDraft
    let cluster: String
    /// True where an option was given at all.
    let isGiven: (String) -> Bool
    /// Tells of a fault of an option.
    private(set) var faults: [(key: String, text: String)] = []

    init(draft: ProviderDraft, cluster: String, isGiven: @escaping (String) -> Bool) {
        self.draft = draft
        self.cluster = cluster
        self.isGiven = isGiven
    }

    mutating func provider() -> Configuration.ProviderChoice? {
        let key = "remediation.provider"
        switch draft.kind {
        case .none:
            if isGiven(key), !isGiven("\(key).kind") {
                faults.append(("\(key).kind", "is required and missing; expected one of ec2, exec, process"))
            }
            return nil
        case .ec2:
            var settings = draft.ec2
            settings.timeoutMilliseconds = Int(clamping: draft.timeoutMilliseconds)
            if settings.image == nil, settings.launchTemplate == nil {
                faults.append(
                    ("\(key).image", "is required and missing; expected an image or a launch_template"))
            }
            if let region = settings.region, !EC2Settings.isRegion(region) {
                faults.append(
                    ("\(key).region", "expected a region such as us-east-1, got '\(shown(region))'"))
            }
            return .ec2(settings)
        case .exec, .process:
            if draft.command.isEmpty {
                faults.append(
                    ("\(key).command", "is required and missing; expected a program and its arguments"))
            }
            return draft.kind == .exec
                ? .exec(command: draft.command, timeoutMilliseconds: draft.timeoutMilliseconds)
                : .process(
                    command: draft.command,
                    folder: draft.folder ?? ProcessProvider.defaultFolder(cluster: cluster))
        }
    }

    mutating func steps() -> Configuration.Steps {
        Configuration.Steps(
            provision: step("provision", draft.provisionPlaybook, draft.provisionCommand),
            production: step("production", draft.productionPlaybook, draft.productionCommand),
            ansible: draft.ansible)
    }

    private mutating func step(_ name: String, _ playbook: String?, _ command: [String]) -> PlaybookStep? {
        if playbook != nil, !command.isEmpty {
            faults.append(
                (
                    "remediation.steps.\(name).command",
                    "given beside remediation.playbooks.\(name); expected only one of them"
                ))
        }
        if let playbook { return .playbook(path: playbook) }
        return command.isEmpty ? nil : .command(command)
    }

    mutating func notify() -> Configuration.Notify {
        let given = draft.notify
        if isGiven("notify.webhook"), given.url == nil {
            faults.append(("notify.webhook.url", "is required and missing; expected a URL of http or https"))
        }
        if isGiven("notify.command"), given.command.isEmpty {
            faults.append(
                ("notify.command.run", "is required and missing; expected a program and its arguments"))
        }
        return Configuration.Notify(
            webhook: given.url.map {
                WebhookSettings(url: $0, secretFile: given.secretFile, kinds: given.webhookKinds)
            },
            command: given.command.isEmpty
                ? nil : HookSettings(command: given.command, kinds: given.commandKinds),
            severity: given.severity)
    }
}
