import Election
import Linux
import Remediation
import Store

/// What a leader does about its own heat.
extension RemediationDesk {
    /// A hot leader hands over, at most once in an hour; heat that follows leadership is the proxy's.
    func hotLeader(
        _ thought: DoctorPolicy.Thought, _ before: Opinion, _ mode: PolicyMode, _ context: GuardContext,
        _ reading: Reading, _ token: String
    ) async -> Opinion {
        let reason = thought.hotLeader ?? ""
        var opinion = before
        opinion.thinks = "\(reason); it leads"
        opinion.would = "hand the lease over before anything else"
        func hold(_ gist: String, _ why: String) {
            opinion.heldBack = why
            tellOnce(
                "doctor:leader", gist, "doctor.held_back", .notice, "\(reason), but: \(why)",
                ["target": parts.host])
        }
        if let handover = reading.switches.handover,
            reading.nowByStore - handover.at < RemediationDesk.hourMilliseconds,
            // One of the future was written by a clock that is put right since.
            handover.at < reading.nowByStore + RemediationDesk.countMilliseconds
        {
            hold(
                "proxy load",
                handover.host == parts.host
                    ? "it has handed over within the last hour already"
                    : "the heat followed the lease from \(handover.host): proxy load, no illness of \(parts.host)"
            )
            return opinion
        }
        let wish = Wish.heal(host: "", server: nil, reason: reason)
        if let (rail, why) = Guard.objection(to: wish, in: context) {
            opinion.rail = rail
            hold(rail.rawValue, why)
            return opinion
        }
        if mode != .enforce {
            hold("observe", "it may not act by itself (mode \(mode.rawValue))")
            return opinion
        }
        let book = await parts.board.book
        if let why = CommandDesk.unfitness(of: nil, leader: parts.host, book: book, at: .now()) {
            hold("alone", why)
            return opinion
        }
        let written = try? await parts.store.run(
            DeskScripts.configure,
            keys: [parts.keys.lease, parts.keys.config, parts.keys.command("none"), parts.keys.news],
            arguments: [
                token, "", "0", RemediationSwitches.handoverField, "\(parts.host) \(reading.nowByStore)",
            ])
        guard written != nil else { return opinion }
        parts.events.tell(
            "doctor.handover", .warning, "\(reason); it leads, so it hands over first", ["target": parts.host]
        )
        parts.elector.handOver(to: nil, reason: "doctor: \(reason)")
        return opinion
    }
}
