import Linux
import Synchronization

/// Where the control plane leaves the routing table and workers find it.
///
/// Servers live in numbered slots, so that workers index plain memory. A slot goes to another address only once
/// every worker has seen a table without the old one and none of its requests is in flight. Every step takes time
/// in proportion to the list, whatever has changed.
final class RoutingBoard: Sendable {
    /// The number of servers that a table may hold.
    static let slots = 10_240

    private struct Retired {
        let slot: Int
        let generation: Int
    }

    private struct State {
        var entries: [RoutingTable.Entry] = []
        var slots: [SocketAddress: Int] = [:]
        /// The generation that last listed a slot.
        var listed = [Int](repeating: 0, count: RoutingBoard.slots)
        var standings: [Standing] = []
        /// Servers that found no slot; they get theirs as soon as some are free.
        var leftOut: [RoutedServer] = []
        var retired: [Retired] = []
        var free: [Int] = []
        var incarnation: UInt32 = 0
        var generation = 0
        /// When the proxy began to serve, in nanoseconds; 0 while it does not.
        var servingSince: Int64 = 0
        /// Something was noted that the table in force does not show.
        var isStale = false
    }

    /// The generation of the table that is in force; workers compare it once a turn.
    let generation = Atomic<Int>(0)
    /// What slots' servers are called; read by workers for the slots of a table they have.
    nonisolated(unsafe) let places: UnsafeMutablePointer<ServerPlace>
    let signals = SlotSignals()
    private let shape: RoutingTable.Shape
    private let settings: BalancingSettings
    private let slowStart: Int64
    // Apart from the state, so that a worker never waits while a table is being made.
    private let current: Mutex<RoutingTable>
    private let state = Mutex(State())

    init(_ settings: BalancingSettings) {
        self.settings = settings
        slowStart = settings.slowStartMilliseconds * 1_000_000
        shape = RoutingTable.Shape(
            balance: settings.balance, stickiness: settings.stickiness, panicPercent: settings.panicPercent)
        places = ZeroedMemory.allocate(RoutingBoard.slots)
        current = Mutex(RoutingTable(shape: shape))
    }

    deinit { places.deallocate() }

    var table: RoutingTable { current.withLock { $0 } }

    /// Puts a new list in force. Of several servers with one address the first counts; what exceeds `slots` waits
    /// for room. `isFree` says whether all workers have seen a generation and left a slot; `clear` empties its
    /// meters.
    func publish(
        _ servers: [RoutedServer], at now: Int64, isFree: (_ slot: Int, _ seen: Int) -> Bool,
        clear: (Int) -> Void
    ) {
        state.withLock { state in
            let next = state.generation + 1
            var entries: [RoutingTable.Entry] = []
            entries.reserveCapacity(servers.count)
            state.leftOut = []
            state.slots.reserveCapacity(servers.count)
            state.standings.reserveCapacity(min(servers.count, RoutingBoard.slots))
            var hasSwept = false
            for server in servers {
                var slot = state.slots[server.address] ?? -1
                if slot < 0, !hasSwept {
                    RoutingBoard.sweep(&state, isFree)
                    hasSwept = true
                }
                if slot < 0 { slot = allot(server.address, &state, clear) }
                guard slot >= 0 else {
                    state.leftOut.append(server)
                    continue
                }
                guard state.listed[slot] != next else { continue }
                state.listed[slot] = next
                entries.append(enter(server, slot, &state, now))
            }
            for old in state.entries where state.listed[old.slot] != next {
                state.slots[old.server.address] = nil
                state.retired.append(Retired(slot: old.slot, generation: next))
            }
            state.entries = entries
            enforce(&state, at: now)
        }
    }

    /// Makes the table show what was noted since the last one; false when that is nothing. Servers that were left
    /// out are looked at again.
    func refresh(at now: Int64, isFree: (_ slot: Int, _ seen: Int) -> Bool, clear: (Int) -> Void) -> Bool {
        state.withLock { state in
            if !state.leftOut.isEmpty { admitLeftOut(&state, at: now, isFree, clear) }
            guard state.isStale else { return false }
            enforce(&state, at: now)
            return true
        }
    }

    private func admitLeftOut(
        _ state: inout State, at now: Int64, _ isFree: (Int, Int) -> Bool, _ clear: (Int) -> Void
    ) {
        RoutingBoard.sweep(&state, isFree)
        var left: [RoutedServer] = []
        for server in state.leftOut where state.slots[server.address] == nil {
            let slot = allot(server.address, &state, clear)
            guard slot >= 0 else {
                left.append(server)
                continue
            }
            state.listed[slot] = state.generation
            state.entries.append(enter(server, slot, &state, now))
            state.isStale = true
        }
        state.leftOut = left
    }

    private func enter(_ server: RoutedServer, _ slot: Int, _ state: inout State, _ now: Int64)
        -> RoutingTable.Entry
    {
        if let rank = server.rank { _ = state.standings[slot].note(rank) }
        if server.state == .active {
            state.standings[slot].drainingSince = 0
        } else if state.standings[slot].drainingSince == 0 {
            state.standings[slot].drainingSince = now
        }
        return RoutingTable.Entry(slot: slot, server: server, incarnation: places[slot].incarnation)
    }

    /// Finds the retired slots that nobody uses any more.
    private static func sweep(_ state: inout State, _ isFree: (Int, Int) -> Bool) {
        var kept: [Retired] = []
        for retired in state.retired {
            if isFree(retired.slot, retired.generation) {
                state.free.append(retired.slot)
            } else {
                kept.append(retired)
            }
        }
        state.retired = kept
    }

    /// A slot for a new address, or −1.
    private func allot(_ address: SocketAddress, _ state: inout State, _ clear: (Int) -> Void) -> Int {
        let slot: Int
        if let free = state.free.popLast() {
            slot = free
            clear(slot)
            signals.clear(slot)
            state.standings[slot] = Standing()
        } else if state.standings.count < RoutingBoard.slots {
            slot = state.standings.count
            state.standings.append(Standing())
        } else {
            return -1
        }
        state.incarnation &+= 1
        places[slot] = ServerPlace(address, incarnation: state.incarnation)
        state.slots[address] = slot
        return slot
    }

    /// How long after it begins to serve a proxy may lack most first checks, which are spread over an interval.
    private static let coldNanoseconds: Int64 = 3_000_000_000

    /// Makes a table of the entries as they stand and puts it in force.
    private func enforce(_ state: inout State, at now: Int64) {
        var ratings: [Rating] = []
        ratings.reserveCapacity(state.entries.count)
        var hasPassed = false
        for entry in state.entries {
            let rank = state.standings[entry.slot].rating(at: now)
            hasPassed = hasPassed || rank == .passed && entry.server.state == .active
            ratings.append(Rating(rank: rank))
        }
        noteService(&ratings, hasPassed, &state, at: now)
        let names = shape.stickiness == .none ? [] : state.entries.map { places[$0.slot].name }
        state.generation += 1
        let made = RoutingTable(
            generation: state.generation, entries: state.entries, ratings: ratings, names: names,
            shape: shape,
            isCold: state.servingSince > 0 && now - state.servingSince < RoutingBoard.coldNanoseconds)
        for index in state.entries.indices {
            state.standings[state.entries[index].slot].wasEligible = made.marks[index].isEligible
        }
        // The old table goes outside the lock: workers are not to wait for its memory.
        let old = current.withLock { table in
            defer { table = made }
            return table
        }
        withExtendedLifetime(old) {}
        state.isStale = false
        generation.store(state.generation, ordering: .releasing)
    }

    /// Begins slow starts: of servers that come up while others have served for longer than one takes.
    private func noteService(
        _ ratings: inout [Rating], _ hasPassed: Bool, _ state: inout State, at now: Int64
    ) {
        func serves(_ index: Int) -> Bool {
            state.entries[index].server.state == .active
                && (ratings[index].rank == .passed || !hasPassed && ratings[index].rank == .unchecked)
        }
        // After an outage of all, those that come back first are as cold as the last.
        let hasOld = state.entries.indices.contains {
            serves($0)
                && state.standings[state.entries[$0].slot].comesBeforeOthers(slowStart: slowStart, at: now)
        }
        let isLate = hasOld && slowStart > 0 && state.servingSince > 0 && now - state.servingSince > slowStart
        for index in state.entries.indices {
            let slot = state.entries[index].slot
            let isServing = serves(index)
            state.standings[slot].serve(isServing, isLate: isLate, at: now)
            ratings[index].rampStart = state.standings[slot].rampStart
        }
    }

    // MARK: What is noted

    /// Notes what health checks found; of addresses that are not listed nothing is kept. True when a new table
    /// is due.
    func note(_ ranks: [(address: SocketAddress, rank: ServerRank)]) -> Bool {
        state.withLock { state in
            for (address, rank) in ranks {
                guard let slot = state.slots[address] else { continue }
                if state.standings[slot].note(rank) { state.isStale = true }
            }
            return state.isStale
        }
    }

    /// Notes since when the proxy serves; 0 for not at all.
    func noteServing(since now: Int64) { state.withLock { $0.servingSince = now } }

    /// Takes what workers have counted so far for known: of answers that were under way when the proxy served last.
    func rebase(count: (_ slot: Int) -> Outcomes) {
        state.withLock { state in
            for entry in state.entries { state.standings[entry.slot].rebase(count(entry.slot)) }
        }
    }

    /// Leaves the hosts' pressures (0…1) where workers find them, with the moments of their reports; the table
    /// stays as it is.
    func note(pressures: [String: (value: Double, at: Instant)]) {
        state.withLock { state in
            for entry in state.entries {
                guard let report = pressures[entry.server.host] else { continue }
                signals.setPressure(entry.slot, Float(report.value), at: report.at.nanoseconds)
            }
        }
        signals.pressureVersion.wrappingAdd(1, ordering: .releasing)
    }

    /// Takes in what workers have counted: `count` tells it of a slot. Returns the servers that refused a connect
    /// since the last look, and whether any server is to be looked at again without news.
    func look(at now: Int64, count: (_ slot: Int) -> Outcomes) -> (
        refused: [SocketAddress], isUnsettled: Bool
    ) {
        state.withLock { state in
            var refused: [SocketAddress] = []
            var candidates: [Int] = []
            var quota = EjectionQuota(settings.ejection, panicPercent: settings.panicPercent)
            var isUnsettled = false
            for entry in state.entries {
                let slot = entry.slot
                let news = state.standings[slot].count(count(slot), settings.ejection, at: now)
                state.isStale = state.isStale || news.changes
                if news.hasRefused { refused.append(entry.server.address) }
                let standing = state.standings[slot]
                isUnsettled = isUnsettled || standing.isUnsettled
                guard entry.server.state == .active else { continue }
                quota.count(slot, standing, at: now)
                if news.deservesEjection, standing.rating(at: now).isWell { candidates.append(slot) }
            }
            for slot in quota.surplus { state.standings[slot].ejection.cutShort() }
            for slot in candidates.prefix(quota.room) {
                state.standings[slot].ejection.eject(settings.ejection, at: Instant(nanoseconds: now))
                state.isStale = true
                isUnsettled = true
            }
            return (refused, isUnsettled)
        }
    }

    /// What is thought of the entries of the table in force.
    func standings() -> [(entry: RoutingTable.Entry, standing: Standing)] {
        state.withLock { state in state.entries.map { ($0, state.standings[$0.slot]) } }
    }
}
