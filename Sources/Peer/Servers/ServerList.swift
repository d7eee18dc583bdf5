package import Linux

/// The server list as this agent knows it: the last good value of every entry of the Redis hash `servers`.
///
/// A pure core: it is fed readings of the hash and says what changed. Bad input never takes a serving machine
/// away: a malformed value leaves the last good one in force, and a list that the store has lost, or has only in an
/// older state, leaves the whole list in force until the leader writes it back (`restoration`).
package struct ServerList: Equatable, Sendable {
    /// What the store holds, as read in one go.
    package struct Reading: Equatable, Sendable {
        /// The fields and values of the hash.
        package var fields: [String: String]
        /// The marker `servers:gen`; nil when it is missing.
        package var generation: String?
        /// The run id of the Redis that was read; nil where it is not known.
        package var runID: String?

        /// A reading from its parts.
        package init(fields: [String: String], generation: String?, runID: String? = nil) {
            self.fields = fields
            self.generation = generation
            self.runID = runID
        }
    }

    /// Why the store's list is not to be trusted.
    package enum Loss: Equatable, Sendable {
        /// The marker is gone: the store is new, or was wiped.
        case wiped
        /// All entries went at once: people remove servers one by one.
        case emptied
        /// The marker was set under another run of Redis: it was restarted or replaced since, perhaps with older data.
        case rewound
    }

    /// One step that makes the store's list this one again.
    package enum Restoration: Equatable, Sendable {
        /// Put the entry there unless one stands.
        case add(ServerEntry)
        /// Put the entry there, whatever stands under this field.
        case replace(field: String, ServerEntry)
        /// Take out an entry that had been removed, if it still has this value.
        case remove(field: String, value: String)
    }

    /// What a reading meant.
    package enum Outcome: Equatable, Sendable {
        /// Nothing of the list in force changed.
        case unchanged
        /// These addresses came, went or changed.
        case changed(added: [SocketAddress], removed: [SocketAddress], altered: [SocketAddress])
    }

    /// What of a list outlives its agent.
    package struct Content: Equatable, Sendable {
        var entries: [SocketAddress: ServerEntry] = [:]
        var generation: String?
        /// What was removed, with its last value.
        var removed: [SocketAddress: ServerEntry] = [:]

        /// The content of an empty list.
        package init() {}

        init(
            entries: [SocketAddress: ServerEntry], generation: String?, removed: [SocketAddress: ServerEntry]
        ) {
            self.entries = entries
            self.generation = generation
            self.removed = removed
        }
    }

    /// The entries in force, by address.
    package private(set) var entries: [SocketAddress: ServerEntry] = [:]
    /// The marker of the list that `entries` was read from; nil before the first.
    package private(set) var generation: String?
    /// What is wrong with which field of the hash, as last read.
    package private(set) var faults: [String: ServerEntryFault] = [:]
    /// Why the list in force is not the store's; nil while it is.
    package private(set) var loss: Loss?
    /// The last reading: most are equal to it, and need no second look.
    private var last: Reading?
    /// True once the store's list was read whole in this run: from then on this list is not older than the store's.
    private var isCurrent = false
    /// What was removed, with its last value: an older store must not bring it back.
    private var removed: [SocketAddress: ServerEntry] = [:]

    /// Removals remembered; beyond that none is.
    private static let removedMax = 1024

    /// An empty list, or one with these entries.
    package init(entries: [ServerEntry] = [], generation: String? = nil) {
        self.entries = Dictionary(entries.map { ($0.address, $0) }) { _, last in last }
        self.generation = generation
    }

    /// The list that was kept on disk.
    package init(_ content: Content) {
        (entries, generation, removed) = (content.entries, content.generation, content.removed)
    }

    /// What is to be kept on disk.
    package var content: Content { Content(entries: entries, generation: generation, removed: removed) }

    /// Takes in a reading of the store.
    package mutating func take(_ reading: Reading) -> Outcome {
        if reading == last { return .unchanged }
        last = reading
        var found: [SocketAddress: ServerEntry] = [:]
        faults = [:]
        var named: Set<SocketAddress> = []
        // In order, so that of two odd spellings of one address always the same one counts.
        for (field, value) in reading.fields.sorted(by: { $0.key < $1.key }) {
            if let address = try? ServerEntry.address(field) { named.insert(address) }
            do throws(ServerEntryFault) {
                let entry = try ServerEntry(field: field, value: value)
                let canonical = entry.address.description
                guard field == canonical || (reading.fields[canonical] == nil && found[entry.address] == nil)
                else {
                    throw ServerEntryFault.address(
                        "it is another spelling of \(canonical), which is there, too")
                }
                found[entry.address] = entry
            } catch {
                faults[field] = error
            }
        }
        // An address whose value is bad is still on the list: its last good value stays in force.
        for address in named where found[address] == nil { found[address] = entries[address] }
        loss = ServerList.loss(reading, hadSeveral: entries.count > 1)
        switch loss {
        case nil:
            generation = reading.generation
            noteRemovals(found)
            isCurrent = true
        case .wiped, .emptied:
            found = found.filter { !isBeforeRemoval($0.value) }  // a copy from before anybody led
            // An agent that came up with the store does not know what a person said of its server before.
            found.merge(entries) { new, known in
                new.isOnlyRegistered || new.isOlder(than: known) ? known : new
            }
        case .rewound where isCurrent:
            found = found.filter { !isBeforeRemoval($0.value) && removed[$0.key] != $0.value }
            found.merge(entries) { _, known in known }
        case .rewound: found.merge(entries) { new, _ in new }
        }
        return replace(with: found)
    }

    /// True while the list in force is not the store's.
    package var isLost: Bool { loss != nil }

    /// What the leader is to write so that the store holds this list again; empty where it does, or is not lost.
    package var restoration: [Restoration] {
        guard isLost, let last else { return [] }
        var fields: [SocketAddress: String] = [:]
        for field in last.fields.keys.sorted() {
            if let address = try? SocketAddress(field) { fields[address] = field }
        }
        var steps: [Restoration] = []
        for entry in sorted {
            guard let field = fields[entry.address] else {
                steps.append(.add(entry))
                continue
            }
            let stored = last.fields[field].flatMap { try? ServerEntry(field: field, value: $0) }
            // In a wiped store a good value stands that did not count, or one that makes no sense, which is left to people.
            if stored != entry, loss == .rewound ? isCurrent : stored != nil {
                steps.append(.replace(field: field, entry))
            }
        }
        for (address, field) in fields.sorted(by: { $0.value < $1.value }) where entries[address] == nil {
            if let value = last.fields[field], removed[address] != nil {
                steps.append(.remove(field: field, value: value))
            }
        }
        return steps
    }

    /// The same as arguments of `ServerScripts.restore`, for the leader with this token.
    package func restoreArguments(token: String) -> [String] {
        var arguments = [token, replacedMarker, ServerList.marker(token: token, runID: last?.runID)]
        for step in restoration {
            switch step {
            case .add(let entry): arguments += ["add", entry.address.description, entry.value]
            case .replace(let field, let entry): arguments += ["replace", field, entry.value]
            case .remove(let field, let value): arguments += ["remove", field, value]
            }
        }
        guard loss != .rewound, let last else { return arguments }
        // What the store has is named, too: should these words come late, to a store that was wiped once more, they still
        // make a whole list.
        for entry in sorted where last.fields[entry.address.description] != nil {
            arguments += ["add", entry.address.description, entry.value]
        }
        return arguments
    }

    /// The marker for a list that this leader has written back: it names the run of Redis that holds it.
    package static func marker(token: String, runID: String?) -> String {
        runID.map { "\(token) \($0)" } ?? token
    }

    /// The marker last read as a leader names it to say what it replaces: `*` for one that no leader wrote.
    package var replacedMarker: String {
        guard let marker = last?.generation else { return "" }
        let isOurs = marker.utf8.count <= 256 && marker.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        return isOurs ? marker : "*"
    }

    private static func loss(_ reading: Reading, hadSeveral: Bool) -> Loss? {
        if let loss = loss(generation: reading.generation, runID: reading.runID) { return loss }
        return reading.fields.isEmpty && hadSeveral ? .emptied : nil
    }

    /// What the marker says of the store's list, in the run of Redis that holds it.
    static func loss(generation: String?, runID: String?) -> Loss? {
        guard let generation else { return .wiped }
        let words = generation.split(separator: " ", omittingEmptySubsequences: false)
        if let runID, words.count != 2 || words[1] != runID { return .rewound }
        return nil
    }

    /// True for an entry that was written no later than the one that was removed, and so before the removal.
    private func isBeforeRemoval(_ entry: ServerEntry) -> Bool {
        guard let last = removed[entry.address] else { return false }
        return entry.isOlder(than: last) || entry.since != nil && entry.since == last.since
    }

    private mutating func noteRemovals(_ found: [SocketAddress: ServerEntry]) {
        for address in found.keys { removed[address] = nil }
        for (address, entry) in entries where found[address] == nil {
            if removed.count < ServerList.removedMax { removed[address] = entry }
        }
    }

    /// The entries in the order of their addresses' text.
    package var sorted: [ServerEntry] {
        entries.values.sorted { $0.address.description < $1.address.description }
    }

    private mutating func replace(with found: [SocketAddress: ServerEntry]) -> Outcome {
        guard found != entries else { return .unchanged }
        let added = found.keys.filter { entries[$0] == nil }
        let removed = entries.keys.filter { found[$0] == nil }
        let altered = found.keys.filter { key in
            guard let before = entries[key] else { return false }
            return before != found[key]
        }
        entries = found
        return .changed(added: ordered(added), removed: ordered(removed), altered: ordered(altered))
    }

    private func ordered(_ addresses: [SocketAddress]) -> [SocketAddress] {
        addresses.sorted { $0.description < $1.description }
    }
}
