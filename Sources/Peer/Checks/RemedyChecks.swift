import Glibc
import Linux
import Remediation

/// Looks at what remedies are carried out with: the provider, playbooks and steps, the way to a reboot. Nothing is changed,
/// and nothing is asked that a cloud might take for an order: that is `troop provider test`'s.
struct RemedyChecks {
    private let configuration: Configuration
    private let parts: ProviderParts

    /// How long the provider may take to count its machines, in milliseconds.
    private static let providerMilliseconds: Int64 = 8000

    init(_ configuration: Configuration, _ parts: ProviderParts) {
        self.configuration = configuration
        self.parts = parts
    }

    func findings() async -> [Finding] { [await provider()] + steps() + reboot() }

    private func provider() async -> Finding {
        if let fault = parts.fault {
            return Finding("provider", .failed, "\(fault); mend remediation.provider and restart the agent")
        }
        guard let provider = parts.provider else {
            switch configuration.remediation.gift.mode {
            case .observe:
                return Finding("provider", .fine, "none is configured; the gift monkey only observes")
            case .approve, .enforce:
                return Finding(
                    "provider", .failed,
                    "none is configured, so that the gift monkey can launch nothing; set remediation.provider.kind"
                )
            }
        }
        let cluster = configuration.cluster
        return await withTaskGroup(of: Finding.self) { group in
            group.addTask {
                do throws(ProviderFault) {
                    let count = try await provider.machines(of: cluster).count
                    return Finding(
                        "provider", .fine,
                        "\(provider.kind) counts \(count) machines of this cluster; 'troop provider test' tries its rights"
                    )
                } catch {
                    return Finding(
                        "provider", .failed,
                        "\(provider.kind): \(error); see remediation.provider, 'troop provider test' tries all of it"
                    )
                }
            }
            group.addTask {
                try? await Task.sleep(for: .milliseconds(RemedyChecks.providerMilliseconds))
                return Finding(
                    "provider", .failed,
                    "\(provider.kind) has not answered within \(span(RemedyChecks.providerMilliseconds)); see its endpoint and network"
                )
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? Finding("provider", .failed, "\(provider.kind) was not asked; look again")
        }
    }

    private func steps() -> [Finding] {
        var findings: [Finding] = []
        var needsAnsible = false
        for (name, step) in [("provision", parts.provision), ("production", parts.production)] {
            switch step {
            case nil: continue
            case .playbook(let path):
                needsAnsible = true
                if access(path, R_OK) == 0 {
                    findings.append(Finding("playbooks", .fine, "\(name) is \(path)"))
                } else {
                    let why = String(cString: strerror(errno))
                    findings.append(
                        Finding(
                            "playbooks", .failed,
                            "remediation.playbooks.\(name): \(path): \(why); expected a playbook that this user may read"
                        ))
                }
            case .command(let words):
                let program = words.first ?? ""
                findings.append(
                    RemedyChecks.isProgram(program)
                        ? Finding("steps", .fine, "\(name) is \(program)")
                        : Finding(
                            "steps", .failed,
                            "remediation.steps.\(name): \(program) is no program that this user may run; install it, chmod 755 it, or name another"
                        ))
            }
        }
        guard needsAnsible else { return findings }
        let ansible = configuration.steps.ansible
        if !RemedyChecks.isProgram(ansible.program) {
            findings.append(
                Finding(
                    "playbooks", .failed,
                    "there is no program \(ansible.program); install ansible-core, or name another in remediation.playbooks.ansible"
                ))
        }
        let files = [ansible.privateKeyFile, ansible.knownHostsFile, ansible.vaultPasswordFile].compactMap(
            \.self)
        for path in files + ansible.variableFiles where access(path, R_OK) != 0 {
            let why = String(cString: strerror(errno))
            findings.append(
                Finding(
                    "playbooks", .failed,
                    "\(path): \(why); ansible needs to read it, give it to the agent's user"))
        }
        return findings
    }

    /// Whether this host can reboot itself when it is asked to.
    private func reboot() -> [Finding] {
        if let program = configuration.host.rebootCommand?.first {
            return [
                RemedyChecks.isProgram(program)
                    ? Finding("reboot", .fine, "host.reboot_command is \(program)")
                    : Finding(
                        "reboot", .failed,
                        "host.reboot_command: \(program) is no program that this user may run; install it, chmod 755 it, or name another"
                    )
            ]
        }
        guard configuration.remediation.doctor.mode != .observe else { return [] }
        let folder = OrderTaker.rebootFile.split(separator: "/").dropLast().joined(separator: "/")
        return [
            access("/\(folder)", W_OK | X_OK) == 0
                ? Finding("reboot", .fine, "\(OrderTaker.rebootFile) asks systemd's troop-reboot.path")
                : Finding(
                    "reboot", .warning,
                    "/\(folder) cannot be written, so that this host cannot reboot itself; enable troop-reboot.path, or set host.reboot_command"
                )
        ]
    }

    private static func isProgram(_ name: String) -> Bool {
        if name.contains("/") { return access(name, X_OK) == 0 }
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        return !name.isEmpty && path.split(separator: ":").contains { access("\($0)/\(name)", X_OK) == 0 }
    }
}
