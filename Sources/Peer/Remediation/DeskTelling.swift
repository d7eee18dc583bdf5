import Election
import Linux
import Remediation
import Store

/// What the desk tells people.
extension RemediationDesk {
    func sees(_ thought: GiftPolicy.Thought, _ context: GuardContext) -> String {
        let mean = thought.mean.map { "mean cpu \(percent($0))" } ?? "too few reports for a mean"
        return
            "\(mean) of \(context.activeServers) active servers (hot above \(parts.settings.gift.abovePercent) %, calm below \(parts.settings.gift.clearPercent) %)"
    }

    func thinks(_ thought: GiftPolicy.Thought) -> String {
        thought.isHot ? "the fleet was hot and has not calmed down" : "the fleet is not hot"
    }

    func sees(_ thought: DoctorPolicy.Thought, _ view: FleetView, _ context: GuardContext) -> String {
        guard thought.hot.isEmpty else {
            let list = thought.hot.prefix(5).map { "\($0.host) \(percent($0.share))" }.joined(separator: ", ")
            return
                "\(thought.hot.count) of \(view.hosts.count) hosts above \(parts.settings.doctor.abovePercent) %: \(list)"
        }
        let hottest = view.hosts.filter(\.isFresh).max { ($0.busy ?? -1) < ($1.busy ?? -1) }
        let most =
            hottest.flatMap { host in host.busy.map { "; the hottest is \(host.name), \(percent($0))" } }
            ?? ""
        return
            "\(context.reports.fresh) of \(context.reports.hosts) hosts report in time\(most) (ill above \(parts.settings.doctor.abovePercent) %)"
    }

    private static func abovePercent(_ monkey: Monkey, _ settings: RemediationSettings) -> Int {
        switch monkey {
        case .gift: settings.gift.abovePercent
        case .doctor: settings.doctor.abovePercent
        }
    }

    func publish(
        _ opinions: [(Monkey, Opinion)], _ modes: [Monkey: PolicyMode], _ context: GuardContext,
        _ token: String
    ) async {
        guard let lead, lead.lease.token == token else { return }
        func marks(_ hosts: [String: String]) -> [MonkeysDocument.Mark] {
            hosts.sorted { $0.key < $1.key }.map { MonkeysDocument.Mark(host: $0.key, reason: $0.value) }
        }
        let settings = parts.settings
        let document = MonkeysDocument(
            leader: parts.host, epoch: lead.lease.epoch, paused: context.monkeysPause,
            policies: opinions.map { monkey, opinion in
                MonkeysDocument.Policy(
                    name: monkey.rawValue, mode: modes[monkey]?.rawValue ?? "",
                    abovePercent: RemediationDesk.abovePercent(monkey, settings),
                    sees: opinion.sees, thinks: opinion.thinks, would: opinion.would,
                    heldBack: opinion.heldBack, rail: opinion.rail?.rawValue)
            }, holds: marks(context.holds), quarantine: marks(context.quarantine),
            provider: parts.means.provider?.kind,
            machines: lead.machines?.count, launchesLastHour: context.launchesLastHour,
            remediesLastHour: context.rebootsLastHour,
            operations: operations.sorted { $0.id < $1.id }.map { OperationLine($0) })
        guard let json = JSONForm.bytes(document) else { return }
        _ = try? await parts.store.run(
            DeskScripts.publish, keys: [parts.keys.lease, parts.keys.monkeys],
            arguments: [
                token, String(decoding: json, as: UTF8.self), "\(MonkeysDocument.expiryMilliseconds)",
            ])
    }

    /// Asks the provider for its count once a minute, for people; decisions ask anew.
    func countNowAndThen(at now: Instant) {
        guard let provider = parts.means.provider, let lead, !lead.isCounting,
            lead.askedAt.map({ now.milliseconds(since: $0) >= RemediationDesk.countMilliseconds }) ?? true
        else { return }
        self.lead?.isCounting = true
        self.lead?.askedAt = now
        let cluster = parts.cluster
        Task { [lease = lead.lease] in
            let machines = try? await provider.machines(of: cluster)
            counted(machines?.count { $0.state.isAlive }, lease)
        }
    }

    func counted(_ count: Int?, _ lease: Lease) {
        guard lead?.lease == lease else { return }
        lead?.isCounting = false
        if let count { lead?.machines = (count, .now()) }
    }
}
