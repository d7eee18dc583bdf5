import CLinux
import Glibc
package import Linux
import Synchronization

/// An HTTP/1 reverse proxy over a list of servers.
///
/// Workers do all the work on threads of their own; this object hands them listeners, tables and commands, and
/// reads their meters.
package final class Proxy: Sendable {
    private struct State {
        var address: SocketAddress?
        /// The listening sockets, which belong to the workers.
        var listeners: [Int32] = []
        var threads: [Thread] = []
    }

    /// How long `close` waits for each worker to empty its queue.
    private static let closeMilliseconds: Int32 = 2_000
    /// How often `drain` looks at the connections left.
    private static let drainPollMilliseconds = 10

    private let settings: ProxySettings
    private let board = RoutingBoard()
    private let workers: [WorkerControl]
    private let state = Mutex(State())

    /// Starts the workers, without listeners; throws at the limits of threads or descriptors.
    package init(_ settings: ProxySettings) throws(SystemFault) {
        self.settings = settings
        var controls: [WorkerControl] = []
        for index in 0..<max(1, settings.workers) { controls.append(try WorkerControl(index: index)) }
        workers = controls
        for control in controls {
            let thread = try Thread.start(named: "troop-proxy-\(control.index)") { [settings, board] in
                // Where it is not allowed, the scheduler decides.
                _ = clinux_pin_this_thread(Int32(control.index))
                guard var worker = Worker(settings, control: control, board: board) else { return }
                worker.run()
            }
            state.withLock { $0.threads.append(thread) }
        }
    }

    deinit { stop() }

    /// The address listened on, with the kernel's port when port 0 was asked for; nil while closed.
    package var address: SocketAddress? { state.withLock { $0.address } }

    /// Binds and listens, one socket a worker; does nothing when open. Throws `EADDRINUSE` when another program
    /// listens on the address; another proxy of the same user shares it.
    ///
    /// `inherited` are listening sockets of the same address that another process has left; they become the proxy's
    /// also when this throws. More of them than workers are emptied and closed.
    package func open(inheriting inherited: [Int32] = []) throws(SystemFault) {
        let fault: SystemFault? = state.withLock { state in
            guard state.address == nil else {
                for descriptor in inherited { _ = Glibc.close(descriptor) }
                return nil
            }
            do throws(SystemFault) {
                let (descriptors, address) = try Listener.open(
                    settings.listen, count: workers.count, inheriting: inherited)
                for (worker, descriptor) in zip(workers, descriptors) { worker.open(descriptor) }
                for (index, surplus) in descriptors.dropFirst(workers.count).enumerated() {
                    workers[index % workers.count].absorb(surplus)
                }
                state.address = address
                state.listeners = Array(descriptors.prefix(workers.count))
                return nil
            } catch {
                return error
            }
        }
        if let fault { throw fault }
    }

    /// Accepts all that waits in the queues, then closes the listeners; connections live on, and each answer
    /// from here on ends its connection. Returns when the listeners are closed.
    package func close() {
        state.withLock { state in
            guard state.address != nil else { return }
            for worker in workers { worker.tell(.close) }
            for worker in workers { _ = worker.waitForClose(milliseconds: Proxy.closeMilliseconds) }
            state.address = nil
            state.listeners = []
        }
    }

    /// Copies of the listening sockets for another process, closed at exec; none while closed. The caller closes them.
    package func copyListeners() throws(SystemFault) -> [Int32] {
        let (copies, fault) = state.withLock { state in
            Listener.copies(of: state.listeners)
        }
        if let fault { throw fault }
        return copies
    }

    /// Lets the listening sockets go without touching their queues: another process has them and accepts what waits.
    /// Each answer from here on ends its connection.
    package func release() {
        state.withLock { state in
            guard state.address != nil else { return }
            for worker in workers { worker.tell(.release) }
            for worker in workers { _ = worker.waitForClose(milliseconds: Proxy.closeMilliseconds) }
            state.address = nil
            state.listeners = []
        }
    }

    /// Waits for all connections to end, idle ones soon, and cuts the rest at the deadline; how many were cut.
    package func drain(until deadline: Instant) async -> Int {
        for worker in workers { worker.tell(.drain) }
        while openConnections > 0 {
            if Instant.now() >= deadline { break }
            try? await Task.sleep(for: .milliseconds(Proxy.drainPollMilliseconds))
            if Task.isCancelled { break }
        }
        let left = openConnections
        if left > 0 { for worker in workers { worker.tell(.cut) } }
        return left
    }

    /// Ends the workers and every connection; the proxy is of no use afterwards.
    package func stop() {
        let threads = state.withLock { state in
            defer { state.threads = [] }
            state.address = nil
            return state.threads
        }
        for worker in workers { worker.tell(.stop) }
        for thread in threads { thread.join() }
    }

    /// Puts a new server list in force; workers see it at their next turn. Requests in flight go on, whatever
    /// became of their server.
    package func publish(_ servers: [RoutedServer]) {
        board.publish(
            servers,
            isFree: { slot, generation in
                workers.allSatisfy {
                    $0.seen.load(ordering: .acquiring) >= generation
                        && $0.meters.servers[slot].inFlight.current == 0
                }
            },
            clear: { slot in for worker in workers { worker.meters.clear(slot) } })
        for worker in workers { worker.doorbell.ring() }
    }

    private var openConnections: Int {
        workers.reduce(0) { $0 + Int(truncatingIfNeeded: $1.meters.listener.pointee.open.current) }
    }

    /// What has been counted so far, all workers together.
    package func snapshot() -> ProxySnapshot {
        let now = Instant.now().nanoseconds
        var listener = ProxySnapshot.Listener(address: address)
        for worker in workers { listener.add(worker.meters.listener) }
        return ProxySnapshot(
            servers: board.table.entries.map { snapshot(of: $0, at: now) }, listener: listener)
    }

    private func snapshot(of entry: RoutingTable.Entry, at now: Int64) -> ProxySnapshot.Server {
        var counts = LatencyWindow.noCounts
        var requests: UInt64 = 0
        var errors: UInt64 = 0
        var responses5xx: UInt64 = 0
        var connects: UInt64 = 0
        var inFlight: UInt64 = 0
        for worker in workers {
            let meters = worker.meters.servers + entry.slot
            requests += meters.pointee.requests.current
            errors += meters.pointee.failures.current
            responses5xx += meters.pointee.responses5xx.current
            connects += meters.pointee.connects.current
            inFlight += meters.pointee.inFlight.current
            worker.meters.latency(entry.slot).add(to: &counts, at: now)
        }
        return ProxySnapshot.Server(
            server: entry.server, requests: requests, errors: errors, responses5xx: responses5xx,
            connects: connects, inFlight: Int(truncatingIfNeeded: inFlight),
            p50: LatencyWindow.percentile(0.5, of: counts), p90: LatencyWindow.percentile(0.9, of: counts),
            p99: LatencyWindow.percentile(0.99, of: counts))
    }
}

extension ProxySnapshot.Listener {
    fileprivate mutating func add(_ meters: UnsafePointer<ListenerMeters>) {
        open += Int(truncatingIfNeeded: meters.pointee.open.current)
        accepted += meters.pointee.accepted.current
        turnedAway += meters.pointee.turnedAway.current
        requests += meters.pointee.requests.current
        responses2xx += meters.pointee.responses2xx.current
        responses3xx += meters.pointee.responses3xx.current
        responses4xx += meters.pointee.responses4xx.current
        responses5xx += meters.pointee.responses5xx.current
        rejectedHeads += meters.pointee.rejectedHeads.current
        retries += meters.pointee.retries.current
        cut += meters.pointee.cut.current
        bytesFromClients += meters.pointee.bytesFromClients.current
        bytesToClients += meters.pointee.bytesToClients.current
    }
}
