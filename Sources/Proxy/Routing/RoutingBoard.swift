import Linux
import Synchronization

/// Where the control plane leaves the routing table and workers find it.
///
/// Servers live in numbered slots, so that workers index plain memory. A slot goes to another address only once
/// every worker has seen a table without the old one and none of its requests is in flight.
final class RoutingBoard: Sendable {
    /// The number of servers that a table may hold.
    static let slots = 10_240

    private struct Retired {
        let slot: Int
        let generation: Int
    }

    private struct State {
        var table = RoutingTable(generation: 0, entries: [])
        var slots: [SocketAddress: Int] = [:]
        var retired: [Retired] = []
        var fresh = 0
    }

    /// The generation of the table that is in force; workers compare it once a turn.
    let generation = Atomic<Int>(0)
    private let state = Mutex(State())

    var table: RoutingTable { state.withLock { $0.table } }

    /// Puts a new table in force. Of several servers with one address the first counts; what exceeds `slots` is
    /// left out. `isFree` says whether all workers have seen a generation and left a slot; `clear` empties its
    /// meters.
    func publish(_ servers: [RoutedServer], isFree: (_ slot: Int, _ seen: Int) -> Bool, clear: (Int) -> Void)
    {
        state.withLock { state in
            let next = state.table.generation + 1
            let wanted = Set(servers.map(\.address))
            for (address, slot) in state.slots where !wanted.contains(address) {
                state.slots[address] = nil
                state.retired.append(Retired(slot: slot, generation: next))
            }
            var entries: [RoutingTable.Entry] = []
            var listed: Set<SocketAddress> = []
            for server in servers where listed.insert(server.address).inserted {
                guard let slot = RoutingBoard.slot(for: server.address, &state, isFree, clear) else {
                    continue
                }
                entries.append(RoutingTable.Entry(slot: slot, server: server))
            }
            state.table = RoutingTable(generation: next, entries: entries)
            generation.store(next, ordering: .releasing)
        }
    }

    private static func slot(
        for address: SocketAddress, _ state: inout State, _ isFree: (Int, Int) -> Bool, _ clear: (Int) -> Void
    ) -> Int? {
        if let slot = state.slots[address] { return slot }
        let slot: Int
        if let index = state.retired.firstIndex(where: { isFree($0.slot, $0.generation) }) {
            slot = state.retired.remove(at: index).slot
            clear(slot)
        } else if state.fresh < RoutingBoard.slots {
            slot = state.fresh
            state.fresh += 1
        } else {
            return nil
        }
        state.slots[address] = slot
        return slot
    }
}
