import Election
import Linux
import Peer
import Store

/// The server list after all that happened: what everybody knew is still there, what was removed stays away.
extension World {
    /// How long after the election the lists are one again: the leader's and a standby's look, the writing in between, and
    /// half a second.
    static let listMilliseconds: Int64 = 5000

    /// The store went back to what it was at a time; agents that were up all the while know better.
    mutating func noteOldData(_ copy: RedisModel, from time: Int64) {
        guard time < ledger.list.settledAt else { return }
        tally.oldLists += 1
        ledger.list.isBehind = true
        // Made between a loss and the list's restoration: what stands there counts as what people have added since.
        if (try? copy.get(World.keys.serversGeneration)) == .some(nil) {
            for field in (try? copy.fields(World.keys.servers))?.keys.sorted() ?? [] {
                guard let address = try? ServerEntry.address(field) else { continue }
                ledger.list.touched.insert(address)
            }
        }
        if ledger.list.hasForgetful { forgiveLists() }
    }

    /// An agent starts with the list on its disk, which may be older than the store's.
    mutating func noteForgetful() {
        ledger.list.hasForgetful = true
        if ledger.list.isBehind { forgiveLists() }
    }

    /// The store is behind, and who leads next may not know: the store's word counts, as documented.
    private mutating func forgiveLists() {
        guard !ledger.list.settled.isEmpty else { return }
        tally.forgivenLists += 1
        ledger.list.settled.removeAll()
    }

    /// I8: left in peace, all agents and the store have one list, with each application that nobody removed, and with
    /// everything as it was that no person has changed since.
    mutating func judgeLists() {
        guard let fields = try? nodes[master].redis.fields(World.keys.servers) else {
            return violate(8, "the server list is no list")
        }
        var stored: [SocketAddress: ServerEntry] = [:]
        for (field, value) in fields {
            guard let entry = try? ServerEntry(field: field, value: value) else {
                return violate(8, "the entry \(field) makes no sense")
            }
            stored[entry.address] = entry
        }
        for agent in agents where agent.isUp {
            if agent.roster.list.entries != stored {
                return violate(
                    8,
                    "\(agent.host) has \(World.text(agent.roster.list.entries)), the store \(World.text(stored))"
                )
            }
            if stored[agent.roster.address] == nil, !agent.roster.isRemoved {
                return violate(8, "the application of \(agent.host) runs, but is on no list")
            }
        }
        for (address, entry) in ledger.list.settled.sorted(by: { $0.key.description < $1.key.description })
        where !ledger.list.touched.contains(address) && !World.isSame(stored[address], entry) {
            // What nobody remembered after a loss may come back with an older copy: it is what people had said.
            if let stored = stored[address], stored == ledger.list.said[address] { continue }
            return violate(
                8,
                "\(address) was \(entry?.value ?? "absent"), is \(stored[address]?.value ?? "absent"), and nobody touched it"
            )
        }
        settle(stored)
    }

    /// A registration that was made anew is the same: only its time is another.
    private static func isSame(_ one: ServerEntry?, _ other: ServerEntry?) -> Bool {
        guard var one, let other, one.isOnlyRegistered, other.isOnlyRegistered else { return one == other }
        one.since = other.since
        return one == other
    }

    private mutating func settle(_ stored: [SocketAddress: ServerEntry]) {
        tally.settledLists += 1
        let addresses = Set(stored.keys).union(ledger.list.settled.keys).union(ledger.list.touched)
        let said = ledger.list.said
        ledger.list = ListLedger()
        ledger.list.said = said
        for address in addresses { ledger.list.settled.updateValue(stored[address], forKey: address) }
        ledger.list.settledAt = now
    }

    private static func text(_ entries: [SocketAddress: ServerEntry]) -> String {
        entries.values.map { "\($0.address) \($0.state) \($0.by)" }.sorted().joined(separator: ", ")
    }
}
