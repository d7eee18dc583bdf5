package import Election
package import Linux
package import Store

/// What this agent last read of the troop: the lease, the hosts' reports, the leader's traffic numbers.
///
/// Read again on demand, at most every `freshMilliseconds`; when the store does not answer, the last reading
/// stays, with its age, and nobody is called leader on its word.
package actor StatusBoard {
    /// What the store said of the lease.
    package enum Holder: Equatable, Sendable {
        case nobody
        case lease(Lease, ageMilliseconds: Int64?)
        /// The key holds something that is no token.
        case malformed(String)
    }

    private let store: Store
    private let keys: Keys
    private let leaseMilliseconds: Int64
    private var refreshing: Task<Void, Never>?
    /// How long the last reading is not repeated, in milliseconds.
    private var fresh = StatusBoard.freshMilliseconds

    /// Who held the lease at the last reading.
    package private(set) var holder: Holder = .nobody
    /// The hosts' reports.
    package private(set) var book = HostBook()
    /// When each host of the book had reported when its hash was read, by Redis's clock.
    private var reportedAt: [String: Double] = [:]
    /// When hosts were first seen that came after the first reading, while that is not long ago.
    private var newcomers: [String: Instant] = [:]
    private let beganAt = Instant.now()
    /// The leader's numbers; nil when nobody publishes any.
    package private(set) var traffic: Traffic?
    /// When the store was last read in full; nil before.
    package private(set) var readAt: Instant?
    /// Since when every try has succeeded; nil while the last one failed, and before the first.
    package private(set) var unbrokenSince: Instant?
    /// Why the last try failed; nil when it did not.
    package private(set) var fault: String?
    /// Keys that were found in a shape in which no agent writes them, one line each.
    package private(set) var notices: [String] = []

    /// A reading younger than this is not repeated, in milliseconds.
    private static let freshMilliseconds: Int64 = 200
    /// One that took long is good for so many times its own duration, so that a large troop's status costs its readers
    /// less than it costs the hosts to report.
    private static let freshFactor: Int64 = 5
    /// But for no longer than hosts take between two reports, in milliseconds.
    private static let freshMillisecondsMax: Int64 = 1000
    /// The most hosts that are read as one command, during which Redis does nothing else.
    static let smallTroop = 50
    /// Hosts read in one pipeline.
    private static let batch = 500
    /// Hosts are remembered as newcomers for so long, in milliseconds.
    private static let newcomerMilliseconds: Int64 = 60_000
    /// Strange keys that are named; the others look alike.
    private static let noticesMax = 10

    /// A board for one troop.
    package init(store: Store, keys: Keys, leaseMilliseconds: Int64) {
        self.store = store
        self.keys = keys
        self.leaseMilliseconds = leaseMilliseconds
    }

    /// The host that held the lease when it was last read.
    package var leader: String? {
        guard case .lease(let lease, _) = holder else { return nil }
        return lease.host
    }

    /// The age of the lease when it was last read, and when that was.
    package var leaseAge: (ageMilliseconds: Int64?, readAt: Instant?) {
        guard case .lease(_, let age) = holder else { return (nil, readAt) }
        return (age, readAt)
    }

    /// Hosts that came less than so many milliseconds ago; all of them, in a board as young as that.
    package func newcomers(within milliseconds: Int64, at now: Instant) -> Set<String> {
        if now.milliseconds(since: beganAt) < milliseconds { return Set(book.pages.keys) }
        return Set(newcomers.filter { now.milliseconds(since: $0.value) < milliseconds }.keys)
    }

    /// How many hosts the troop has, without reading them; nil when the store does not tell.
    package func size() async -> Int? {
        (try? await store.call(Command("ZCARD", keys.hosts)))?.integer.map { Int(clamping: $0) }
    }

    /// Reads the store unless that was done just now; several callers share one reading.
    package func refresh() async {
        if let refreshing { return await refreshing.value }
        if let readAt, fault == nil,
            Instant.now().milliseconds(since: readAt) < fresh
        {
            return
        }
        let task = Task { await read() }
        refreshing = task
        await task.value
        refreshing = nil
    }

    private func read() async {
        let start = Instant.now()
        do {
            try await readAll()
            fault = nil
            let now = Instant.now()
            readAt = now
            unbrokenSince = unbrokenSince ?? now
            let worth = StatusBoard.freshFactor * now.milliseconds(since: start)
            fresh = max(StatusBoard.freshMilliseconds, min(worth, StatusBoard.freshMillisecondsMax))
        } catch {
            fault = "\(error)"
            unbrokenSince = nil
        }
    }

    private func readAll() async throws(StoreFault) {
        let questions = [
            Question("TIME"), Question("GET", keys.lease), Question("PTTL", keys.lease),
            Question("GET", keys.traffic), Question("ZRANGE", keys.hosts, "0", "-1", "WITHSCORES"),
        ]
        let replies = try await ask(questions, together: reportedAt.count <= StatusBoard.smallTroop)
        guard replies.count == 5 else { throw .malformed("5 commands got \(replies.count) replies") }
        if case .error(let error) = replies[0] { throw .rejected(error) }
        holder = readHolder(token: replies[1], pttl: replies[2])
        traffic = replies[3].bytes.flatMap { try? Traffic(json: $0) }
        var notices: [String] = []
        if traffic == nil, replies[3] != .null {
            notices.append(strange(keys.traffic, replies[3], expected: "a JSON text of the leader's"))
        }
        if replies[4].elements == nil {
            notices.append(strange(keys.hosts, replies[4], expected: "a sorted set"))
        }
        var names = names(replies[4], now: replies[0].storeMilliseconds ?? 0)
        try await readReports(of: &names, into: &notices)
        self.notices = notices
    }

    /// One member of the hosts' set.
    private struct Member {
        var line: HostBook.Line
        /// When the host reported, by Redis's clock: what moves whenever its hash does.
        var at: Double
    }

    private func names(_ reply: Reply, now: Int64) -> [Member] {
        let pairs = reply.pairs ?? []
        var members: [Member] = []
        members.reserveCapacity(pairs.count)
        for (member, score) in pairs {
            // Foreign members cannot be hosts: a host's name has one form only.
            guard let name = member.text, Lease.isHost(name) else { continue }
            let score = score.text.flatMap { Double($0) } ?? 0
            let at = score.isFinite && abs(score) < 1e15 ? score : 0
            let line = HostBook.Line(name: name, fields: nil, ageByStore: max(0, now - Int64(at)))
            members.append(Member(line: line, at: at))
        }
        return members
    }

    /// Reads the hashes of the hosts that have reported since the last reading, of those that should have, and of those
    /// never read: of ten thousand hosts most have not, when several readers look within a second.
    private func readReports(
        of members: inout [Member], into notices: inout [String]
    ) async throws(StoreFault) {
        let due = members.indices.filter { index in
            let member = members[index]
            guard reportedAt[member.line.name] == member.at,
                let report = book.pages[member.line.name]?.report
            else { return true }
            return member.line.ageByStore > 2 * Int64(report.intervalMilliseconds)
        }
        for start in stride(from: 0, to: due.count, by: StatusBoard.batch) {
            let slice = due[start..<min(start + StatusBoard.batch, due.count)]
            let reports = try await ask(
                slice.map { Question("HGETALL", keys.host(members[$0].line.name)) },
                together: slice.count <= StatusBoard.smallTroop)
            for (index, reply) in zip(slice, reports) {
                if reply.elements == nil, notices.count < StatusBoard.noticesMax {
                    notices.append(
                        strange(keys.host(members[index].line.name), reply, expected: "a hash"))
                }
                members[index].line.fields = reply.fields
            }
        }
        let now = Instant.now()
        noteNewcomers(members, at: now)
        book.take(members.map(\.line), at: now)
        reportedAt = Dictionary(members.map { ($0.line.name, $0.at) }) { _, last in last }
    }

    /// At the first reading nobody is new.
    private func noteNewcomers(_ members: [Member], at now: Instant) {
        newcomers = newcomers.filter {
            now.milliseconds(since: $0.value) < StatusBoard.newcomerMilliseconds
        }
        guard readAt != nil else { return }
        for member in members where reportedAt[member.line.name] == nil {
            newcomers[member.line.name] = now
        }
    }

    private func ask(
        _ questions: [Question], together: Bool
    ) async throws(StoreFault) -> [Reply] {
        together
            ? try await store.ask(questions) : try await store.pipeline(questions.map(\.command))
    }

    private func strange(_ key: String, _ reply: Reply, expected: String) -> String {
        switch reply {
        case .error(let error) where error.kind == .configuration:
            "the key \(key) cannot be read: \(error); widen the rights of this agent's Redis user"
        case .status, .integer, .bulk, .array, .null, .error:
            "the key \(key) is not \(expected); remove it with DEL, the agents write it anew"
        }
    }

    private func readHolder(token: Reply, pttl: Reply) -> Holder {
        switch token {
        case .null: return .nobody
        case .bulk, .status:
            guard let text = token.text, let lease = Lease(token: text) else {
                return .malformed(
                    "the key \(keys.lease) holds no lease token; remove it with DEL if no other tool owns it")
            }
            guard let left = pttl.integer, left >= 0 else {
                // -2: it ended between the two commands.
                if pttl.integer == -2 { return .nobody }
                return .malformed(
                    "the key \(keys.lease) holds '\(lease)' without an expiry, so no agent wrote it; remove it with DEL"
                )
            }
            // A lease may be longer than ours while a new configuration is rolled out: then its age is not known.
            return .lease(lease, ageMilliseconds: left <= leaseMilliseconds ? leaseMilliseconds - left : nil)
        case .error, .integer, .array:
            return .malformed(
                "the key \(keys.lease) is no string; remove it with DEL if no other tool owns it")
        }
    }
}
