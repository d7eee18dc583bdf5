import Linux
import Remediation
import Store

/// What other hosts say of those that the leader takes for gone.
extension RemediationDesk {
    /// How often peers are asked, in milliseconds.
    private static let askMilliseconds: Int64 = 2000

    /// Asks peers about the hosts that seemed gone at the last look, and puts what they have said into the view.
    func hearWitnesses(_ view: inout FleetView, storeMs: Int64, token: String, at now: Instant) async {
        guard parts.settings.doctor.unreachable, let gone = lead?.gone, !gone.isEmpty else { return }
        let reply = try? await parts.store.call(Command("HGETALL", parts.keys.witnesses))
        for (field, at) in reply?.pairs ?? [] {
            // Names of hosts hold no bar.
            let names = (field.text ?? "").split(separator: "|")
            guard names.count == 2, let at = at.integer,
                at > storeMs - Suspects.wordMilliseconds, at < storeMs + Suspects.wordMilliseconds
            else { continue }
            view.words[String(names[0]), default: []].insert(String(names[1]))
        }
        if let at = lead?.witnessesAskedAt, now.milliseconds(since: at) < RemediationDesk.askMilliseconds {
            return
        }
        lead?.witnessesAskedAt = now
        let asked = view.hosts.filter { $0.isFresh && $0.name != view.leader && !gone.contains($0.name) }
            .map(\.name).sorted().prefix(Suspects.askedMax)
        let suspects = gone.sorted().prefix(Suspects.suspectsMax).compactMap { host in
            view.servers.first { $0.host == host && $0.state == .active }
                .map { Suspects.Suspect(host: host, server: $0.address) }
        }
        guard !asked.isEmpty, !suspects.isEmpty,
            let json = JSONForm.bytes(Suspects(ask: Array(asked), suspects: suspects))
        else { return }
        _ = try? await parts.store.run(
            Witness.ask, keys: [parts.keys.lease, parts.keys.suspects, parts.keys.news],
            arguments: [token, String(decoding: json, as: UTF8.self), "\(Suspects.lifeMilliseconds)"])
    }
}
