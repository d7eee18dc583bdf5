import FoundationEssentials
import Linux
package import Store

/// The way of a command from the agent that was asked to the leader, and of its outcome back; Redis carries both.
package struct CommandQueue: Sendable {
    private let store: Store
    private let keys: Keys

    /// What is told on `news` when a command was put into the queue.
    package static let hint = "commands"
    /// How often an outcome is looked for, in milliseconds.
    private static let pollMilliseconds: Int64 = 15

    /// A queue of one troop.
    package init(store: Store, keys: Keys) {
        self.store = store
        self.keys = keys
    }

    /// Asks the leader and waits for what became of it; nil when no leader took the command in time, and none will any
    /// more. Throws when Redis fails: the command may then have been carried out.
    package func ask(_ command: LeaderCommand) async throws(StoreFault) -> CommandOutcome? {
        guard let json = JSONForm.bytes(command) else {
            return .refused("the command cannot be written as JSON")
        }
        let id =
            String(UInt64.random(in: .min ... .max), radix: 36)
            + String(UInt64.random(in: .min ... .max), radix: 36)
        let patience = LeaderCommand.patienceMilliseconds
        _ = try await store.run(
            CommandScripts.ask, keys: [keys.commands, keys.news],
            arguments: [id, String(decoding: json, as: UTF8.self), "\(patience)"])
        // A little longer than the leader has: its last moment must not be missed.
        let deadline = Instant.now().advanced(milliseconds: patience + 500)
        var last: CommandOutcome?
        while Instant.now() < deadline, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(CommandQueue.pollMilliseconds))
            last = try await outcome(of: id)
            switch last {
            case .done, .refused, .expired: return last
            case .claimed, nil: continue
            }
        }
        return last
    }

    private func outcome(of id: String) async throws(StoreFault) -> CommandOutcome? {
        let reply = try await store.call(Command("HMGET", keys.command(id), "state", "text", "epoch"))
        guard let parts = reply.elements, parts.count == 3 else { return nil }
        let text = parts[1].text ?? ""
        switch parts[0].text {
        case "claimed": return .claimed(epoch: parts[2].integer ?? 0)
        case "done": return .done(text)
        case "refused": return .refused(text)
        case "expired": return .expired
        default: return nil
        }
    }

    /// Claims the next command for the leader with this token; nil when there is none.
    func take(token: String, epoch: Int64) async throws(StoreFault) -> (id: String, command: LeaderCommand?)?
    {
        let reply = try await store.run(
            CommandScripts.take, keys: [keys.lease, keys.commands, keys.config],
            arguments: [token, keys.command(""), "\(epoch)", "\(LeaderCommand.outcomeMilliseconds)"])
        guard let parts = reply.elements, parts.count == 2, let id = parts[0].text, let json = parts[1].text
        else { return nil }
        return (id, try? JSONForm.document(LeaderCommand.self, from: Array(json.utf8)))
    }

    /// Writes down what became of a command; a leader that is none any more writes nothing.
    func settle(_ id: String, as outcome: CommandOutcome, token: String) async throws(StoreFault) {
        let (state, text) =
            switch outcome {
            case .done(let text): ("done", text)
            case .refused(let text): ("refused", text)
            case .claimed, .expired: ("expired", "")
            }
        _ = try await store.run(
            CommandScripts.settle, keys: [keys.lease, keys.command(id)],
            arguments: [token, state, text, "\(LeaderCommand.outcomeMilliseconds)"])
    }
}
