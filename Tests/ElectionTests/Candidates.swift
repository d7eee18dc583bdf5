import Election
import Fixtures
import Linux
import Store
import Synchronization
import Testing

/// Real electors on one real Redis, watched all the time by a thread that looks for two leaders.
final class Candidates: Sendable {
    struct Candidate: Sendable {
        let name: String
        let elector: Elector
        let changes: Record<ElectionChange>
        let subscription: Subscription?
    }

    static let keys = Keys(cluster: "test")

    let all: [Candidate]
    private let overlaps = Record<String>()
    private let isWatched = Atomic(true)
    private let watcher = Mutex<Linux.Thread?>(nil)

    /// Starts one elector a name; with `hints` each has a subscription.
    init(
        _ names: [String], on server: RedisServer, ttl: Int64 = 1000, quarantine: Int64? = nil,
        hints: Bool = false, doors: Bool = false
    ) throws {
        let store = StoreSettings(url: try StoreURL(server.url()))
        let quarantine = quarantine ?? (ttl + ttl / 50 + 1)
        Candidates.introduce(server)
        all = try names.map { name in
            let settings = try ElectionSettings(
                host: name, nonce: "run\(UInt32.random(in: .min ... .max))", ttlMilliseconds: ttl,
                quarantineMilliseconds: quarantine)
            let changes = Record<ElectionChange>()
            let door = doors ? try SocketAddress("127.0.0.1:\(RedisServer.freePort())") : nil
            if let door {
                try server.command("HSET", Candidates.keys.host(name), Elector.doorField, door.description)
            }
            let elector = Elector(
                settings, store: store, keys: Candidates.keys, door: door, highestEpochSeen: 0
            ) {
                changes.add($0)
            }
            guard hints else {
                return Candidate(name: name, elector: elector, changes: changes, subscription: nil)
            }
            let subscription = Subscription(store, channels: [Candidates.keys.lease]) { event in
                switch event {
                case .subscribed, .message: elector.lookAgain()
                case .lost: break
                }
            }
            try subscription.start()
            return Candidate(name: name, elector: elector, changes: changes, subscription: subscription)
        }
        for candidate in all { try candidate.elector.start() }
        let thread = try Linux.Thread.start(named: "watcher") { [all, overlaps, isWatched = Flag(self)] in
            while isWatched.value { Candidates.look(all, overlaps) }
        }
        watcher.withLock { $0 = thread }
    }

    /// Writes the server's run id, if it can be asked, so that the first election needs no quarantine.
    private static func introduce(_ server: RedisServer) {
        guard let info = try? server.command("INFO", "server"),
            let line = info.split(separator: "\r\n").first(where: { $0.hasPrefix("run_id:") })
        else { return }
        _ = try? server.command("SETNX", keys.store, String(line.dropFirst(7)))
    }

    /// Sees the candidates' flag without keeping them alive longer than `stop`.
    private final class Flag: Sendable {
        private let owner: Candidates
        init(_ owner: Candidates) { self.owner = owner }
        var value: Bool { owner.isWatched.load(ordering: .acquiring) }
    }

    /// A leader whose token is the same before and after another's was seen has led at that moment too.
    private static func look(_ all: [Candidate], _ overlaps: Record<String>) {
        for one in all {
            guard let token = one.elector.token(at: .now()) else { continue }
            let others = all.filter { $0.name != one.name && $0.elector.isLeader(at: .now()) }
            if let other = others.first, one.elector.token(at: .now()) == token {
                overlaps.add("\(one.name) and \(other.name)")
            }
        }
        _ = try? Doorbell().wait(milliseconds: 1)
    }

    /// Ends all threads; twice at once two were leaders if `overlaps` is not empty.
    func stop() {
        for candidate in all {
            candidate.subscription?.stop()
            candidate.elector.stop()
        }
        isWatched.store(false, ordering: .releasing)
        watcher.withLock { thread in
            thread?.join()
            thread = nil
        }
        #expect(overlaps.all.isEmpty)
    }

    /// The one that leads now.
    var leader: Candidate? { all.first { $0.elector.isLeader(at: .now()) } }

    /// Waits for a leader other than `not`.
    func leader(not old: String? = nil, within milliseconds: Int64 = 10_000) async throws -> Candidate {
        var found: Candidate?
        _ = await eventually(within: milliseconds) {
            found = leader
            return found != nil && found?.name != old
        }
        return try #require(found?.name == old ? nil : found)
    }
}

extension Candidates.Candidate {
    var lease: Lease? { elector.standing.lease(at: .now()) }

    /// The reasons of all changes, for looking one up.
    var reasons: [String] { changes.all.map(\.reason) }
}
