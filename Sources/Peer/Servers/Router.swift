package import Linux
package import Proxy
import Synchronization

/// Joins the server list with the health checks into the proxy's routing table.
///
/// Checks run where the proxy serves and on warm standbys. Servers that were not checked yet are used while none has
/// passed: a new leader must serve at once, and the proxy repeats a refused connect on another server anyway.
package final class Router: Sendable {
    private struct State {
        var entries: [ServerEntry] = []
        var isChecking = false
    }

    private let proxy: Proxy
    private let checker: HealthChecker
    private let state = Mutex(State())

    /// A router for one proxy; `onHealth` hears of every change of a server's health, on the checker's thread.
    package init(
        proxy: Proxy, health: HealthSettings, onHealth: @escaping @Sendable (HealthChange) -> Void
    ) throws(SystemFault) {
        self.proxy = proxy
        let relay = Relay()
        checker = try HealthChecker(health) { change in
            relay.router.withLock { $0.router }?.note(change)
            if change.isNews { onHealth(change) }
        }
        proxy.hearRefusals { [checker] in checker.noteRefusals($0) }
        relay.router.withLock { $0.router = self }
    }

    /// Takes a new server list.
    package func route(_ entries: [ServerEntry]) {
        // Published inside the lock: two threads must not hand over their tables in the wrong order, nor an
        // older health over a newer one.
        state.withLock { state in
            state.entries = entries
            publish(state)
            if state.isChecking { checker.watch(entries.filter { $0.state != .out }.map(\.address)) }
        }
    }

    /// Starts the health checks of every server that is not out.
    package func startChecks() {
        state.withLock { state in
            state.isChecking = true
            // The checker tells what changes: the table is to begin with what it knows already.
            publish(state)
            checker.watch(state.entries.filter { $0.state != .out }.map(\.address))
        }
    }

    /// True while every server that is not out has been checked at least once, so that the dead ones are known.
    package var haveChecked: Bool {
        let entries = state.withLock { $0.isChecking ? $0.entries : nil }
        guard let entries else { return false }
        let states = checker.states()
        return entries.allSatisfy { $0.state == .out || (states[$0.address] ?? .unknown) != .unknown }
    }

    /// What the checks say of each server; servers that nobody checked are not in it.
    package var health: [SocketAddress: HealthState] { checker.states() }

    /// The number of servers in the list in force.
    package var count: Int { state.withLock { $0.entries.count } }

    /// Ends the health checks and forgets what they found.
    package func stopChecks() {
        state.withLock { state in
            state.isChecking = false
            checker.watch([])
            publish(state)
        }
    }

    /// Notes what hosts report of their pressure (0…1 by host name, with the moment of the report): the proxy
    /// sends less to servers on hosts under pressure. To be called about once a second.
    package func note(pressures: [String: (value: Double, at: Instant)]) { proxy.note(pressures: pressures) }

    /// Ends the checker's thread.
    package func stop() { checker.stop() }

    /// The live numbers of every server of the table.
    package func traffic(epoch: Int64) -> Traffic {
        let snapshot = proxy.snapshot()
        let entries = state.withLock { $0.entries }
        let known = Dictionary(snapshot.servers.map { ($0.server.address, $0) }) { first, _ in first }
        let servers = entries.map { entry in
            let numbers = known[entry.address]
            return Traffic.Server(
                address: entry.address.description, healthy: numbers?.rank.isWell ?? true,
                requests: Int64(numbers?.requests ?? 0), errors: Int64(numbers?.errors ?? 0),
                inFlight: Int64(numbers?.inFlight ?? 0), p50: numbers?.p50, p90: numbers?.p90,
                p99: numbers?.p99)
        }
        return Traffic(epoch: epoch, servers: servers)
    }

    private func note(_ change: HealthChange) {
        state.withLock { state in
            // A check that was under way when the checks ended counts no more.
            if state.isChecking { proxy.note([(change.address, change.rank)]) }
        }
    }

    private func publish(_ state: State) {
        let ranks = state.isChecking ? checker.ranks() : [:]
        proxy.publish(
            state.entries.map {
                RoutedServer(
                    address: $0.address, host: $0.host, state: $0.state, weight: $0.weight,
                    rank: ranks[$0.address] ?? .unchecked)
            })
    }

    /// The checker's callback exists before the router does; this is where it finds the router.
    private final class Relay: Sendable {
        struct Found { weak var router: Router? }
        let router = Mutex(Found())
    }
}
