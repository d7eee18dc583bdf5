import Election
import Linux
import Remediation
import Store

/// From wishes to operations, past the guards.
extension RemediationDesk {
    func consider(
        _ wishes: [Wish], _ monkey: Monkey, _ mode: PolicyMode, _ context: inout GuardContext, _ token: String
    ) async -> Opinion {
        var opinion = Opinion(sees: "", thinks: "nothing to be done")
        for wish in wishes {
            let subject = "\(monkey.rawValue):\(wish.host ?? "")"
            let would = RemediationDesk.words(wish, parts.settings)
            if let (rail, why) = Guard.objection(to: wish, in: context) {
                if opinion.would == nil {
                    opinion = Opinion(sees: "", thinks: wish.reason, would: would, rail: rail, heldBack: why)
                }
                tellOnce(
                    subject, rail.rawValue, "\(monkey.rawValue).held_back", .notice,
                    "the \(monkey.rawValue) monkey would \(would) (\(wish.reason)), but: \(why)",
                    ["guard": rail.rawValue, "target": wish.host ?? "", "epoch": "\(lead?.lease.epoch ?? 0)"])
                continue
            }
            opinion = Opinion(sees: "", thinks: wish.reason, would: would)
            if mode == .observe {
                opinion.heldBack =
                    "it only observes: 'troop monkeys mode \(monkey.rawValue) enforce' lets it act"
                tellOnce(
                    subject, "observe", "\(monkey.rawValue).would", .notice,
                    "the \(monkey.rawValue) monkey would \(would): \(wish.reason); it only observes",
                    ["target": wish.host ?? ""])
                return opinion
            }
            if let why = await grant(wish, by: monkey.rawValue, mode, &context, token) {
                opinion.rail = why.rail
                opinion.heldBack = why.reason
                tellOnce(
                    subject, why.rail?.rawValue ?? why.reason, "\(monkey.rawValue).held_back", .notice,
                    "the \(monkey.rawValue) monkey would \(would) (\(wish.reason)), but: \(why.reason)",
                    ["target": wish.host ?? ""])
            }
            return opinion
        }
        if wishes.isEmpty {
            // Read first: an optional chain that is assigned to is held while the right side is worked out.
            let told = lead?.told.filter { !$0.key.hasPrefix("\(monkey.rawValue):") } ?? [:]
            lead?.told = told
        }
        return opinion
    }

    static func words(_ wish: Wish, _ settings: RemediationSettings) -> String {
        switch wish {
        case .launch(let count, _): "launch \(count == 1 ? "a server" : "\(count) servers")"
        case .retire(let host, _, _): "take \(host) away"
        case .heal(let host, _, _): "\(settings.doctor.ladder.first?.rawValue ?? "treat") \(host)"
        }
    }

    /// Opens the operations of a wish, all or none; returns what speaks against it, nil when they are open. `command` is
    /// that of the person who asked: it is settled in the same step.
    func grant(
        _ wish: Wish, by: String, _ mode: PolicyMode, _ context: inout GuardContext, _ token: String,
        command: String? = nil
    ) async -> (rail: Guard?, reason: String)? {
        let byPerson = command != nil
        if case .heal = wish {
        } else if let provider = parts.means.provider {
            // Counted now, not from memory: the cloud's own word is what `max` is held against.
            do throws(ProviderFault) {
                let count = try await provider.machines(of: parts.cluster).count { $0.state.isAlive }
                lead?.machines = (count, .now())
                context.fleet = .counted(count)
            } catch {
                context.fleet = .unreadable("\(error)")
            }
            if let (rail, reason) = Guard.objection(to: wish, in: context, byPerson: byPerson) {
                return (rail, reason)
            }
        }
        guard let lease = lead?.lease, lease.token == token else { return (nil, "the lease was lost") }
        let operations = await self.operations(for: wish, by: by, mode, epoch: lease.epoch)
        guard let first = operations.first else { return nil }
        let rails = parts.settings.rails
        let isLaunch = first.kind == .launch
        let budget = isLaunch ? rails.launchesPerHour : rails.rebootsPerHour
        do throws(StoreFault) {
            let refusal = try await journal.open(
                operations, concurrent: isLaunch ? 1 : rails.concurrent, budget: byPerson ? nil : budget,
                byPolicy: !byPerson,
                settling: command.map {
                    .init(command: $0, text: RemediationDesk.begun(operations.map(\.id)))
                },
                token: token)
            if let refusal { return (nil, refusal) }
        } catch {
            // Perhaps only the answer was lost: what stands there is taken up with the next look.
            lead?.lookedAt = nil
            return (.store, "\(error)")
        }
        for operation in operations {
            parts.events.tell(
                mode == .approve ? "operation.waiting" : "operation.started", .notice,
                "\(by): \(operation.kind.rawValue) \(operation.target) because \(operation.reason)\(mode == .approve ? "; it waits for 'troop operations approve \(operation.id)'" : "")",
                ["operation": operation.id, "target": operation.target, "epoch": "\(lease.epoch)"])
            start(operation)
        }
        context.operations = self.operations
        return nil
    }

    private static func begun(_ ids: [String]) -> String {
        answer(
            "operation \(ids.joined(separator: " ")) has begun; 'troop operations show \(ids.first ?? "")' tells how it goes",
            ids)
    }

    /// The operations that a wish comes to, with ids of their own.
    private func operations(
        for wish: Wish, by: String, _ mode: PolicyMode, epoch: Int64
    ) async -> [Operation] {
        var count = 1
        if case .launch(let wanted, _) = wish { count = wanted }
        var operations: [Operation] = []
        while operations.count < count {
            var operation = operation(for: wish, by: by, mode, epoch: epoch)
            guard !operations.contains(where: { $0.id == operation.id }) else { continue }
            if operation.server.isEmpty, operation.kind != .launch {
                // What an earlier remedy has left off the list returns with this one.
                let entries = await parts.roster.entries
                let left = entries.first { $0.host == operation.target && $0.by.hasPrefix("op:") }
                operation.server = left?.address.description ?? ""
            }
            operations.append(operation)
        }
        return operations
    }

    func operation(for wish: Wish, by: String, _ mode: PolicyMode, epoch: Int64) -> Operation {
        let id = RemediationDesk.newID()
        let newcomer = GiftPolicy.namePrefix + id
        var operation: Operation
        let started = WallClock.milliseconds()
        switch wish {
        case .launch(_, let reason):
            operation = Operation(
                id: id, kind: .launch, target: newcomer, epoch: epoch, started: started, reason: reason,
                by: by)
        case .retire(let host, let server, let reason):
            operation = Operation(
                id: id, kind: .terminate, target: host, server: server, epoch: epoch, started: started,
                reason: reason,
                by: by)
        case .heal(let host, let server, let reason):
            let ladder = parts.settings.doctor.ladder
            operation = Operation(
                id: id, kind: (ladder.first ?? .reboot).kind, target: host, server: server ?? "",
                ladder: ladder.isEmpty ? [.reboot] : ladder, epoch: epoch, started: started, reason: reason,
                by: by)
        }
        operation.newcomer = newcomer
        if mode == .approve { operation.state = .waiting }
        operation.note(operation.reason, atMs: started)
        return operation
    }
}
