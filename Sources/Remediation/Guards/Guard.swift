/// One reason to hold a policy back. Each is asked of each wish, in this order; the first that objects is told.
package enum Guard: String, Sendable, CaseIterable, Codable {
    case pause, monkeysPause, store, grace, reports, operationOnHost, hold, quarantine, leader, storm, window
    case cooldown, concurrent, budget, twoServers, storeHost, minHealthy, panic, provider, max

    /// Whether it also holds a person's command back: people may overrule what is only caution.
    package var bindsPeople: Bool {
        switch self {
        case .pause, .store, .operationOnHost, .quarantine, .leader, .concurrent, .twoServers, .minHealthy,
            .panic, .provider, .max:
            true
        case .monkeysPause, .grace, .reports, .hold, .storm, .window, .cooldown, .budget, .storeHost: false
        }
    }

    /// Why the wish is held back; nil when this guard has nothing against it.
    package func objection(to wish: Wish, in context: GuardContext) -> String? {
        switch self {
        case .pause: context.pause.map { "the troop is paused\($0.isEmpty ? "" : ": \($0)")" }
        case .monkeysPause:
            context.monkeysPause.map { "the monkeys are paused\($0.isEmpty ? "" : ": \($0)")" }
        case .store: context.storeFault.map { "Redis is unwell: \($0)" }
        case .grace:
            context.ledMilliseconds < context.settings.rails.graceMilliseconds
                ? "this leader was elected \(span(context.ledMilliseconds)) ago and watches for \(span(context.settings.rails.graceMilliseconds))"
                : nil
        case .reports: reports(context)
        case .operationOnHost: operation(wish, context)
        case .hold:
            wish.host.flatMap { host in
                context.holds[host].map { "\(host) is held by a person\($0.isEmpty ? "" : ": \($0)")" }
            }
        case .quarantine:
            wish.host.flatMap { host in
                context.quarantine[host].map {
                    "\(host) is in quarantine: \($0); 'troop quarantine release \(host)'"
                }
            }
        case .leader:
            wish.host == context.leader
                ? "\(context.leader) leads, and no leader treats itself: 'troop switchover' first" : nil
        case .storm:
            switch wish {
            case .heal: context.storm
            case .launch, .retire: nil
            }
        case .window: window(wish, context)
        case .cooldown: cooldown(wish, context)
        case .concurrent: concurrent(wish, context)
        case .budget: budget(wish, context)
        case .twoServers: twoServers(wish, context)
        case .storeHost: storeHost(wish, context)
        case .minHealthy: minHealthy(wish, context)
        case .panic: panic(wish, context)
        case .provider: provider(wish, context)
        case .max: max(wish, context)
        }
    }

    /// The first objection of all guards, or of those that bind people.
    package static func objection(
        to wish: Wish, in context: GuardContext, byPerson: Bool = false
    ) -> (guard: Guard, reason: String)? {
        for rail in allCases where !byPerson || rail.bindsPeople {
            if let reason = rail.objection(to: wish, in: context) { return (rail, reason) }
        }
        return nil
    }

    private static let hourText = "in an hour"

    private func reports(_ context: GuardContext) -> String? {
        let (hosts, fresh) = (context.reports.hosts, context.reports.fresh)
        let needed = Swift.max(1, hosts * context.settings.rails.freshPercent / 100)
        return fresh < needed
            ? "only \(fresh) of \(hosts) hosts report in time; \(needed) must, or the reports cannot be trusted (hosts that are gone for good: 'troop forget HOST')"
            : nil
    }

    private func operation(_ wish: Wish, _ context: GuardContext) -> String? {
        guard let host = wish.host else { return nil }
        guard let found = context.operations.first(where: { $0.target == host }) else { return nil }
        return "operation \(found.id) (\(found.kind.rawValue)) is under way on \(host)"
    }

    private func window(_ wish: Wish, _ context: GuardContext) -> String? {
        let windows = context.settings.rails.windows
        switch wish {
        case .launch: return nil
        case .heal, .retire:
            if windows.isEmpty || windows.contains(where: { $0.isOpen(atMs: context.wallMs) }) { return nil }
            let list = windows.map(\.description).joined(separator: ", ")
            return "no maintenance window is open (\(list), UTC)"
        }
    }

    /// After failed launches the pause grows, up to half an hour: a cloud that cannot must not be asked each minute.
    private func cooldown(_ wish: Wish, _ context: GuardContext) -> String? {
        let settings = context.settings
        switch wish {
        case .launch, .retire:
            guard let last = context.lastScaling else { return nil }
            let longest: Int64 = 1_800_000
            var pause = settings.gift.cooldownMilliseconds
            for _ in 0..<Swift.min(10, last.failures) {
                pause = Swift.min(Swift.max(longest, settings.gift.cooldownMilliseconds), pause * 2)
            }
            guard last.agoMilliseconds < pause else { return nil }
            let why =
                last.failures > 0
                ? "\(last.failures) launches or retirements in a row have failed, the last" : last.what
            return
                "cooldown: \(why) \(span(last.agoMilliseconds)) ago; \(span(pause - last.agoMilliseconds)) left"
        case .heal(let host, _, _):
            guard let ago = context.lastRemedy[host], ago < settings.doctor.cooldownMilliseconds else {
                return nil
            }
            return
                "cooldown: \(host) was treated, or its treatment was cancelled, \(span(ago)) ago; \(span(settings.doctor.cooldownMilliseconds - ago)) left"
        }
    }

    private func concurrent(_ wish: Wish, _ context: GuardContext) -> String? {
        let running = context.operations.filter { $0.kind.takesServerOut == wish.takesServerOutOfService }
        let limit = wish.takesServerOutOfService ? context.settings.rails.concurrent : 1
        guard running.count >= limit, let first = running.first else { return nil }
        return
            "\(running.count == 1 ? "operation \(first.id) is" : "\(running.count) operations are") under way; \(limit) at a time"
    }

    private func budget(_ wish: Wish, _ context: GuardContext) -> String? {
        let rails = context.settings.rails
        switch wish {
        case .launch(let count, _):
            guard context.launchesLastHour + count > rails.launchesPerHour else { return nil }
            return
                "\(context.launchesLastHour) launches \(Guard.hourText); the budget is \(rails.launchesPerHour)"
        case .heal, .retire:
            guard context.rebootsLastHour >= rails.rebootsPerHour else { return nil }
            return
                "\(context.rebootsLastHour) remedies \(Guard.hourText); the budget is \(rails.rebootsPerHour)"
        }
    }

    private func minHealthy(_ wish: Wish, _ context: GuardContext) -> String? {
        guard wish.takesServerOut else { return nil }
        // What remedies have left out counts as missing: else each failure would make room for the next.
        let wanted = context.activeServers + context.treatedServers
        let floor = Swift.max(1, wanted * context.settings.rails.minHealthyPercent / 100)
        let left = healthyLeft(wish, context)
        guard left < floor else { return nil }
        return "\(left) healthy servers would be left of \(wanted); at least \(floor) must stay"
    }

    /// The healthy servers without the one that the wish takes out; a sick one was none of them.
    private func healthyLeft(_ wish: Wish, _ context: GuardContext) -> Int {
        let isSick = wish.server.map { context.sickServers.contains($0) } ?? false
        return Swift.max(0, context.healthyServers - (isSick ? 0 : 1))
    }

    /// Only one server is drained for a remedy: a second one on the same machine would be cut off in the middle of requests.
    private func twoServers(_ wish: Wish, _ context: GuardContext) -> String? {
        // A leader that only hands over treats no host.
        guard let host = wish.host, !host.isEmpty else { return nil }
        let place = wish.server.flatMap(Guard.place)
        let boot = context.boots[host]
        let here = context.list.filter { server in
            guard server.state == .active, server.address != wish.server else { return false }
            if server.host == host { return true }
            guard let place, Guard.place(server.address) == place else { return false }
            // Behind one address there may be several machines.
            guard let boot, let other = context.boots[server.host] else { return true }
            return boot == other
        }
        guard let other = here.first else { return nil }
        return
            "\(other.address) is active on \(host), too, and only \(wish.server ?? "none") would be drained; drain it first, or remove it if it is stale ('troop servers remove \(other.address)')"
    }

    /// The address without its port, where it tells machines apart; nil on a loopback, which is every machine's.
    private static func place(_ address: String) -> Substring? {
        guard let colon = address.lastIndex(of: ":") else { return nil }
        let place = address[..<colon]
        return place.hasPrefix("127.") || place == "[::1]" ? nil : place
    }

    private func storeHost(_ wish: Wish, _ context: GuardContext) -> String? {
        guard case .heal(let host, let server, _) = wish else { return nil }
        // A server that is off the list for now is on its host all the same.
        let servers = [server].compactMap(\.self) + context.list.filter { $0.host == host }.map(\.address)
        guard
            servers.contains(where: {
                Guard.place($0).map { context.storeHosts.contains(String($0)) } ?? false
            })
        else { return nil }
        return
            "Redis runs on \(host): while it reboots nobody leads; move Redis away first (with Sentinel, fail over), then 'troop doctor \(host)'"
    }

    private func panic(_ wish: Wish, _ context: GuardContext) -> String? {
        guard wish.takesServerOut, context.activeServers > 1 else { return nil }
        let left = healthyLeft(wish, context) * 100
        guard left < context.panicPercent * (context.activeServers - 1) else { return nil }
        return
            "fewer than \(context.panicPercent) % of the servers would be healthy: the proxy would send requests to all of them, sick ones included"
    }

    private func provider(_ wish: Wish, _ context: GuardContext) -> String? {
        switch (wish, context.fleet) {
        case (.launch, .noProvider), (.retire, .noProvider):
            "no provider is configured (remediation.provider): nothing can be launched or terminated"
        case (.launch, .unreadable(let why)), (.retire, .unreadable(let why)):
            "the provider cannot be read, so the machines cannot be counted: \(why)"
        case (.heal, _), (.launch, .counted), (.retire, .counted): nil
        }
    }

    /// Why no machine may take another's place: there are more than may be already, so that somebody must have been left.
    package static func objectionToReplacing(in context: GuardContext) -> String? {
        guard case .counted(let machines) = context.fleet else { return nil }
        let there = servers(machines, context)
        guard there > context.settings.gift.max else { return nil }
        return
            "there are \(there) servers already (\(machines) machines at the provider), and gift.max is \(context.settings.gift.max)"
    }

    /// All servers that there are, or are about to be: launches under way may not be in the provider's count yet.
    private static func servers(_ machines: Int, _ context: GuardContext) -> Int {
        Swift.max(machines, context.launchedServers) + context.servers - context.launchedServers
    }

    private func max(_ wish: Wish, _ context: GuardContext) -> String? {
        guard case .launch(let count, _) = wish else { return nil }
        guard case .counted(let machines) = context.fleet else { return nil }
        let there = Guard.servers(machines, context)
        guard there + count > context.settings.gift.max else { return nil }
        return
            "\(there) servers (\(machines) machines at the provider) and \(count) more would be over gift.max, \(context.settings.gift.max)"
    }
}

extension Wish {
    /// Whether it is one of the remedies that are counted as taking servers out of service.
    package var takesServerOutOfService: Bool {
        switch self {
        case .launch: false
        case .heal, .retire: true
        }
    }
}
