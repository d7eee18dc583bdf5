package import Election
package import Linux
package import Logging
package import Proxy
package import Store

/// What an agent does because it leads: its proxy listens, its health checks run, its numbers are published.
///
/// With `proxy.run: every` the proxy listens from `begin` to `close`, whoever leads. A proxy that took its sockets over
/// from the agent's predecessor serves on until another host is seen to lead, and so does one that has led last.
/// Follows the elector's changes. In limbo the proxy goes on with its last list, and nothing else is written:
/// every write below names the token, which the elector gives out only while the lease surely holds.
package actor LeaderDuties {
    /// Where and when this agent's proxy serves.
    package struct Conduct: Sendable {
        package var host: String
        /// The proxy serves whoever leads.
        package var servesAlways: Bool

        /// A conduct from its parts.
        package init(host: String, servesAlways: Bool) {
            self.host = host
            self.servesAlways = servesAlways
        }
    }

    private let proxy: Proxy
    private let listen: SocketAddress
    private let router: Router
    private let store: Store
    private let keys: Keys
    private let folder: StateFolder
    private let elector: Elector
    private let roster: Roster
    private let conduct: Conduct
    private let log: Logger
    private let publishScript: Script
    private let pruneScript: Script

    private var standing: Standing = .follower(leader: nil)
    /// False until the elector has told where it stands for the first time.
    package private(set) var hasStanding = false
    /// The sockets come from a predecessor, and no other host was seen to lead since.
    private var holdsInherited = false
    /// The checks run, so that a promotion has only to bind the listener.
    private var isWarm = false
    /// The agent stops: nothing is opened any more.
    private var isEnding = false
    /// A successor has the sockets: they are its to open and close.
    private var isSucceeded = false
    private var highestEpoch: Int64
    private var keptEpoch: Int64
    private var prunedAt = Instant(nanoseconds: 0)
    private var publishedAt = Instant(nanoseconds: 0)
    /// True while the proxy listens.
    package private(set) var isServing = false
    /// Why the proxy cannot listen; nil when it does, or need not.
    package private(set) var listenFault: String?
    /// What keeps the election from its course; nil when nothing does.
    package private(set) var trouble: String?

    /// How often the leader publishes its numbers, in milliseconds; a little less than a second, so that a
    /// turn that comes early is not passed over.
    private static let publishMilliseconds: Int64 = 900
    /// How often hosts that are long gone are looked for, in milliseconds.
    private static let pruneMilliseconds: Int64 = 60_000
    /// How long a silent host is shown as lost before it is forgotten, in milliseconds: 24 hours.
    package static let forgetMilliseconds: Int64 = 86_400_000
    private static let epochName = "epoch.json"

    /// Duties of one agent; nothing happens before `follow` and `tick`.
    package init(
        proxy: Proxy, listen: SocketAddress, router: Router, store: Store, keys: Keys, folder: StateFolder,
        elector: Elector, roster: Roster, highestEpoch: Int64, conduct: Conduct, log: Logger
    ) {
        self.conduct = conduct
        self.proxy = proxy
        self.listen = listen
        self.router = router
        self.store = store
        self.keys = keys
        self.folder = folder
        self.elector = elector
        self.roster = roster
        self.highestEpoch = highestEpoch
        keptEpoch = highestEpoch
        self.log = log
        // KEYS: 1 lease 2 traffic; ARGV: 1 token 2 JSON 3 expiry in ms
        publishScript = Script(
            name: "traffic-publish",
            body: Fence.prologue + "\nredis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])\nreturn 1")
        // KEYS: 1 lease 2 hosts; ARGV: 1 token 2 ms of silence. Times far ahead are a clock's mistake: a host that
        // lives puts its own right within a second.
        pruneScript = Script(
            name: "hosts-prune",
            body: Fence.prologue + """

                local time = redis.call('TIME')
                local now = time[1] * 1000 + math.floor(time[2] / 1000)
                local past = string.format('(%.0f', now - tonumber(ARGV[2]))
                local ahead = string.format('(%.0f', now + tonumber(ARGV[2]))
                return redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', past)
                  + redis.call('ZREMRANGEBYSCORE', KEYS[2], ahead, '+inf')
                """)
    }

    /// The highest epoch that an earlier run of this agent saw, from its state folder; 0 for none.
    package static func highestEpoch(in folder: StateFolder, log: Logger) -> Int64 {
        switch folder.read(EpochDocument.self, from: epochName) {
        case .document(let document):
            return (0...Lease.epochMax).contains(document.epoch) ? document.epoch : 0
        case .nothing: return 0
        case .bad(let path):
            log.warning("epoch file makes no sense, put aside", metadata: ["path": "\(path)"])
            return 0
        }
    }

    /// Acts on the elector's changes, one after the other, until the stream ends.
    package func follow(_ changes: AsyncStream<ElectionChange>) async {
        for await change in changes { take(change) }
    }

    /// Listens from now on, where the proxy serves whoever leads.
    package func begin() {
        if conduct.servesAlways { open() }
    }

    /// Serves at once from a predecessor's listening sockets, which become the proxy's.
    package func begin(inheriting sockets: ListenerCopies) {
        open(inheriting: sockets)
        holdsInherited = isServing
    }

    /// Leaves the sockets to a successor: from here on nothing is opened or closed, whoever leads. False, without any
    /// effect, when the proxy does not serve as the successor was told.
    package func succeed(whileServing expected: Bool) -> Bool {
        guard isServing == expected, !isEnding else { return false }
        isSucceeded = true
        return true
    }

    /// Keeps the checks running (or not) while others lead: a warm standby knows its servers when it is promoted.
    package func standBy(warm: Bool) {
        guard warm != isWarm, !isEnding, !isSucceeded else { return }
        isWarm = warm
        guard !isServing else { return }
        if warm { router.startChecks() } else { router.stopChecks() }
    }

    /// The agent is about to stop: from here on only `close` ends the listener, so that a leader serves until its successor
    /// does, and nothing is opened any more.
    package func beginEnding() { isEnding = true }

    /// Stops listening for good; connections that are open live on. Returns true when the proxy was listening.
    package func close() -> Bool {
        isEnding = true
        return shut()
    }

    private func shut() -> Bool {
        guard isServing else { return false }
        proxy.close()
        isServing = false
        return true
    }

    private func take(_ change: ElectionChange) {
        var metadata: Logger.Metadata = ["why": "\(change.reason)", "at_ns": "\(change.at.nanoseconds)"]
        let before = standing
        standing = change.standing
        trouble = change.trouble
        if let epoch = standing.epoch { metadata["epoch"] = "\(epoch)" }
        // A report in the same standing is no change of it: a log of changes must not repeat "leading".
        if before.isSame(as: standing), hasStanding {
            if change.trouble == nil {
                log.notice("election in order", metadata: metadata)
            } else {
                log.warning("election trouble", metadata: metadata)
            }
            return
        }
        hasStanding = true
        switch change.standing {
        case .leader(let lease, _):
            holdsInherited = false
            roster.lookAgain()
            proxy.note(epoch: lease.epoch)
            open()  // first: clients wait for the listener
            keep(epoch: lease.epoch)
            log.notice("leading", metadata: metadata)
        case .limbo:
            log.warning(
                "limbo: the lease cannot be proven; the proxy goes on, everything else waits",
                metadata: metadata)
        case .follower(let leader):
            metadata["leader"] = "\(leader?.host ?? "unknown")"
            if let leader {
                keep(epoch: leader.epoch)
                retire(following: leader)
            }
            forgetListenFault()
            log.notice("following", metadata: metadata)
        case .candidate:
            forgetListenFault()
            log.notice("standing for election", metadata: metadata)
        }
    }

    /// Leaves the serving to a leader that was seen. While nobody is known to lead, be it that the lease has just been handed
    /// over, whoever served last serves on: the next one may be dead, or the store gone.
    private func retire(following leader: Lease) {
        guard !conduct.servesAlways, !isSucceeded, !isEnding else { return }
        // The predecessor's lease is on its way to this agent, or the store does not answer: as in limbo, serve on.
        if holdsInherited, leader.host == conduct.host { return }
        holdsInherited = false
        if shut(), !isWarm { router.stopChecks() }
    }

    /// Who does not lead does not try to listen again.
    private func forgetListenFault() { if !conduct.servesAlways { listenFault = nil } }

    private func open(inheriting sockets: ListenerCopies = ListenerCopies()) {
        guard !isServing, !isEnding, !isSucceeded else { return }
        do {
            try proxy.open(inheriting: sockets)
            isServing = true
            if listenFault != nil { log.notice("the proxy listens now", metadata: ["listen": "\(listen)"]) }
            listenFault = nil
            router.startChecks()
        } catch {
            if listenFault == nil {
                log.error(
                    "the proxy cannot listen; trying again each second",
                    metadata: ["listen": "\(listen)", "why": "\(error)"])
            }
            listenFault = "proxy.listen \(listen): \(error)"
        }
    }

    /// While this agent leads: tries to listen where that failed, and publishes the numbers once an interval.
    package func tick() async {
        let now = Instant.now()
        if keepFault != nil, folder.writer.isIdle { writeEpoch() }
        if conduct.servesAlways { open() }
        guard case .leader(let lease, _) = elector.standing, let token = elector.token(at: now) else {
            return
        }
        if case .leader = standing { open() }
        guard now.milliseconds(since: publishedAt) >= LeaderDuties.publishMilliseconds else { return }
        publishedAt = now
        guard let json = router.traffic(epoch: lease.epoch).json else { return }
        _ = try? await store.run(
            publishScript, keys: [keys.lease, keys.traffic],
            arguments: [
                token, String(decoding: json, as: UTF8.self), String(Traffic.expiryMilliseconds),
            ])
        await prune(token: token, at: now)
    }

    /// Forgets hosts that have been silent for so long that nobody waits for them.
    private func prune(token: String, at now: Instant) async {
        guard now.milliseconds(since: prunedAt) >= LeaderDuties.pruneMilliseconds else { return }
        prunedAt = now
        let reply = try? await store.run(
            pruneScript, keys: [keys.lease, keys.hosts],
            arguments: [token, String(LeaderDuties.forgetMilliseconds)])
        if let count = reply?.integer, count > 0 {
            log.notice(
                "forgot hosts that have not reported for a day", metadata: ["hosts": "\(count)"])
        }
    }

    private struct EpochDocument: Codable, Sendable {
        var epoch: Int64
    }

    private func keep(epoch: Int64) {
        highestEpoch = max(highestEpoch, epoch)
        guard highestEpoch > keptEpoch else { return }
        keptEpoch = highestEpoch
        writeEpoch()
    }

    private func writeEpoch() {
        let document = EpochDocument(epoch: highestEpoch)
        folder.writer.write(
            LeaderDuties.epochName,
            onChange: { [log] fault in
                guard let fault else { return log.notice("the epoch is kept on disk again") }
                log.error(
                    "could not keep the epoch on disk; trying again each second",
                    metadata: ["why": "\(fault)"])
            },
            { [folder] () throws(SystemFault) in try folder.write(document, as: LeaderDuties.epochName) })
    }

    /// Why the highest epoch is not on disk; nil when it is.
    package var keepFault: String? {
        folder.writer.fault(of: LeaderDuties.epochName).map {
            "state folder: \($0); the highest epoch is not kept on disk"
        }
    }
}
