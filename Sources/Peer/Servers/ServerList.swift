package import Linux

/// The server list as this agent knows it: the last good value of every entry of the Redis hash `servers`.
///
/// A pure core: it is fed readings of the hash and says what changed. Bad input never takes a serving machine
/// away: a malformed value leaves the last good one in force, and a list whose marker `servers:gen` has gone
/// with it (a wiped or new store) leaves the whole list in force until somebody writes it back.
package struct ServerList: Equatable, Sendable {
    /// What the store holds, as read in one go.
    package struct Reading: Equatable, Sendable {
        /// The fields and values of the hash.
        package var fields: [String: String]
        /// The marker `servers:gen`; nil when it is missing.
        package var generation: String?

        /// A reading from its two parts.
        package init(fields: [String: String], generation: String?) {
            self.fields = fields
            self.generation = generation
        }
    }

    /// What a reading meant.
    package enum Outcome: Equatable, Sendable {
        /// Nothing of the list in force changed.
        case unchanged
        /// These addresses came, went or changed.
        case changed(added: [SocketAddress], removed: [SocketAddress], altered: [SocketAddress])
    }

    /// The entries in force, by address.
    package private(set) var entries: [SocketAddress: ServerEntry] = [:]
    /// The marker of the list that `entries` was read from; nil before the first.
    package private(set) var generation: String?
    /// What is wrong with which field of the hash, as last read.
    package private(set) var faults: [String: ServerEntryFault] = [:]
    /// True while the store has lost the list or its marker: the list in force is older than the store's.
    package private(set) var isLost = false
    /// The last reading: most are equal to it, and need no second look.
    private var last: Reading?

    /// An empty list, or the one that was kept on disk.
    package init(entries: [ServerEntry] = [], generation: String? = nil) {
        self.entries = Dictionary(entries.map { ($0.address, $0) }) { _, last in last }
        self.generation = generation
    }

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
        // All entries gone at once is a lost hash (a DEL, say): people remove servers one by one.
        isLost = reading.generation == nil || (reading.fields.isEmpty && entries.count > 1)
        if isLost {
            found.merge(entries) { new, _ in new }
        } else {
            generation = reading.generation
        }
        return replace(with: found)
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
