package import Metrics
import Remediation
import Synchronization

/// What this agent's policies and operations have come to, for metrics; the numbers of the moment only while it leads.
package final class RemedyTally: MetricSource {
    /// One policy at a moment.
    struct Policy: Sendable {
        var name: String
        var mode: String
        var wishes: Bool
        /// The guard that holds it back; nil when none does.
        var rail: String?
    }

    /// What was found at the last look.
    struct Moment: Sendable {
        var policies: [Policy] = []
        /// Operations under way by kind.
        var underWay: [String: Int] = [:]
        var unreadable = 0
        var launchesLastHour = 0
        var remediesLastHour = 0
        var held = 0
        var quarantined = 0
        /// nil before the provider was asked.
        var machines: Int?
    }

    private struct State {
        var moment: Moment?
        var ended: [Ending: Int] = [:]
        var looks = 0
        var microseconds: Int64 = 0
    }

    private struct Ending: Hashable {
        var kind: String
        var state: String
    }

    private let state = Mutex(State())

    /// A tally of nothing.
    package init() {}

    /// Notes an operation that has ended while this agent leads.
    func ended(_ operation: Operation) {
        let ending = Ending(kind: operation.kind.rawValue, state: operation.state.rawValue)
        state.withLock { $0.ended[ending, default: 0] += 1 }
    }

    /// Notes a look and how long it took.
    func looked(_ moment: Moment, microseconds: Int64) {
        state.withLock { state in
            state.moment = moment
            state.looks += 1
            state.microseconds += microseconds
        }
    }

    /// The leadership is over: what was seen last is not what is now.
    func rest() { state.withLock { $0.moment = nil } }

    package func metricFamilies() async -> [MetricFamily] {
        let state = state.withLock { $0 }
        let moment = state.moment
        return operations(state) + policies(moment) + [
            MetricFamily(
                "troop_remedies_last_hour", .gauge,
                "Remedies that were opened within the last hour; only on the leader",
                moment.map { Double($0.remediesLastHour) }),
            MetricFamily(
                "troop_launches_last_hour", .gauge,
                "Launches that were opened within the last hour; only on the leader",
                moment.map { Double($0.launchesLastHour) }),
            MetricFamily(
                "troop_hosts_held", .gauge, "Hosts that people keep the policies from; only on the leader",
                moment.map { Double($0.held) }),
            MetricFamily(
                "troop_hosts_quarantined", .gauge,
                "Hosts whose remedies failed and that wait for a person; only on the leader",
                moment.map { Double($0.quarantined) }),
            MetricFamily(
                "troop_provider_machines", .gauge,
                "Machines of this cluster when the provider was last asked; only on the leader",
                moment?.machines.map { Double($0) }),
            MetricFamily(
                "troop_policy_looks_total", .counter, "Times the policies have looked at the troop",
                Double(state.looks)),
            MetricFamily(
                "troop_policy_look_seconds_total", .counter,
                "Time that these looks took, waiting for Redis included", Double(state.microseconds) / 1e6),
        ]
    }

    private func operations(_ state: State) -> [MetricFamily] {
        var underWay = MetricFamily(
            "troop_operations", .gauge, "Operations under way, by kind; only on the leader")
        var ended = MetricFamily(
            "troop_operations_ended_total", .counter, "Operations that ended while this agent led")
        for kind in Operation.Kind.allCases.map(\.rawValue) {
            if let moment = state.moment {
                underWay.add(Double(moment.underWay[kind] ?? 0), [("kind", kind)])
            }
            for outcome in [Operation.State.done, .failed, .cancelled].map(\.rawValue) {
                ended.add(
                    Double(state.ended[Ending(kind: kind, state: outcome)] ?? 0),
                    [("kind", kind), ("outcome", outcome)])
            }
        }
        return [
            underWay, ended,
            MetricFamily(
                "troop_operations_unreadable", .gauge,
                "What stands among the operations under way and cannot be read; only on the leader",
                state.moment.map { Double($0.unreadable) }),
        ]
    }

    private func policies(_ moment: Moment?) -> [MetricFamily] {
        var mode = MetricFamily(
            "troop_policy_mode", .gauge,
            "1 for the mode that a policy is in, 0 for the others; only on the leader")
        var wishes = MetricFamily(
            "troop_policy_wishes", .gauge,
            "Whether a policy would act now: 1 or 0; only on the leader")
        var heldBack = MetricFamily(
            "troop_policy_held_back", .gauge,
            "1 for the guard that holds a policy's wish back, 0 for the others; only on the leader")
        for policy in moment?.policies ?? [] {
            for word in PolicyMode.allCases.map(\.rawValue) {
                mode.add(policy.mode == word ? 1 : 0, [("policy", policy.name), ("mode", word)])
            }
            wishes.add(policy.wishes ? 1 : 0, [("policy", policy.name)])
            for rail in Guard.allCases.map(\.rawValue) {
                heldBack.add(policy.rail == rail ? 1 : 0, [("policy", policy.name), ("guard", rail)])
            }
        }
        return [mode, wishes, heldBack]
    }
}
