import CLinux
import COpenSSL
import Glibc
import Linux
import Synchronization

/// What the control plane and one worker share: commands one way, acknowledgements and meters the other.
final class WorkerControl: Sendable {
    /// What a worker is told; bits, so that telling twice does no harm.
    struct Commands: OptionSet {
        let rawValue: UInt32

        static let open = Commands(rawValue: 1)
        static let close = Commands(rawValue: 2)
        static let drain = Commands(rawValue: 4)
        static let cut = Commands(rawValue: 8)
        static let stop = Commands(rawValue: 16)
        static let renew = Commands(rawValue: 32)
        static let release = Commands(rawValue: 64)
        static let absorb = Commands(rawValue: 128)
        static let farewell = Commands(rawValue: 256)
    }

    let index: Int
    let epoll: Int32
    let meters = WorkerMeters()
    let doorbell: Doorbell
    /// The newest table that the worker works with.
    let seen = Atomic<Int>(0)
    /// A server has refused a connect since the minder's last look.
    let hasRefusals = Atomic(false)
    /// Requests wait here for a server with room.
    let isWaiting = Atomic(false)
    private let minder: Doorbell
    private let commands = Atomic<UInt32>(0)
    private let listener = Atomic<Int32>(-1)
    private let secureListener = Atomic<Int32>(-1)
    private let redirectPort = Atomic<UInt16>(0)
    /// An `SSL_CTX` waiting to be taken over, as an address; 0: none.
    private let context = Atomic<UInt>(0)
    /// Inherited sockets beyond one a worker, to be emptied and closed.
    private let surplus = Mutex<[(descriptor: Int32, isSecure: Bool)]>([])
    private let answered: Doorbell
    private let log: AccessLog?
    /// Counts clients' connections where they are limited.
    let crowd: ClientCrowd?

    /// For TLS with servers; used by the worker alone.
    nonisolated(unsafe) let serverContext: ServerContext?

    init(
        index: Int, minder: Doorbell, log: AccessLog? = nil, crowd: ClientCrowd? = nil,
        serverTLS: ServerTLSSettings?
    ) throws(ProxyFault) {
        self.index = index
        self.minder = minder
        self.log = log
        self.crowd = crowd
        do throws(SystemFault) {
            doorbell = try Doorbell()
            answered = try Doorbell()
            epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
            if epoll < 0 { throw SystemFault("epoll_create1") }
        } catch {
            throw .system(error)
        }
        do throws(TLSFault) {
            if let serverTLS { serverContext = try ServerContext(serverTLS) } else { serverContext = nil }
        } catch {
            _ = Glibc.close(epoll)
            throw .tls(error)
        }
    }

    deinit {
        _ = Glibc.close(epoll)
        for waiting in [listener.load(ordering: .relaxed), secureListener.load(ordering: .relaxed)]
        where waiting >= 0 {
            _ = Glibc.close(waiting)
        }
        if let waiting = takeContext() { SSL_CTX_free(waiting) }
        serverContext?.deallocate()
        for (descriptor, _) in takeSurplus() { _ = Glibc.close(descriptor) }
    }

    /// Calls the minder, once until it looks; called by the worker.
    func reportRefusal() {
        if !hasRefusals.exchange(true, ordering: .acquiringAndReleasing) { minder.ring() }
    }

    /// Says whether requests wait here; called by the worker.
    func setWaiting(_ waits: Bool, _ signals: SlotSignals) {
        isWaiting.store(waits, ordering: .relaxed)
        signals.waitingWorkers.wrappingAdd(waits ? 1 : -1, ordering: .sequentiallyConsistent)
    }

    /// The worker's end of its ring; nil while nothing is logged.
    func logWriter() -> LogWriter? {
        guard let log else { return nil }
        return LogWriter(log.rings[index], bell: log.doorbell.descriptor)
    }

    /// Hands listening sockets over (-1: none for TLS), and the port that clients find the one for TLS at.
    func open(_ descriptor: Int32, secure: Int32 = -1, redirectPort: UInt16 = 0) {
        self.redirectPort.store(redirectPort, ordering: .relaxed)
        secureListener.store(secure, ordering: .releasing)
        listener.store(descriptor, ordering: .releasing)
        tell(.open)
    }

    /// Hands a listening socket over that is to be emptied and closed.
    func absorb(_ descriptor: Int32, isSecure: Bool) {
        surplus.withLock { $0.append((descriptor, isSecure)) }
        tell(.absorb)
    }

    func tell(_ command: Commands) {
        commands.bitwiseOr(command.rawValue, ordering: .acquiringAndReleasing)
        doorbell.ring()
    }

    /// Waits until the worker has closed its listener; false when it did not in time.
    func waitForClose(milliseconds: Int32) -> Bool { answered.wait(milliseconds: milliseconds) }

    /// The commands since the last call; called by the worker.
    func takeCommands() -> Commands {
        Commands(rawValue: commands.exchange(0, ordering: .acquiringAndReleasing))
    }

    /// The listening socket handed over, or -1; called by the worker.
    func takeListener() -> Int32 { listener.exchange(-1, ordering: .acquiring) }

    /// The socket for TLS handed over with it, or -1, and its port for clients; called by the worker.
    func takeSecureListener() -> (descriptor: Int32, port: UInt16) {
        (secureListener.exchange(-1, ordering: .acquiring), redirectPort.load(ordering: .relaxed))
    }

    /// Hands over what TLS connections begin with from here on.
    func giveContext(_ fresh: OpaquePointer) {
        let address = UInt(bitPattern: fresh)
        let unused = context.exchange(address, ordering: .acquiringAndReleasing)
        if let unused = OpaquePointer(bitPattern: unused) { SSL_CTX_free(unused) }
        tell(.renew)
    }

    /// What was handed over since the last call; called by the worker.
    func takeContext() -> OpaquePointer? {
        OpaquePointer(bitPattern: context.exchange(0, ordering: .acquiring))
    }

    /// The sockets to be emptied and closed; called by the worker.
    func takeSurplus() -> [(descriptor: Int32, isSecure: Bool)] {
        surplus.withLock { surplus in
            defer { surplus = [] }
            return surplus
        }
    }

    /// Says that the listener is closed; called by the worker.
    func confirmClose() { answered.ring() }
}
