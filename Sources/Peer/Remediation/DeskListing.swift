import Election
import Linux
import Proxy
import Remediation
import Store

/// What people ask of the desk about the lists: of servers, and of hosts.
extension RemediationDesk {
    /// Drains a server, or takes it back; nil when that has settled the command, too.
    func move(_ command: LeaderCommand, _ id: String, _ lease: Lease) async -> CommandOutcome? {
        let entries = await parts.roster.entries
        let wanted = command.target ?? ""
        let named = entries.filter { $0.address.description == wanted || $0.host == wanted }
        guard let entry = named.first, named.count == 1 else {
            return .refused(
                named.isEmpty
                    ? "there is no server '\(wanted)', nor a host of that name with one; 'troop servers' lists them"
                    : "\(named.count) servers run on \(wanted); name one by its address")
        }
        let server = entry.address.description
        let isDrain = command.kind == .drain
        if let found = operations.first(where: { $0.server == server || $0.target == entry.host }) {
            return .refused("operation \(found.id) (\(found.kind.rawValue)) has \(server) in its hands")
        }
        if isDrain, entry.state == .active,
            !entries.contains(where: { $0.state == .active && $0.address != entry.address })
        {
            return .refused(
                "\(server) is the only active server; 'troop servers add \(server) --state draining' does it all the same"
            )
        }
        let state: ServerState = isDrain ? .draining : .active
        // Who says it again without a word leaves the reason that stands.
        if isDrain, entry.state == state, command.reason.isEmpty {
            return .done(RemediationDesk.answer("\(server) was \(state.rawValue) already"))
        }
        let text =
            entry.state == state
            ? "\(server) was \(state.rawValue) already"
            : isDrain
                ? "\(server) gets no new requests; those in flight are finished"
                : "\(server) gets requests again"
        do {
            let reply = try await parts.store.run(
                DeskScripts.move,
                keys: [parts.keys.lease, parts.keys.servers, parts.keys.command(id), parts.keys.news],
                arguments: [
                    lease.token, server, state.rawValue, command.reason,
                    isDrain || entry.host.isEmpty ? command.by : ServerEntry.agent,
                    "\(WallClock.milliseconds())", RemediationDesk.answer(text),
                    "\(LeaderCommand.outcomeMilliseconds)",
                ])
            return reply.integer == 1 ? nil : .refused("\(server) is off the list")
        } catch {
            return .refused("\(error)")
        }
    }

    /// Takes a host that is gone for good out of the troop; nil when that has settled the command, too.
    func forget(_ command: LeaderCommand, _ id: String, _ lease: Lease) async -> CommandOutcome? {
        guard lead?.lease == lease else {
            return .refused(RemediationDesk.notReady)
        }
        guard let host = command.target, Lease.isHost(host), let page = await parts.board.book.pages[host]
        else {
            return .refused("there is no host '\(command.target ?? "")'; 'troop status' lists them")
        }
        let servers = await parts.roster.entries.filter { $0.host == host }.map(\.address)
        let unbroken = await parts.board.unbrokenSince
        if let why = RemediationDesk.objection(
            toForgetting: host, page, servers, readSince: unbroken, at: .now())
        {
            return .refused(why)
        }
        let keys = parts.keys
        do {
            let reply = try await parts.store.run(
                DeskScripts.forget,
                keys: [
                    keys.lease, keys.hosts, keys.host(host), keys.orders(host), keys.config, keys.operations,
                    keys.command(id), keys.news,
                ],
                arguments: [
                    lease.token, host, page.seq, keys.operation(""),
                    RemediationDesk.answer("\(host) is forgotten"),
                    "\(LeaderCommand.outcomeMilliseconds)",
                ])
            if let why = reply.text { return .refused(why) }
        } catch {
            return .refused("\(error)")
        }
        // What was is no judgement on another machine of this name.
        lead?.past.removeAll { $0.operation.target == host && $0.operation.remedy != nil }
        return nil
    }

    /// What speaks against a host's being gone; nil for nothing. `readSince` is since when Redis has been read without a
    /// fault: a silence that began with one of Redis says nothing.
    static func objection(
        toForgetting host: String, _ page: HostBook.Page, _ servers: [SocketAddress], readSince: Instant?,
        at now: Instant
    ) -> String? {
        let interval = page.report?.intervalMilliseconds ?? TroopScale.reportMillisecondsMin
        let age = max(0, now.milliseconds(since: page.movedAt))
        guard HostBook.liveness(ageMilliseconds: age, intervalMilliseconds: interval) == .lost else {
            return
                "\(host) reported \(age / 1000) s ago; stop its agent first ('systemctl stop troop' there), which takes it out by itself; a dead one can be forgotten once it is lost, after \(span(interval * 10)) of silence"
        }
        guard let readSince else {
            return "Redis is out of reach, and \(host) may report as soon as it is back"
        }
        let read = max(0, now.milliseconds(since: readSince))
        guard HostBook.liveness(ageMilliseconds: read, intervalMilliseconds: interval) == .lost else {
            return
                "this leader has read the reports for \(read / 1000) s only, since its agent began or Redis came back, and \(host) may report again; ask again in \(span(interval * 10))"
        }
        guard let server = servers.first else { return nil }
        return
            "its server \(server) is still on the list; if it is gone, too: 'troop servers remove \(server)', then ask again"
    }
}
