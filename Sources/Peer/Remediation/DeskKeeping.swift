import Election
import Linux
import Proxy
import Remediation
import Store

/// What is put right when Redis has lost its memory under a leader.
extension RemediationDesk {
    /// The switches that count: those that were read, with those that Redis has lost, which are written back.
    func kept(_ fields: [String: String], token: String) async -> RemediationSwitches {
        guard var memory = lead?.config else { return RemediationSwitches(fields: fields) }
        let (counted, missing) = memory.take(fields)
        lead?.config = memory
        if !missing.isEmpty { await writeBack(missing, token) }
        return RemediationSwitches(fields: counted)
    }

    private func writeBack(_ missing: [String: String], _ token: String) async {
        let pairs = missing.sorted { $0.key < $1.key }
        let written = try? await parts.store.run(
            DeskScripts.configure,
            keys: [parts.keys.lease, parts.keys.config, parts.keys.command("none"), parts.keys.news],
            arguments: [token, "", "0"] + pairs.flatMap { [$0.key, $0.value] })
        let names = pairs.map(\.key).filter { $0 != ConfigMemory.mark }
        guard written != nil, !names.isEmpty else { return }
        parts.events.tell(
            "config.restored", .warning,
            "Redis has lost what people had set; written back: \(names.joined(separator: ", "))")
    }

    /// Launches and remedies of the last hour as this leader knows them: Redis may have forgotten.
    func rememberedHour() -> (launches: Int, remedies: Int) {
        let since = WallClock.milliseconds() - RemediationDesk.hourMilliseconds
        let known = (lead?.past ?? []).map(\.operation) + operations
        let recent = Dictionary(known.map { ($0.id, $0) }) { first, _ in first }.values.filter {
            $0.started > since
        }
        let launches = recent.count { $0.kind == .launch }
        return (launches, recent.count - launches)
    }

    /// Takes servers back that an operation had drained of which nothing is left in Redis; one look is not enough, since an
    /// operation may just have been opened.
    func takeBackOrphans(_ underWay: Set<String>, _ token: String) async {
        let entries = await parts.roster.entries
        let orphans = entries.filter { entry in
            guard entry.state == .draining, entry.by.hasPrefix("op:") else { return false }
            let id = String(entry.by.dropFirst("op:".count))
            return OperationJournal.isID(id) && !underWay.contains(id) && lead?.runs[id] == nil
        }
        let before = lead?.orphans ?? []
        lead?.orphans = Set(orphans.map(\.by))
        for entry in orphans where before.contains(entry.by) {
            let (id, server) = (String(entry.by.dropFirst("op:".count)), entry.address.description)
            let reply = try? await parts.store.run(
                DeskScripts.adopt,
                keys: [
                    parts.keys.lease, parts.keys.servers, parts.keys.operation(id), parts.keys.operations,
                    parts.keys.news,
                ], arguments: [token, id, server, "\(WallClock.milliseconds())"])
            guard reply?.integer == 1 else { continue }
            parts.events.tell(
                "operation.lost", .error,
                "operation \(id) is gone from Redis; \(server), which it had drained, is back in the list: see what was done to it",
                ["operation": id, "server": server])
        }
    }
}
