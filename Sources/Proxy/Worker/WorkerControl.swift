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
        static let release = Commands(rawValue: 32)
        static let absorb = Commands(rawValue: 64)
    }

    let index: Int
    let epoll: Int32
    let meters = WorkerMeters()
    let doorbell: Doorbell
    /// The newest table that the worker works with.
    let seen = Atomic<Int>(0)
    private let commands = Atomic<UInt32>(0)
    private let listener = Atomic<Int32>(-1)
    /// Inherited sockets beyond one a worker, to be emptied and closed.
    private let surplus = Mutex<[Int32]>([])
    private let answered: Doorbell

    init(index: Int) throws(SystemFault) {
        self.index = index
        doorbell = try Doorbell()
        answered = try Doorbell()
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        if epoll < 0 { throw SystemFault("epoll_create1") }
    }

    deinit {
        _ = Glibc.close(epoll)
        let waiting = listener.load(ordering: .relaxed)
        if waiting >= 0 { _ = Glibc.close(waiting) }
        for descriptor in takeSurplus() { _ = Glibc.close(descriptor) }
    }

    /// Hands a listening socket over.
    func open(_ descriptor: Int32) {
        listener.store(descriptor, ordering: .releasing)
        tell(.open)
    }

    /// Hands a listening socket over that is to be emptied and closed.
    func absorb(_ descriptor: Int32) {
        surplus.withLock { $0.append(descriptor) }
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

    /// The sockets to be emptied and closed; called by the worker.
    func takeSurplus() -> [Int32] {
        surplus.withLock { surplus in
            defer { surplus = [] }
            return surplus
        }
    }

    /// Says that the listener is closed; called by the worker.
    func confirmClose() { answered.ring() }
}
