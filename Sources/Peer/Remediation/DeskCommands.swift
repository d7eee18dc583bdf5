import Election
import FoundationEssentials
import Linux
import Proxy
import Remediation
import Store

/// What people ask of the desk through the command queue.
extension RemediationDesk {
    /// Carries a command out and settles it. Where its effect is in Redis, effect and outcome are one script.
    func carryOut(_ command: LeaderCommand, id: String, queue: CommandQueue, lease: Lease) async {
        await becomeReady(for: lease)
        let outcome: CommandOutcome?
        switch command.kind {
        case .switchover: outcome = .refused("that is not for this desk")
        case .monkeysPause: outcome = await pauseMonkeys(command, id, lease)
        case .monkeysResume:
            outcome = await set(
                RemediationSwitches.monkeysField, "", "the monkeys are at work again", id, lease)
        case .mode: outcome = await setMode(command, id, lease)
        case .hold: outcome = await hold(command, id, lease)
        case .unhold: outcome = await unhold(command, id, lease)
        case .release: outcome = await release(command, id, lease)
        case .gift: outcome = await gift(command, id, lease)
        case .doctor: outcome = await doctor(command, id, lease)
        case .drain, .undrain: outcome = await move(command, id, lease)
        case .approve: outcome = approve(command, id)
        case .cancel: outcome = await cancel(command, id, lease)
        case .forget: outcome = await forget(command, id, lease)
        }
        if let outcome { try? await queue.settle(id, as: outcome, token: lease.token) }
        if outcome == nil || isDone(outcome) {
            parts.events.tell(
                "remedy.command", .notice,
                "\(command.by) asked: \(command.kind.rawValue) \(command.target ?? "")\(command.value.map { " \($0)" } ?? "")\(command.reason.isEmpty ? "" : " (\(command.reason))")",
                ["by": command.by])
        }
        nudge()
    }

    /// Gives a leadership that has just begun the time to read what the one before left: who asks in its first instants
    /// is not to be sent away, or told that nobody is in quarantine.
    private func becomeReady(for lease: Lease) async {
        let deadline = Instant.now().advanced(milliseconds: RemediationDesk.readyMilliseconds)
        while lead?.lease != lease, parts.elector.token(at: .now()) == lease.token, Instant.now() < deadline {
            nudge()
            try? await Task.sleep(for: .milliseconds(RemediationDesk.readyPollMilliseconds))
        }
    }

    /// How long a person's command waits for a new leadership, in milliseconds; pausing is done even then.
    private static let readyMilliseconds: Int64 = 2000
    private static let readyPollMilliseconds = 25

    private func isDone(_ outcome: CommandOutcome?) -> Bool {
        if case .done = outcome { return true }
        return false
    }

    static func answer(_ text: String, _ operations: [String] = []) -> String {
        let bytes = JSONForm.bytes(RemedyDocument(text: text, operations: operations)) ?? []
        return String(decoding: bytes, as: UTF8.self)
    }

    private func mark(_ command: LeaderCommand) -> String {
        let mark = RemediationSwitches.Mark(
            reason: command.reason, by: command.by, since: WallClock.milliseconds())
        guard let data = try? JSONEncoder().encode(mark) else { return command.by }
        return String(decoding: data, as: UTF8.self)
    }

    /// Sets a field of `config`; nil when that has settled the command, too.
    private func set(_ field: String, _ value: String, _ text: String, _ id: String, _ lease: Lease) async
        -> CommandOutcome?
    {
        do {
            _ = try await parts.store.run(
                DeskScripts.configure,
                keys: [parts.keys.lease, parts.keys.config, parts.keys.command(id), parts.keys.news],
                arguments: [
                    lease.token, RemediationDesk.answer(text), "\(LeaderCommand.outcomeMilliseconds)", field,
                    value,
                ])
            // Who says something right after this is answered by it.
            if let reading = try? await read(token: lease.token), lead?.lease == lease {
                lead?.switches = reading.switches
            }
            return nil
        } catch {
            return .refused("\(error)")
        }
    }

    private func setMode(_ command: LeaderCommand, _ id: String, _ lease: Lease) async -> CommandOutcome? {
        guard let monkey = command.target.flatMap({ Monkey(rawValue: $0) }) else {
            return .refused("there are two monkeys: gift and doctor")
        }
        let field = monkey == .gift ? RemediationSwitches.giftModeField : RemediationSwitches.doctorModeField
        if command.value == "default" {
            return await set(
                field, "", "the \(monkey.rawValue) monkey goes by the configuration again", id, lease)
        }
        guard let mode = command.value.flatMap({ PolicyMode(rawValue: $0) }) else {
            return .refused(
                "the mode is one of observe, approve, enforce, and default for the configuration's")
        }
        return await set(
            field, mode.rawValue, "the \(monkey.rawValue) monkey's mode is \(mode.rawValue)", id, lease)
    }

    static let notReady = "this leader is not ready yet; ask again in a second"

    private func pauseMonkeys(_ command: LeaderCommand, _ id: String, _ lease: Lease) async -> CommandOutcome?
    {
        // Who says it again without a word leaves the reason that stands.
        if let reason = lead?.switches.monkeys, command.reason.isEmpty {
            return .done(
                RemediationDesk.answer(
                    "the monkeys were paused already\(reason.isEmpty ? "" : ": \(reason)")"))
        }
        return await set(
            RemediationSwitches.monkeysField, mark(command),
            "the monkeys are paused: what is under way goes on, nothing new begins", id, lease)
    }

    private func unhold(_ command: LeaderCommand, _ id: String, _ lease: Lease) async -> CommandOutcome? {
        guard let host = command.target else { return .refused("no host is named") }
        guard let lead, lead.lease == lease else { return .refused(RemediationDesk.notReady) }
        guard lead.switches.holds[host] != nil else {
            let others = lead.switches.holds.keys.sorted().prefix(10).joined(separator: ", ")
            return .refused(
                "\(host) is not held\(others.isEmpty ? ", nor is any host" : "; held: \(others)")")
        }
        return await set(
            RemediationSwitches.holdPrefix + host, "", "\(host) is not held any more", id, lease)
    }

    private func hold(_ command: LeaderCommand, _ id: String, _ lease: Lease) async -> CommandOutcome? {
        guard let host = command.target else { return .refused("no host is named") }
        let book = await parts.board.book
        guard book.pages[host] != nil else {
            return .refused("there is no host '\(host)'; 'troop status' lists them")
        }
        if let reason = lead?.switches.holds[host], command.reason.isEmpty {
            return .done(
                RemediationDesk.answer("\(host) was held already\(reason.isEmpty ? "" : ": \(reason)")"))
        }
        var text = "\(host) is held: the monkeys leave it alone"
        let found = operations.first { $0.target == host }
        let isMonkeys = found.map { Monkey(rawValue: $0.by) != nil } ?? false
        let ends = isMonkeys && found?.isCommitted == false
        if let found, ends {
            text += "; operation \(found.id) (\(found.kind.rawValue)) on it ends before it begins to treat it"
        } else if let found {
            text +=
                "; but operation \(found.id) (\(found.kind.rawValue)) is at work on it, at step '\(found.step.rawValue)', and comes to its end\(isMonkeys ? " without a further remedy" : ""): 'troop operations show \(found.id)'"
        }
        let refusal = await set(RemediationSwitches.holdPrefix + host, mark(command), text, id, lease)
        // It would end by itself at its next step; a playbook that runs is ended at once.
        if let found, ends, refusal == nil { _ = lead?.runs[found.id]?.core.cancel(by: command.by) }
        return refusal
    }

    private func release(_ command: LeaderCommand, _ id: String, _ lease: Lease) async -> CommandOutcome? {
        guard let host = command.target else { return .refused("no host is named") }
        guard lead?.switches.quarantine[host] != nil else {
            return .refused("\(host) is not in quarantine; 'troop quarantine list' shows who is")
        }
        lead?.past.removeAll { $0.operation.target == host }  // what was, is forgiven
        return await set(
            RemediationSwitches.quarantinePrefix + host, "",
            "\(host) is out of quarantine; its server is still off the list: 'troop undrain \(host)' puts it back",
            id,
            lease)
    }

    // MARK: - Operations

    private func gift(_ command: LeaderCommand, _ id: String, _ lease: Lease) async -> CommandOutcome? {
        guard let count = Int(command.value ?? "1"), RemedyForm.launches.contains(count) else {
            return .refused("--count is 1 to 100")
        }
        return await open(
            .launch(count: count, reason: reason(command, "a person asked for it")), command, id, lease)
    }

    private func doctor(_ command: LeaderCommand, _ id: String, _ lease: Lease) async -> CommandOutcome? {
        guard let host = command.target else { return .refused("no host is named") }
        let book = await parts.board.book
        guard book.pages[host] != nil else {
            return .refused("there is no host '\(host)'; 'troop status' lists them")
        }
        let server = await view(at: .now()).server(of: host)
        return await open(
            .heal(
                host: host, server: server?.state == .active ? server?.address : nil,
                reason: reason(command, "a person asked for it")),
            command, id, lease)
    }

    private func reason(_ command: LeaderCommand, _ otherwise: String) -> String {
        command.reason.isEmpty ? otherwise : command.reason
    }

    /// Opens what a person wants; nil when that has settled the command, too.
    private func open(
        _ wish: Wish, _ command: LeaderCommand, _ id: String, _ lease: Lease
    ) async -> CommandOutcome? {
        guard lead?.lease == lease else {
            return .refused(RemediationDesk.notReady)
        }
        var context = GuardContext()
        context.settings = parts.settings
        context.storeFault = await parts.board.fault
        context.pause = lead?.switches.pause
        context.leader = parts.host
        context.quarantine = lead?.switches.quarantine ?? [:]
        context.operations = operations
        context.panicPercent = parts.panicPercent
        let view = await view(at: .now())
        context.count(view.servers)
        context.boots = RemediationDesk.boots(view.hosts)
        context.fleet = knownFleet
        if let (_, why) = Guard.objection(to: wish, in: context, byPerson: true) { return .refused(why) }
        let refusal = await grant(wish, by: command.by, .enforce, &context, lease.token, command: id)
        return refusal.map { .refused($0.reason) }
    }

    /// The operation that a command is about, and may be changed now; else why not.
    private func changeable(_ command: LeaderCommand) -> (id: String, refusal: String?) {
        let id = command.target ?? ""
        guard let run = lead?.runs[id] else {
            return (id, "no operation '\(id)' is under way; 'troop operations list' shows them")
        }
        if let pause = lead?.switches.pause {
            return (
                id, "the troop is paused (\(pause)), and nothing is changed meanwhile; 'troop resume' first"
            )
        }
        guard run.settlement == nil else {
            return (id, "somebody else has just asked something of operation \(id); see what becomes of it")
        }
        return (id, nil)
    }

    private func approve(_ command: LeaderCommand, _ commandID: String) -> CommandOutcome? {
        let (id, refusal) = changeable(command)
        if let refusal { return .refused(refusal) }
        guard lead?.runs[id]?.core.approve(by: command.by) == true else {
            return .refused("operation \(id) does not wait for approval")
        }
        lead?.runs[id]?.settlement = .init(
            command: commandID, text: RemediationDesk.answer("operation \(id) begins", [id]))
        return nil
    }

    private func cancel(_ command: LeaderCommand, _ commandID: String, _ lease: Lease) async
        -> CommandOutcome?
    {
        if let found = lead?.unreadable.first(where: { $0.id == command.target }) {
            return await setAside(found, commandID, lease)
        }
        let (id, refusal) = changeable(command)
        if let refusal { return .refused(refusal) }
        guard lead?.runs[id]?.core.cancel(by: command.by) == true else {
            return .refused(
                "operation \(id) is past the point where it could be taken back; 'troop operations show \(id)' tells where it is"
            )
        }
        lead?.runs[id]?.settlement = .init(
            command: commandID,
            text: RemediationDesk.answer(
                "operation \(id) is being cancelled; what was begun is taken back", [id]))
        return nil
    }

    /// A person has looked at what cannot be read; nil when that has settled the command, too.
    private func setAside(_ found: UnreadableOperation, _ commandID: String, _ lease: Lease) async
        -> CommandOutcome?
    {
        let text = RemediationDesk.answer(
            "operation \(found.id) could not be read and is set aside", [found.id])
        do throws(StoreFault) {
            let isGone = try await journal.setAside(
                found, settling: .init(command: commandID, text: text), token: lease.token)
            lead?.lookedAt = nil
            guard isGone else { return .refused("something else stands there by now; look again") }
            lead?.unreadable.removeAll { $0.id == found.id }
            return nil
        } catch {
            return .refused("\(error)")
        }
    }
}
