import COpenSSL
import Linux
import Synchronization

/// What became of certificates that were looked at anew.
package enum CertificateNotice: Sendable, Equatable, CustomStringConvertible {
    /// A changed certificate is in use now.
    case replaced(CertificateFiles, names: [String])
    /// A changed certificate is of no use; the one before it stays.
    case kept(CertificateFiles, reason: String)

    package var description: String {
        switch self {
        case .replaced(let files, let names):
            "the certificate \(files.certificate) was replaced (\(names.joined(separator: ", ")))"
        case .kept(let files, let reason):
            "\(reason); the certificate loaded before from \(files.certificate) stays in use"
        }
    }
}

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
/// reported once, and what is in use stays.
final class CertificateKeeper: Sendable {
    private struct Entry {
        var source: CertificateSource
        var signatures: [CertificateSource.Signature]
        /// What the files looked like at the last look, when that was not `signatures`.
        var changing: [CertificateSource.Signature]?
        var names: [String]
        var expiry: Int64
        var problem: String?

        init(_ files: CertificateFiles) throws(TLSFault) {
            // Looked at before they are read: a change in between shows as one later.
            signatures = CertificateSource.signatures(of: files)
            source = try CertificateSource(files)
            let certificate = try Certificate(source)
            names = certificate.names
            expiry = certificate.expiry
        }
    }

    private struct State {
        var entries: [Entry]
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
            var entries: [Entry] = []
            for files in settings.certificates { entries.append(try Entry(files)) }
            state = Mutex(State(entries: entries))
            try CertificateKeeper.give(entries.map(\.source), settings, ring, workers)
        } catch {
            throw .tls(error)
        }
    }

    /// Starts to watch the files.
    func start() throws(SystemFault) {
        let thread = try Thread.start(named: "troop-certs") { [self] in
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
        let (notices, sources) = state.withLock { state in
            var notices: [CertificateNotice] = []
            guard !state.isStopping else { return (notices, [CertificateSource]()) }
            var isNew = false
            for index in state.entries.indices {
                guard let notice = CertificateKeeper.renew(&state.entries[index], isAsked: isAsked) else {
                    continue
                }
                notices.append(notice)
                if case .replaced = notice { isNew = true }
            }
            return (notices, isNew ? state.entries.map(\.source) : [])
        }
        if !sources.isEmpty {
            // Each was parsed a moment ago; what fails now is memory, and the old contexts go on.
            try? CertificateKeeper.give(sources, settings, ring, workers)
        }
        for notice in notices { onNotice(notice) }
    }

    private static func renew(_ entry: inout Entry, isAsked: Bool) -> CertificateNotice? {
        let files = entry.source.files
        let found = CertificateSource.signatures(of: files)
        if !isAsked {
            guard found != entry.signatures else {
                entry.changing = nil
                return nil
            }
            guard entry.changing == found else {
                entry.changing = found
                return nil
            }
        }
        entry.changing = nil
        // From here on these files have been dealt with, whatever comes of it.
        entry.signatures = found
        do throws(TLSFault) {
            let source = try CertificateSource(files)
            let certificate = try Certificate(source)
            entry.problem = nil
            guard source.certificate != entry.source.certificate || source.key != entry.source.key else {
                return nil
            }
            entry.source = source
            entry.names = certificate.names
            entry.expiry = certificate.expiry
            return .replaced(files, names: certificate.names)
        } catch {
            entry.problem = error.description
            return .kept(files, reason: error.description)
        }
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
