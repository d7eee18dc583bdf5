import CLinux
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
    private let answered: Doorbell
    private let log: AccessLog?

    init(index: Int, minder: Doorbell, log: AccessLog? = nil) throws(SystemFault) {
        self.index = index
        self.minder = minder
        self.log = log
        doorbell = try Doorbell()
        answered = try Doorbell()
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        if epoll < 0 { throw SystemFault("epoll_create1") }
    }

    deinit {
        _ = Glibc.close(epoll)
        let waiting = listener.load(ordering: .relaxed)
        if waiting >= 0 { _ = Glibc.close(waiting) }
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

    /// Hands a listening socket over.
    func open(_ descriptor: Int32) {
        listener.store(descriptor, ordering: .releasing)
        tell(.open)
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

    /// Says that the listener is closed; called by the worker.
    func confirmClose() { answered.ring() }
}
