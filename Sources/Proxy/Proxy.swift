import CLinux
import Glibc
import HTTP
package import Linux
import Synchronization

/// An HTTP/1 reverse proxy over a list of servers.
///
/// Workers do all the work on threads of their own; this object hands them listeners, tables and commands, and
/// reads their meters.
package final class Proxy: Sendable {
    private struct State {
        var address: SocketAddress?
        var secureAddress: SocketAddress?
        /// The listening sockets, which belong to the workers.
        var listeners: [Int32] = []
        var secureListeners: [Int32] = []
        var threads: [Thread] = []
    }

    /// How long `close` waits for each worker to empty its queue.
    private static let closeMilliseconds: Int32 = 2_000
    /// How long before its end a drain tells upgraded connections to go: as long as a stop has for all of them.
    private static let farewellMilliseconds: Int64 = 10_000
    /// How often `drain` looks at the connections left.
    private static let drainPollMilliseconds = 10

    let settings: ProxySettings
    let board: RoutingBoard
    private let minder: Minder
    let workers: [WorkerControl]
    let log: AccessLog?
    private let certificates: CertificateKeeper?
    private let state = Mutex(State())

    /// Starts the workers, without listeners; throws at the limits of threads or descriptors, and what is wrong
    /// with the files that TLS needs. On threads of the proxy's, `report` is told what somebody should know (that the
    /// access log cannot be written), and `onNotice` of certificates that change.
    package init(
        _ settings: ProxySettings, report: @escaping @Sendable (String) -> Void = { _ in },
        onNotice: @escaping @Sendable (CertificateNotice) -> Void = { _ in }
    ) throws(ProxyFault) {
        self.settings = settings
        let bell: Doorbell
        do throws(SystemFault) {
            bell = try Doorbell()
            log = try settings.accessLog.map { access throws(SystemFault) in
                try AccessLog(access, workers: max(1, settings.workers), report: report)
            }
        } catch {
            throw .system(error)
        }
        var randomness = Randomness()
        let perClient = settings.defence.connectionsPerClient
        let crowd = perClient > 0 ? ClientCrowd(limit: perClient, randomness: &randomness) : nil
        var controls: [WorkerControl] = []
        for index in 0..<max(1, settings.workers) {
            controls.append(
                try WorkerControl(
                    index: index, minder: bell, log: log, crowd: crowd, serverTLS: settings.serverTLS))
        }
        workers = controls
        board = RoutingBoard(settings.balancing)
        board.signals.serve(controls)
        minder = Minder(board: board, workers: controls, doorbell: bell)
        if let tls = settings.tls {
            certificates = try CertificateKeeper(tls, workers: workers, onNotice: onNotice)
        } else {
            certificates = nil
        }
        do throws(SystemFault) { try startThreads() } catch { throw .system(error) }
    }

    private func startThreads() throws(SystemFault) {
        try minder.start()
        try log?.start()
        for control in workers {
            let thread = try Thread.start(named: "troop-proxy-\(control.index)") { [settings, board] in
                // Where it is not allowed, the scheduler decides.
                _ = clinux_pin_this_thread(Int32(control.index))
                guard var worker = Worker(settings, control: control, board: board) else { return }
                worker.run()
            }
            state.withLock { $0.threads.append(thread) }
        }
        try certificates?.start()
    }

    deinit { stop() }

    /// The address listened on, with the kernel's port when port 0 was asked for; nil while closed.
    package var address: SocketAddress? { state.withLock { $0.address } }

    /// The address listened on for TLS; nil while closed, and without TLS.
    package var secureAddress: SocketAddress? { state.withLock { $0.secureAddress } }

    /// The certificates that TLS clients are shown, in the order of the settings; empty without TLS.
    package var certificateSummaries: [CertificateSummary] { certificates?.summaries ?? [] }

    /// Has certificates and keys read again soon, changed or not.
    package func reloadCertificates() { certificates?.reload() }

    /// Binds and listens, one socket a worker and address; does nothing when open. Throws `EADDRINUSE` when another program
    /// listens on the address; another proxy of the same user shares it.
    ///
    /// `inherited` are listening sockets of the same address that another process has left; they become the proxy's
    /// also when this throws. More of them than workers are emptied and closed.
    package func open(inheriting inherited: ListenerCopies = ListenerCopies()) throws(SystemFault) {
        let fault: SystemFault? = state.withLock { state in
            guard state.address == nil else {
                for descriptor in inherited.plain + inherited.secure { _ = Glibc.close(descriptor) }
                return nil
            }
            do throws(SystemFault) {
                let (plain, address) = try Listener.open(
                    settings.listen, count: workers.count, inheriting: inherited.plain)
                var secure: [Int32] = []
                if let tls = settings.tls {
                    do throws(SystemFault) {
                        (secure, state.secureAddress) = try Listener.open(
                            tls.listen, count: workers.count, inheriting: inherited.secure)
                    } catch {
                        for descriptor in plain { _ = Glibc.close(descriptor) }
                        throw error
                    }
                }
                let port = settings.tls?.redirectPort ?? state.secureAddress?.port ?? 0
                for (index, worker) in workers.enumerated() {
                    worker.open(plain[index], secure: secure.isEmpty ? -1 : secure[index], redirectPort: port)
                }
                for (index, surplus) in plain.dropFirst(workers.count).enumerated() {
                    workers[index % workers.count].absorb(surplus, isSecure: false)
                }
                for (index, surplus) in secure.dropFirst(workers.count).enumerated() {
                    workers[index % workers.count].absorb(surplus, isSecure: true)
                }
                state.address = address
                state.listeners = Array(plain.prefix(workers.count))
                state.secureListeners = Array(secure.prefix(workers.count))
                minder.serve(true)
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
            minder.serve(false)
            state.secureAddress = nil
            state.secureListeners = []
            state.listeners = []
        }
    }

    /// Copies of the listening sockets for another process, closed at exec; none while closed. The caller closes them.
    package func copyListeners() throws(SystemFault) -> ListenerCopies {
        let (plain, secure) = state.withLock { ($0.listeners, $0.secureListeners) }
        let (copies, fault) = Listener.copies(of: plain)
        if let fault { throw fault }
        let (secureCopies, secureFault) = Listener.copies(of: secure)
        if let secureFault {
            for descriptor in copies { _ = Glibc.close(descriptor) }
            throw secureFault
        }
        return ListenerCopies(plain: copies, secure: secureCopies)
    }

    /// Lets the listening sockets go without touching their queues: another process has them and accepts what waits.
    /// Each answer from here on ends its connection.
    package func release() {
        state.withLock { state in
            guard state.address != nil else { return }
            for worker in workers { worker.tell(.release) }
            for worker in workers { _ = worker.waitForClose(milliseconds: Proxy.closeMilliseconds) }
            minder.serve(false)
            state.address = nil
            state.secureAddress = nil
            state.listeners = []
            state.secureListeners = []
        }
    }

    /// What becomes of connections that rest between two requests while a proxy drains.
    package enum Resting {
        /// They are closed soon, for somebody waits for the end.
        case endsSoon
        /// They rest as long as they ever may, and end with the answer to their next request: a client that sends one in the
        /// moment in which its connection is closed loses it, if it may not be sent twice.
        case keepsItsTime
    }

    /// Waits for all connections to end and cuts the rest at the deadline; how many were cut. Upgraded ones that can be
    /// told to go are told 10 s before it, or at once when there is less.
    package func drain(until deadline: Instant, _ resting: Resting = .endsSoon) async -> Int {
        switch resting {
        case .endsSoon: for worker in workers { worker.tell(.drain) }
        case .keepsItsTime: break
        }
        var hasSaidFarewell = false
        while openConnections > 0 {
            let now = Instant.now()
            if !hasSaidFarewell, deadline.milliseconds(since: now) <= Proxy.farewellMilliseconds {
                hasSaidFarewell = true
                for worker in workers { worker.tell(.farewell) }
            }
            if now >= deadline { break }
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
            state.secureAddress = nil
            return state.threads
        }
        minder.stop()
        certificates?.stop()
        for worker in workers { worker.tell(.stop) }
        for thread in threads { thread.join() }
        log?.stop()
    }

    /// Opens the access log's file anew, after it was renamed; soon, on the log's thread.
    package func reopenLog() { log?.reopen() }

    /// Names the epoch that log lines carry from here on; 0 for none.
    package func note(epoch: Int64) { log?.epoch.store(epoch, ordering: .relaxed) }

    /// Puts a new server list in force; workers see it at their next turn. Requests in flight go on, whatever
    /// became of their server.
    package func publish(_ servers: [RoutedServer]) {
        board.publish(servers, at: Instant.now().nanoseconds, isFree: minder.isFree, clear: minder.clear)
        for worker in workers { worker.doorbell.ring() }
    }

    /// Notes what health checks found; of servers that are not listed nothing is kept. Workers go by it within
    /// 50 ms.
    package func note(_ ranks: [(address: SocketAddress, rank: ServerRank)]) { minder.note(ranks) }

    /// Notes what hosts report of their pressure (0…1), each with the moment of its report. Costs no new table;
    /// a report loses half its weight every 5 s.
    package func note(pressures: [String: (value: Double, at: Instant)]) { board.note(pressures: pressures) }

    /// Has `body` called with servers that refused a connect, on a thread of the proxy's; it must not block.
    package func hearRefusals(_ body: @escaping @Sendable ([SocketAddress]) -> Void) {
        minder.hearRefusals(body)
    }

    /// True when every worker works by the newest table.
    package var hasSettled: Bool {
        let newest = board.generation.load(ordering: .acquiring)
        return workers.allSatisfy { $0.seen.load(ordering: .acquiring) >= newest }
    }

    private var openConnections: Int {
        workers.reduce(0) { $0 + Int(truncatingIfNeeded: $1.meters.open) }
    }
}
