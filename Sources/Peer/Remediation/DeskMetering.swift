import Linux
import Remediation

/// What the desk notes for metrics.
extension RemediationDesk {
    func tally(
        _ opinions: [(Monkey, Opinion)], _ modes: [Monkey: PolicyMode], _ context: GuardContext,
        since began: Instant
    ) {
        var state = RemedyTally.Moment()
        state.policies = opinions.map { monkey, opinion in
            RemedyTally.Policy(
                name: monkey.rawValue, mode: modes[monkey]?.rawValue ?? "", wishes: opinion.would != nil,
                rail: opinion.rail?.rawValue)
        }
        for operation in context.operations { state.underWay[operation.kind.rawValue, default: 0] += 1 }
        state.unreadable = lead?.unreadable.count ?? 0
        state.launchesLastHour = context.launchesLastHour
        state.remediesLastHour = context.rebootsLastHour
        state.held = context.holds.count
        state.quarantined = context.quarantine.count
        state.machines = lead?.machines?.count
        parts.tally.looked(state, microseconds: (Instant.now().nanoseconds - began.nanoseconds) / 1000)
    }
}
