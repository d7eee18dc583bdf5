package import Linux
package import Logging
package import Store

/// Keeps the server list: reads it from the store, keeps the last good one on disk, registers this host's own
/// application, and, on the leader, writes the list back into a store that lost it.
package actor Roster {
    let store: Store
    let place: Place
    let pace: TroopPace
    private let token: @Sendable () -> String?
    private let onChange: @Sendable ([ServerEntry]) -> Void
    private let onWithdrawal: @Sendable (RemovalWord) -> Void
    private let log: Logger
    private let restoreScript: Script
    private let wake: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation

    var list: ServerList
    var registration: Registration
    /// This host's own entry as an agent that reads no others saw it last.
    var ownEntry: ServerEntry?
    /// True while such an agent sees that the store's list is lost.
    var ownIsLost = false
    private var file: ServerListFile
    private var fault: String?
    /// False while Redis does not tell its run id: then an older list after a restart goes unnoticed.
    var mayIdentify = true
    /// Readings begun, and the last of them whose answer was taken: an older one must not be taken after a newer.
    private var lookNumber = 0
    private var takenNumber = 0
    /// When the whole list was read, or that was tried.
    private var lookedAt = Instant(nanoseconds: 0)
    /// The faults of the last reading: each is logged once, when it appears.
    private var faultsSeen: [String: ServerEntryFault] = [:]

    /// The store, the registration and the file are left to a successor: the list is only read.
    private var isRetired = false

    /// How often the leader reads the list when nobody hinted at a change, in milliseconds: edits by hand take
    /// effect within a second.
    private static let leaderPollMilliseconds: Int64 = 500
    /// The same for everybody else, who routes nothing: often enough for the copy on disk.
    private static let standbyPollMilliseconds: Int64 = 2000
    /// The most servers of a list that is read as one command.
    private static let shortList = 100
    /// A reading younger than this is not repeated for somebody who asks, in milliseconds.
    private static let freshMilliseconds: Int64 = 200

    /// A roster that starts with the list kept on disk; `token` is the leader's token while this agent leads,
    /// `onChange` hears each new list in force (and the one from disk, at once), `onWithdrawal` that the own entry is about
    /// to be removed, before any list can show it.
    package init(
        store: Store, place: Place, pace: TroopPace, folder: StateFolder, fence: String,
        token: @escaping @Sendable () -> String?, onChange: @escaping @Sendable ([ServerEntry]) -> Void,
        onWithdrawal: @escaping @Sendable (RemovalWord) -> Void, log: Logger
    ) {
        self.store = store
        self.place = place
        self.pace = pace
        self.token = token
        self.onChange = onChange
        self.onWithdrawal = onWithdrawal
        self.log = log
        restoreScript = ServerScripts.restore(fence: fence)
        (wake, waker) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        file = ServerListFile(in: folder, log: log)
        list = file.list()
        registration = file.registration()
        onChange(list.sorted)
    }

    /// Reads the list again and again until the task is cancelled.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [waker, routes, pace] in
                while !Task.isCancelled {
                    waker.yield()
                    let pause =
                        routes()
                        ? Roster.leaderPollMilliseconds
                        : max(Roster.standbyPollMilliseconds, pace.scale.reportMilliseconds)
                    try? await Task.sleep(for: .milliseconds(pause))
                }
                waker.finish()
            }
            for await _ in wake {
                if needsWholeList { await look() } else { await lookAtOwn() }
            }
            group.cancelAll()
        }
    }

    /// Whether this agent routes requests now.
    private nonisolated var routes: @Sendable () -> Bool {
        { [token, place] in place.alwaysRoutes || token() != nil }
    }

    /// In a large troop who neither routes nor leads next reads the whole list now and then only.
    private var needsWholeList: Bool {
        if !pace.isFar || routes() || isRetired { return true }
        let due = pace.scale.listMilliseconds(servers: list.entries.count)
        return Instant.now().milliseconds(since: lookedAt) >= due
    }

    /// From here on the list is only read, so that connections that are left hear of servers that drain.
    package func retire() { isRetired = true }

    /// The list is to be read at once, whoever hinted at nothing.
    package nonisolated func lookAgain() { waker.yield() }

    /// A hint that the list may have changed: nothing to who knows only its own entry, and sees to that in time.
    package nonisolated func hear() { if !pace.isFar || routes() { waker.yield() } }

    /// What is wrong with the list, one line each, for status.
    package var notices: [String] {
        var notices = malformedEntries
        if let fault {
            notices.insert("\(Status.listNotice)\(fault); the last good list stays in force", at: 0)
        }
        if let fault = file.fault {
            notices.append(
                "state folder: \(fault); without it a restart of this agent while Redis is gone has no server list"
            )
        }
        if !mayIdentify {
            notices.append(
                "Redis does not tell its run id: allow this user the command INFO (ACL: +info), so that data that went back in time is noticed"
            )
        }
        return notices
    }

    /// The entries in force, ordered by address.
    package var entries: [ServerEntry] { list.sorted }

    /// Servers whose entries in the store make no sense, so far as their addresses do.
    package var malformedAddresses: [SocketAddress] { list.faults.keys.compactMap { try? SocketAddress($0) } }

    /// True when a person removed this host's own entry.
    package var isRemoved: Bool { registration.state == .removed }

    /// The health check of this host's own application passed.
    package func applicationIsUp() async { await act(on: registration.applicationIsUp()) }

    /// Nobody listens at the own application's address any more.
    package func applicationIsGone() async { await act(on: registration.applicationIsGone()) }

    /// Reads the list, whenever that was last done: for who has just written to it.
    package func reread() async { await look() }

    /// Reads the list for somebody who asks, unless that was done just now.
    package func refresh() async {
        if Instant.now().milliseconds(since: lookedAt) >= Roster.freshMilliseconds { await look() }
    }

    func look() async {
        lookedAt = .now()
        lookNumber += 1
        let number = lookNumber
        (ownEntry, ownIsLost) = (nil, false)
        let reading: ServerList.Reading
        do {
            let questions = [
                Question("HGETALL", place.keys.servers), Question("GET", place.keys.serversGeneration),
            ]
            let (replies, runID) =
                list.entries.count <= Roster.shortList
                ? try await store.identifiedAsk(questions)
                : try await store.identifiedPipeline(questions.map(\.command))
            guard number > takenNumber else { return }  // a later reading was faster
            takenNumber = number
            mayIdentify = runID != nil
            guard let read = Roster.reading(replies, runID: runID) else {
                note(
                    fault:
                        "the key \(place.keys.servers) is no hash, or \(place.keys.serversGeneration) no string"
                )
                return
            }
            reading = read
        } catch {
            return  // the store's own state is reported by its client; the list in force stays
        }
        note(fault: nil)
        let outcome = list.take(reading)
        report(faults: list.faults)
        switch outcome {
        case .unchanged: break
        case .changed(let added, let removed, let altered):
            onChange(list.sorted)
            let names = { (addresses: [SocketAddress]) in addresses.map(\.description).joined(separator: " ")
            }
            log.info(
                "server list changed",
                metadata: [
                    "servers": "\(list.entries.count)", "added": "\(names(added))",
                    "removed": "\(names(removed))", "altered": "\(names(altered))",
                ])
        }
        if isRetired { return }
        if let own = place.own {
            let contains = reading.fields.keys.contains { (try? SocketAddress($0)) == own.address }
            let wasRemoved = isRemoved
            await act(
                on: registration.listWasRead(
                    containsEntry: contains, generation: list.isLost ? nil : reading.generation))
            if isRemoved && !wasRemoved {
                log.warning(
                    "own entry was removed by a person; it stays out until 'troop servers add' or a restart of the application",
                    metadata: ["server": "\(own.address)"])
            }
        }
        if list.isLost, let token = token() { await restore(token: token) }
        file.save(list, isRemoved: isRemoved, at: .now())
    }

    func act(on action: Registration.Action) async {
        guard let own = place.own, !isRetired else { return }
        switch action {
        case .none: return
        case .register:
            // After a loss the last known entry returns as it was: a server that was out stays out.
            let known = list.isLost || ownIsLost ? ownEntry ?? list.entries[own.address] : nil
            let entry =
                known
                ?? ServerEntry(
                    address: own.address, host: place.host, weight: own.weight, by: ServerEntry.agent,
                    since: WallClock.milliseconds())
            let keys = [place.keys.servers, place.keys.serversGeneration, place.keys.news]
            guard
                let reply = try? await store.run(
                    ServerScripts.register, keys: keys, arguments: [own.address.description, entry.value]),
                let parts = reply.elements, parts.count == 2
            else { return }  // tried again when the list is next read
            let generation = parts[1].text.flatMap { $0.isEmpty ? nil : $0 }
            registration.registered(generation: generation)
            log.info(
                parts[0].integer == 1
                    ? "registered the application" : "the application is on the list already",
                metadata: ["server": "\(own.address)"])
            lookAgain()
        case .withdraw:
            let word = RemovalWord(
                server: own.address.description, by: ServerEntry.agent,
                reason: "the application does not answer")
            onWithdrawal(word)
            let reply = try? await store.run(
                ServerScripts.withdraw, keys: [place.keys.servers, place.keys.news],
                arguments: [own.address.description, place.host, word.hint])
            if reply?.integer == 1 {
                log.info(
                    "took the application off the list: it is gone", metadata: ["server": "\(own.address)"])
            }
            lookAgain()
        }
    }

    private func restore(token: String) async {
        let keys = [place.keys.lease, place.keys.servers, place.keys.serversGeneration, place.keys.news]
        guard
            let reply = try? await store.run(
                restoreScript, keys: keys, arguments: list.restoreArguments(token: token)),
            let parts = reply.elements, parts.count == 2, parts[0].integer == 1
        else { return }  // tried again at the next reading
        if let changed = parts[1].integer, changed > 0 {
            log.notice(
                "the store had lost the server list, or held an older one: wrote the last good one back",
                metadata: ["changed": "\(changed)", "servers": "\(list.entries.count)"])
        }
        lookAgain()
    }

    private func note(fault: String?) {
        if let fault, fault != self.fault {
            log.error("server list unreadable", metadata: ["why": "\(fault)"])
        }
        self.fault = fault
    }

    private func report(faults: [String: ServerEntryFault]) {
        for (field, fault) in faults where faultsSeen[field] != fault {
            log.error(
                "malformed entry in the server list",
                metadata: [
                    "key": "\(place.keys.servers)", "field": "\(Roster.printable(field))",
                    "why": "\(Roster.printable("\(fault)", 300))",
                ])
        }
        faultsSeen = faults
    }
}
