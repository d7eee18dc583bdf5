import Remediation
import Store

/// What stands among the operations under way and cannot be read as one: somebody wrote it by hand, or another version did.
struct UnreadableOperation: Sendable, Equatable {
    var id: String
    /// The target as the hash names it; empty when it names none.
    var target: String
    /// Whether a host is treated by it, not launched.
    var treats: Bool
    /// What was read instead of an operation.
    var json: String
    /// When it was opened, by Redis's clock in milliseconds.
    var openedMs: Int64

    /// After this time a leader sets it aside by itself, in milliseconds: another version's leader may still read it.
    static let patienceMilliseconds: Int64 = 3_600_000

    /// What is wrong and what to do, a sentence.
    var complaint: String {
        let about = target.isEmpty ? "" : " on \(target)"
        return
            "operation \(id)\(about) cannot be read in Redis and goes on nowhere; see what it left behind (a drained server, a machine tagged with its id), then 'troop operations cancel \(id)'; it is set aside by itself after \(span(UnreadableOperation.patienceMilliseconds))"
    }
}

extension OperationJournal {
    /// Everything that has not ended, in the order in which it was opened.
    func underWay() async throws(StoreFault) -> (operations: [Operation], unreadable: [UnreadableOperation]) {
        let listed = try await store.call(Command("ZRANGE", keys.operations, "0", "-1", "WITHSCORES"))
        guard let pairs = listed.pairs else { throw .malformed("\(keys.operations) is no sorted set") }
        let entries = pairs.compactMap { id, score in
            id.text.map { (id: $0, score: Double(score.text ?? "") ?? 0) }
        }
        guard !entries.isEmpty else { return ([], []) }
        let replies = try await store.pipeline(
            entries.map { Command("HMGET", keys.operation($0.id), "json", "revision", "target", "class") })
        var operations: [Operation] = []
        var unreadable: [UnreadableOperation] = []
        for (entry, reply) in zip(entries, replies) {
            let parts = reply.elements?.map(\.text) ?? []
            let json = parts.first.flatMap(\.self) ?? ""
            if parts.count == 4, OperationJournal.isID(entry.id),
                let revision = OperationJournal.revision(parts[1]),
                var operation = OperationJournal.operation(json), operation.id == entry.id
            {
                operation.revision = revision
                operations.append(operation)
            } else {
                unreadable.append(
                    UnreadableOperation(
                        id: entry.id, target: parts.count == 4 ? parts[2] ?? "" : "",
                        treats: parts.count == 4 && parts[3] == Class.treat.rawValue, json: json,
                        openedMs: (0...Double(Operation.numberMax)).contains(entry.score)
                            ? Int64(entry.score) : 0))
            }
        }
        return (operations, unreadable)
    }

    /// Takes an unreadable operation from those under way; a host that it treated goes to quarantine, since nobody knows
    /// what was done to it. False when something else stands there by now.
    func setAside(
        _ found: UnreadableOperation, settling settlement: Settlement? = nil, token: String
    ) async throws(StoreFault) -> Bool {
        let isHost = found.treats && (1...255).contains(found.target.utf8.count)
        let reply = try await store.run(
            OperationScripts.setAside,
            keys: [
                keys.lease, keys.operation(found.id), keys.operations, keys.config, keys.news,
                keys.command(settlement?.command ?? "none"),
            ],
            arguments: [
                token, found.id, found.json,
                isHost ? RemediationSwitches.quarantinePrefix + found.target : "",
                "operation \(found.id) on it could not be read", settlement?.text ?? "",
                "\(LeaderCommand.outcomeMilliseconds)", "\(OperationJournal.lifeMilliseconds)",
            ])
        return reply.integer == 1
    }
}
