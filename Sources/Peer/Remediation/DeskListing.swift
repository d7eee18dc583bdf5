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
        if let found = operations.first(where: { $0.server == server }) {
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

    /// Takes a host that is gone for good out of everything; nil when that has settled the command, too.
    func forget(_ command: LeaderCommand, _ id: String, _ lease: Lease) async -> CommandOutcome? {
        guard let host = command.target, Lease.isHost(host) else { return .refused("no host is named") }
        let now = Instant.now()
        let page = await parts.board.book.pages[host]
        let servers = await parts.roster.entries.filter { $0.host == host }.map(\.address)
        guard page != nil || !servers.isEmpty else {
            return .refused("there is no host '\(host)'; 'troop status' lists them")
        }
        if let why = livingSign(of: host, page, servers, at: now) { return .refused(why) }
        let keys = parts.keys
        let text =
            servers.isEmpty
            ? "\(host) is forgotten"
            : "\(host) is forgotten, and off the list: \(servers.map(\.description).joined(separator: " "))"
        do {
            let reply = try await parts.store.run(
                DeskScripts.forget,
                keys: [
                    keys.lease, keys.hosts, keys.host(host), keys.orders(host), keys.config, keys.servers,
                    keys.command(id), keys.news,
                ],
                arguments: [
                    lease.token, host, page?.seq ?? "", RemediationDesk.answer(text),
                    "\(LeaderCommand.outcomeMilliseconds)",
                ] + servers.map(\.description))
            return reply.integer == 1 ? nil : .refused("\(host) has just reported: it is alive")
        } catch {
            return .refused("\(error)")
        }
    }

    /// What speaks against a host's being gone; nil for nothing.
    private func livingSign(
        of host: String, _ page: HostBook.Page?, _ servers: [SocketAddress], at now: Instant
    ) -> String? {
        if let page, let report = page.report {
            let age = max(0, now.milliseconds(since: page.movedAt))
            let liveness = HostBook.liveness(
                ageMilliseconds: age, intervalMilliseconds: report.intervalMilliseconds)
            guard liveness == .lost else {
                return
                    "\(host) reported \(age / 1000) s ago; stop its agent first ('systemctl stop troop' there), which takes it out by itself"
            }
        }
        if let found = operations.first(where: { $0.target == host }) {
            return "operation \(found.id) (\(found.kind.rawValue)) is under way on \(host)"
        }
        let health = parts.router.health
        if let serving = servers.first(where: { health[$0] == .healthy }) {
            return
                "its server \(serving) passes its health checks and may serve; 'troop drain \(serving)' and 'troop servers remove \(serving)' first"
        }
        return nil
    }
}
