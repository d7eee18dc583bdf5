package import Linux
package import Proxy
import Synchronization

/// Sees what changes in the troop and tells it as events: on the leader, so that each thing is told once.
///
/// It looks on everywhere, so that a new leader tells only what changed after its predecessor's last word.
package final class TroopWatch: Sendable {
    private let events: EventLog
    private let leads: @Sendable () -> Bool
    private let state = Mutex(Seen())

    private struct Seen {
        var servers: [SocketAddress: ServerEntry]?
        var hosts: HostChanges = HostChanges()
        var problems: Set<String> = []
        /// What was said of removals that the list does not show yet.
        var words: [SocketAddress: (word: RemovalWord, heardAt: Instant)] = [:]

        /// The fresh words on servers that were on the list and are not any more; each is told once.
        mutating func takeWords(
            of list: [SocketAddress: ServerEntry], at now: Instant
        ) -> [SocketAddress: RemovalWord] {
            var taken: [SocketAddress: RemovalWord] = [:]
            for (address, said) in words where list[address] == nil && servers?[address] != nil {
                words[address] = nil
                if now.milliseconds(since: said.heardAt) < TroopWatch.wordMilliseconds {
                    taken[address] = said.word
                }
            }
            return taken
        }
    }

    /// Changes that are told one by one at a time; more are told as a number.
    private static let toldMax = 10

    /// So long after it was said a word may be told with a removal, in milliseconds.
    private static let wordMilliseconds: Int64 = 5000
    /// Words that are remembered at a time.
    private static let wordsMax = 64

    /// A watch that tells while `leads` is true.
    package init(events: EventLog, leads: @escaping @Sendable () -> Bool) {
        self.events = events
        self.leads = leads
    }

    /// Takes in the server list that is in force.
    package func see(servers: [ServerEntry]) {
        let now = Dictionary(servers.map { ($0.address, $0) }) { first, _ in first }
        let (before, words) = state.withLock { state in
            let before = state.servers
            let words = state.takeWords(of: now, at: .now())
            state.servers = now
            return (before, words)
        }
        guard let before, leads() else { return }
        var changes: [(kind: String, text: String, details: [String: String])] = []
        for entry in servers {
            guard let change = ServerChange.text(of: entry, before: before[entry.address]) else { continue }
            changes.append((change.kind, change.text, ["server": entry.address.description, "by": entry.by]))
        }
        for address in before.keys.sorted(by: { "\($0)" < "\($1)" }) where now[address] == nil {
            let change = ServerChange.removal(of: address, words[address])
            changes.append(("server.removed", change.text, change.details))
        }
        for change in changes.prefix(TroopWatch.toldMax) {
            events.tell(change.kind, .notice, change.text, change.details)
        }
        if changes.count > TroopWatch.toldMax {
            let rest = changes.count - TroopWatch.toldMax
            events.tell("server.changed", .notice, "\(rest) more servers changed on the list at once")
        }
    }

    /// Takes in a hint of Redis's: a word on a removal is told with it, once the list shows it.
    package func hear(_ hint: String, at now: Instant) {
        if let word = RemovalWord(hint: hint) { hear(word, at: now) }
    }

    /// Takes in a word on a removal. The agent that removes its own entry says it here as well: its next reading of
    /// the list may be faster than Redis's hint.
    package func hear(_ word: RemovalWord, at now: Instant) {
        guard let address = try? SocketAddress(word.server) else { return }
        state.withLock { state in
            state.words = state.words.filter {
                now.milliseconds(since: $0.value.heardAt) < TroopWatch.wordMilliseconds
            }
            if state.words.count < TroopWatch.wordsMax { state.words[address] = (word, now) }
        }
    }

    /// Takes in a change of a server's health.
    package func see(_ change: HealthChange) {
        guard leads() else { return }
        let server = ["server": change.address.description]
        if change.healthy {
            events.tell("server.healthy", .notice, "server \(change.address) is healthy", server)
        } else {
            events.tell(
                "server.unhealthy", .warning, "server \(change.address) is unhealthy: \(change.reason)",
                server)
        }
    }

    /// Takes in the hosts' reports.
    package func see(_ book: HostBook, at now: Instant) {
        let leads = leads()
        let changes = state.withLock { $0.hosts.look(at: book, now: now) }
        guard leads else { return }
        for change in changes.prefix(TroopWatch.toldMax) {
            let host = ["target": change.host]
            switch change.kind {
            case .joined:
                events.tell("host.joined", .notice, "host \(change.host) reports for the first time", host)
            case .lost(let age):
                events.tell(
                    "host.lost", .warning, "host \(change.host) has been silent for \(age / 1000) s", host)
            case .back: events.tell("host.back", .notice, "host \(change.host) reports again", host)
            case .forgotten: events.tell("host.forgotten", .info, "host \(change.host) is forgotten", host)
            }
        }
        if changes.count > TroopWatch.toldMax {
            events.tell(
                "host.changed", .notice,
                "\(changes.count - TroopWatch.toldMax) more hosts came or went at once")
        }
    }

    /// Takes in what somebody should mend, and tells what is new.
    package func see(problems: [String]) {
        let fresh = state.withLock { state in
            defer { state.problems = Set(problems) }
            return problems.filter { !state.problems.contains($0) }
        }
        guard leads() else { return }
        for problem in fresh.prefix(TroopWatch.toldMax) { events.tell("config.problem", .warning, problem) }
    }
}

/// What happened to an entry of the server list, in words.
enum ServerChange {
    /// A removal, with what was said of it.
    static func removal(
        of address: SocketAddress, _ word: RemovalWord?
    ) -> (text: String, details: [String: String]) {
        let text = "server \(address) was taken off the list"
        guard let word else { return (text, ["server": address.description]) }
        let by = word.by.isEmpty ? "" : " by \(word.by)"
        let why = word.reason.isEmpty ? "" : ": \(word.reason)"
        let details = ["server": address.description, "by": word.by, "reason": word.reason]
        return (text + by + why, details.filter { !$0.value.isEmpty })
    }

    /// The change from an earlier entry (nil: none) to this one; nil when nothing that people care about changed.
    static func text(of entry: ServerEntry, before: ServerEntry?) -> (kind: String, text: String)? {
        let by = entry.by.isEmpty ? "" : " by \(entry.by)"
        let why = entry.reason.isEmpty ? "" : ": \(entry.reason)"
        guard let before else {
            let state = entry.state == .active ? "" : " as \(entry.state.rawValue)"
            return ("server.added", "server \(entry.address) was put on the list\(state)\(by)\(why)")
        }
        if entry.state != before.state {
            return (
                "server.state",
                "server \(entry.address) went from \(before.state.rawValue) to \(entry.state.rawValue)\(by)\(why)"
            )
        }
        if entry.weight != before.weight {
            return (
                "server.weight",
                "server \(entry.address) has weight \(entry.weight), before \(before.weight)\(by)\(why)"
            )
        }
        return nil
    }
}

/// Which hosts came, fell silent and came back between two looks at their reports.
struct HostChanges: Sendable {
    struct Change: Equatable, Sendable {
        enum Kind: Equatable, Sendable {
            case joined, back, forgotten
            case lost(ageMilliseconds: Int64)
        }
        var host: String
        var kind: Kind
    }

    /// True for hosts that were lost at the last look; nil before the first.
    private var wasLost: [String: Bool]?

    /// The changes since the last look, in the order of names; none at the first.
    mutating func look(at book: HostBook, now: Instant) -> [Change] {
        var isLost: [String: Bool] = [:]
        var changes: [Change] = []
        for (name, page) in book.pages {
            let age = max(0, now.milliseconds(since: page.movedAt))
            let interval = page.report?.intervalMilliseconds ?? 1000
            let lost = HostBook.liveness(ageMilliseconds: age, intervalMilliseconds: interval) == .lost
            isLost[name] = lost
            guard let wasLost else { continue }
            switch (wasLost[name], lost) {
            case (nil, false): changes.append(Change(host: name, kind: .joined))
            case (false?, true): changes.append(Change(host: name, kind: .lost(ageMilliseconds: age)))
            case (true?, false): changes.append(Change(host: name, kind: .back))
            case (nil, true), (true?, true), (false?, false): break
            }
        }
        for name in (wasLost ?? [:]).keys where isLost[name] == nil {
            changes.append(Change(host: name, kind: .forgotten))
        }
        wasLost = isLost
        return changes.sorted { $0.host < $1.host }
    }
}
