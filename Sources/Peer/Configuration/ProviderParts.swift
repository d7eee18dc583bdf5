import Linux
import Logging
package import Remediation

/// What remedies are carried out with, built from the configuration.
package struct ProviderParts: Sendable {
    /// What launches and reboots machines; nil where none is configured, or `fault` says why it cannot be used.
    package var provider: (any Provider)?
    package var fault: String?
    package var runner: any PlaybookRunner
    package var provision: PlaybookStep?
    package var production: PlaybookStep?

    /// Builds the parts; children get `environment`, without this agent's secrets where they have no business with them.
    package init(
        _ configuration: Configuration, environment: [String: String] = ChildRun.ownEnvironment()
    ) {
        runner = StepRunner(configuration.steps.ansible, environment: environment)
        provision = configuration.steps.provision
        production = configuration.steps.production
        do throws(SystemFault) {
            provider = try configuration.provider.map { choice throws(SystemFault) in
                try ProviderParts.provider(choice, environment)
            }
        } catch {
            fault = "the provider cannot be used: \(error)"
        }
    }

    private static func provider(
        _ choice: Configuration.ProviderChoice, _ environment: [String: String]
    ) throws(SystemFault) -> any Provider {
        switch choice {
        case .ec2(let settings):
            let chain = CredentialChain(
                profile: settings.profile, credentialsFile: settings.credentialsFile,
                world: .real(environment: environment))
            return EC2Provider(settings, caller: try EC2Caller(settings, chain: chain))
        case .exec(let command, let milliseconds):
            // A cloud's keys are this program's business, the store's password is not.
            return ExecProvider(
                command: command,
                environment: environment.filter { !$0.key.hasPrefix("TROOP_REDIS_") },
                timeoutMilliseconds: milliseconds)
        case .process(let command, let folder):
            return try ProcessProvider(
                command: command, folder: folder, environment: StepRunner.withoutSecrets(environment))
        }
    }
}

extension Configuration {
    /// Who tells people outside of events; nil where nobody is to be told, or no thread can be had.
    func notifier(log: Logger) -> Notifier? {
        do throws(SystemFault) {
            return try Notifier(
                webhook: notify.webhook, command: notify.command,
                environment: StepRunner.withoutSecrets(ChildRun.ownEnvironment())
            ) { log.warning("\($0)") }
        } catch {
            log.error("nobody is told of events: no thread for it", metadata: ["why": "\(error)"])
            return nil
        }
    }
}

extension Notice {
    /// The notice of an event.
    init(_ event: Event, cluster: String) {
        let nonce = String(UInt64.random(in: .min ... .max), radix: 36)
        self.init(
            kind: event.kind, severity: event.severity.rawValue, text: event.text, cluster: cluster,
            host: event.host, atMs: event.atMs, details: event.details, id: "\(event.atMs)-\(nonce)")
    }
}
