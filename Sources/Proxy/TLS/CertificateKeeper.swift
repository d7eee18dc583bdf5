import COpenSSL
import Linux
import Synchronization

/// A certificate in use.
package struct CertificateSummary: Sendable, Equatable {
    package let files: CertificateFiles
    /// The names it is for, in lower case.
    package let names: [String]
    /// When it stops being valid, in seconds since 1970.
    package let expiry: Int64
    /// Why the files as they are now are not used; nil when they are.
    package let problem: String?
}

/// Keeps the workers' certificates as new as the files they come from.
///
/// A thread looks at the files every few seconds. A file that changed is read once it has stood still between
/// two looks, for certificate and key are two files, and are seldom replaced at once. What cannot be used is
/// reported once and tried again at each look, and what is in use stays.
final class CertificateKeeper: Sendable {
    private struct State {
        var entries: [WatchedCertificate]
        /// What is to be said once the workers have what is in `entries`.
        var owed: [CertificateNotice] = []
        var thread: Thread?
        var isStopping = false
    }

    private let settings: ClientTLSSettings
    private let workers: [WorkerControl]
    private let ring: TicketRing
    private let onNotice: @Sendable (CertificateNotice) -> Void
    private let doorbell: Doorbell
    private let state: Mutex<State>

    /// Reads all certificates and gives them to the workers; throws what is wrong with the first bad one.
    init(
        _ settings: ClientTLSSettings, workers: [WorkerControl],
        onNotice: @escaping @Sendable (CertificateNotice) -> Void
    ) throws(ProxyFault) {
        self.settings = settings
        self.workers = workers
        self.onNotice = onNotice
        ring = TicketRing(lifetime: settings.ticketKeyMilliseconds * 1_000_000)
        do throws(SystemFault) { doorbell = try Doorbell() } catch { throw .system(error) }
        do throws(TLSFault) {
            var entries: [WatchedCertificate] = []
            for files in settings.certificates { entries.append(try WatchedCertificate(files)) }
            state = Mutex(State(entries: entries))
            try CertificateKeeper.give(entries.map(\.source), settings, ring, workers)
        } catch {
            throw .tls(error)
        }
    }

    /// Starts to watch the files, after a word about what is in use and not valid.
    func start() throws(SystemFault) {
        let now = WallClock.milliseconds() / 1000
        let warnings = state.withLock { state in
            state.entries.indices.compactMap { state.entries[$0].tell(at: now) }
        }
        let thread = try Thread.start(named: "troop-certs") { [self] in
            for warning in warnings { onNotice(warning) }
            while !state.withLock({ $0.isStopping }) {
                let rang = doorbell.wait(milliseconds: settings.pollMilliseconds)
                look(isAsked: rang)
            }
        }
        state.withLock { $0.thread = thread }
    }

    /// Ends the watching.
    func stop() {
        let thread = state.withLock { state in
            state.isStopping = true
            defer { state.thread = nil }
            return state.thread
        }
        doorbell.ring()
        thread?.join()
    }

    /// Has all files read again soon, changed or not.
    func reload() { doorbell.ring() }

    /// What is in use, in the order of the settings.
    var summaries: [CertificateSummary] {
        state.withLock { state in
            state.entries.map {
                CertificateSummary(
                    files: $0.source.files, names: $0.names, expiry: $0.expiry, problem: $0.problem)
            }
        }
    }

    private func look(isAsked: Bool) {
        let now = WallClock.milliseconds() / 1000
        let (notices, sources) = state.withLock { state in
            var notices: [CertificateNotice] = []
            guard !state.isStopping else { return (notices, [CertificateSource]()) }
            for index in state.entries.indices {
                for notice in state.entries[index].look(isAsked: isAsked, at: now) {
                    if case .replaced = notice { state.owed.append(notice) } else { notices.append(notice) }
                }
            }
            return (notices, state.owed.isEmpty ? [] : state.entries.map(\.source))
        }
        // Each was tried out a moment ago; what fails now is memory: the old contexts go on until the next look.
        if !sources.isEmpty, (try? CertificateKeeper.give(sources, settings, ring, workers)) != nil {
            let owed = state.withLock { state in
                defer { state.owed = [] }
                return state.owed
            }
            for notice in owed { onNotice(notice) }
        }
        for notice in notices { onNotice(notice) }
    }

    private static func give(
        _ sources: [CertificateSource], _ settings: ClientTLSSettings, _ ring: TicketRing,
        _ workers: [WorkerControl]
    ) throws(TLSFault) {
        var contexts: [OpaquePointer] = []
        do throws(TLSFault) {
            for _ in workers { contexts.append(try ContextSet.make(sources, settings, ring)) }
        } catch {
            for context in contexts { SSL_CTX_free(context) }
            throw error
        }
        for (worker, context) in zip(workers, contexts) { worker.giveContext(context) }
    }
}
