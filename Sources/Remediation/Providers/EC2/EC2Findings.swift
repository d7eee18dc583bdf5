/// What `troop provider test` asks of EC2.
extension EC2Provider {
    package func findings(cluster: String) async -> [ProviderFinding] {
        var findings: [ProviderFinding] = []
        do throws(ProviderFault) {
            let (url, region) = try await caller.endpoint()
            findings.append(.init(subject: "endpoint", verdict: .fine, text: "\(url), region \(region)"))
            findings.append(
                .init(subject: "credentials", verdict: .fine, text: try await caller.credentialSource()))
        } catch {
            let subject = findings.isEmpty ? "endpoint" : "credentials"
            return findings + [.init(subject: subject, verdict: .failed, text: error.description)]
        }
        var machines: [Machine] = []
        do throws(ProviderFault) {
            machines = try await self.machines(of: cluster)
            findings.append(
                .init(
                    subject: "DescribeInstances", verdict: .fine,
                    text: "\(machines.count) of cluster '\(cluster)'"))
        } catch {
            findings.append(.init(subject: "DescribeInstances", verdict: .failed, text: error.description))
        }
        let launches = await launchFindings(cluster)
        findings += launches
        // Without a dry run known to be one, these would be carried out.
        guard launches.contains(where: { $0.text == EC2Provider.allowed }) else { return findings }
        for action in ["RebootInstances", "StopInstances", "StartInstances", "TerminateInstances"] {
            findings.append(await dryRun(action, machines.first { $0.state == .running } ?? machines.first))
        }
        return findings
    }

    private func launchFindings(_ cluster: String) async -> [ProviderFinding] {
        if settings.image == nil, settings.launchTemplate == nil {
            return [
                .init(
                    subject: "RunInstances", verdict: .failed,
                    text: "neither remediation.provider.image nor .launch_template is set; set one")
            ]
        }
        var findings: [ProviderFinding] = []
        let variants = max(1, settings.instanceTypes.count) * max(1, settings.subnets.count)
        for attempt in 0..<min(variants, EC2Provider.variantsMax) {
            let order = LaunchOrder(
                token: "troop-dry-run", cluster: cluster, name: "troop-dry-run", attempt: attempt)
            let type =
                settings.instanceTypes.isEmpty
                ? "" : " \(settings.instanceTypes[attempt % settings.instanceTypes.count])"
            let subject = "RunInstances\(type)"
            do throws(ProviderFault) {
                let finding = await outcome(of: try launchForm(order), subject)
                findings.append(finding)
                if finding.verdict == .warning { break }
            } catch {
                findings.append(.init(subject: subject, verdict: .failed, text: error.description))
            }
        }
        return findings
    }

    private static let allowed = "allowed"
    /// Types and subnets that are tried at most.
    private static let variantsMax = 12

    private func dryRun(_ action: String, _ machine: Machine?) async -> ProviderFinding {
        guard let machine else {
            return .init(
                subject: action, verdict: .warning,
                text: "not tried: the cluster has no machine to ask about yet; try again once it has one")
        }
        var form = EC2Form(action)
        form.add("InstanceId.1", machine.id)
        return await outcome(of: form, action)
    }

    private func outcome(of form: EC2Form, _ subject: String) async -> ProviderFinding {
        var form = form
        form.add("DryRun", "true")
        do throws(ProviderFault) {
            switch try await caller.ask(form, .none) {
            case .wouldWork: return .init(subject: subject, verdict: .fine, text: EC2Provider.allowed)
            case .done(let root):
                // A machine that nobody wanted; its operation is `troop-dry-run` should this fail, too.
                for machine in root.items("instancesSet").compactMap({ Machine($0) }) {
                    try await terminate(machine.id, operation: "troop-dry-run", permit: { true })
                }
                return .init(
                    subject: subject, verdict: .warning,
                    text:
                        "this cloud knows no dry runs; nothing else was tried, what was launched is terminated"
                )
            }
        } catch {
            return .init(subject: subject, verdict: .failed, text: error.description)
        }
    }
}
