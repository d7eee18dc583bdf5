import CLinux
import Glibc
import Linux

/// The elector's sockets: the door that stands open while this agent holds a token, and the connection to another
/// leader's door. Owned by the elector's thread, which also sleeps here.
final class PeerDoor {
    private enum Word {
        static let bell: UInt64 = 0
        static let listener: UInt64 = 1
        static let holder: UInt64 = 2
        /// Visitors: this plus their descriptor.
        static let visitor: UInt64 = 1 << 32
    }

    /// Visitors at a time; more are told that there is no place.
    private static let visitorsMax = 16
    private static let backlog: Int32 = 64
    private static let eventsPerTurn = 32
    /// How long the door lets nobody in after this process had no descriptor left for a visitor, in milliseconds: who waits
    /// at it would be told of at once, again and again.
    private static let restMilliseconds: Int64 = 100

    private let listen: SocketAddress?
    private let bell: Doorbell
    private let epoll: Int32
    private var listener: Int32 = -1
    private var token = ""
    /// Until when nobody is let in; nil while the door is open or shut.
    private var restsUntil: Instant?
    private var visitors: Set<Int32> = []
    private var watch = HolderWatch()
    private var holder: Int32 = -1
    private var isConnecting = false
    private var line: [UInt8] = []
    private var proven: Lease?
    /// Why the door cannot be opened; nil when it is, or need not be.
    private(set) var fault: String?

    /// A closed door at `listen` (nil: never opened); sleeping ends when `bell` rings.
    init(listen: SocketAddress?, bell: Doorbell) throws(SystemFault) {
        self.listen = listen
        self.bell = bell
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        if epoll < 0 { throw SystemFault("epoll_create1") }
        guard clinux_epoll_control(epoll, EPOLL_CTL_ADD, bell.descriptor, EPOLLIN.rawValue, Word.bell) == 0
        else {
            let fault = SystemFault("epoll_ctl")
            _ = Glibc.close(epoll)
            throw fault
        }
    }

    deinit {
        shut()
        closeHolder()
        _ = Glibc.close(epoll)
    }

    // MARK: - The own door

    /// Stands open and states this token, or closes. The caller has stopped to lead before it closes the door.
    func show(_ token: String?) {
        guard let token else { return shut() }
        if token == self.token, listener >= 0 { return }
        shut()
        open(token)
    }

    private func open(_ token: String) {
        guard let listen else { return }
        self.token = token
        let family = listen.withSockaddr { address, _ in Int32(address.pointee.sa_family) }
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, kind, 0)
        guard descriptor >= 0 else { return fail("socket") }
        var one: Int32 = 1
        _ = setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        let isBound = listen.withSockaddr { bind(descriptor, $0, $1) } == 0
        guard isBound, Glibc.listen(descriptor, PeerDoor.backlog) == 0,
            clinux_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, Word.listener) == 0
        else {
            fail(isBound ? "listen" : "bind")
            _ = Glibc.close(descriptor)
            return
        }
        listener = descriptor
        fault = nil
    }

    private func fail(_ call: String) {
        let reason = String(cString: strerror(errno))
        fault =
            "peer.listen \(listen.map(\.description) ?? ""): \(call): \(reason); without it a standby learns of this leader's death only when its lease runs out"
    }

    private func shut() {
        for visitor in visitors { _ = Glibc.close(visitor) }
        visitors.removeAll()
        if listener >= 0 { _ = Glibc.close(listener) }
        listener = -1
        restsUntil = nil
        token = ""
        fault = nil
    }

    private func admit() {
        for _ in 0..<PeerDoor.eventsPerTurn {
            let visitor = aboveListener(clinux_accept(listener, nil, nil))
            guard visitor >= 0 else {
                if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) { rest(at: .now()) }
                return
            }
            KeepAlive.set(on: visitor)
            let hasPlace = visitors.count < PeerDoor.visitorsMax
            let text = Array((hasPlace ? PeerGreeting.line(token) : PeerGreeting.full).utf8)
            // A fresh connection takes a line at once, or is of no use.
            let isTold = send(visitor, text, text.count, Int32(MSG_NOSIGNAL)) == text.count
            let events = EPOLLIN.rawValue | EPOLLRDHUP.rawValue
            guard hasPlace, isTold,
                clinux_epoll_control(epoll, EPOLL_CTL_ADD, visitor, events, Word.visitor + UInt64(visitor))
                    == 0
            else {
                _ = Glibc.close(visitor)
                continue
            }
            visitors.insert(visitor)
        }
    }

    private func rest(at now: Instant) {
        guard clinux_epoll_control(epoll, EPOLL_CTL_MOD, listener, 0, Word.listener) == 0 else { return }
        restsUntil = now.advanced(milliseconds: PeerDoor.restMilliseconds)
    }

    private func endRest(at now: Instant) {
        guard let until = restsUntil, until <= now else { return }
        restsUntil = nil
        guard listener >= 0 else { return }
        _ = clinux_epoll_control(epoll, EPOLL_CTL_MOD, listener, EPOLLIN.rawValue, Word.listener)
    }

    /// The same connection with a higher number than the listener's: the kernel closes what a killed process had open in
    /// the order of the numbers, and who sees its connection end then finds the door closed at the first look.
    private func aboveListener(_ visitor: Int32) -> Int32 {
        guard visitor >= 0, visitor < listener else { return visitor }
        let higher = fcntl(visitor, F_DUPFD_CLOEXEC, listener + 1)
        guard higher >= 0 else { return visitor }
        _ = Glibc.close(visitor)
        return higher
    }

    /// A visitor has nothing to say: whatever comes, it leaves. (Unread bytes would also turn the end into a reset.)
    private func dismiss(_ visitor: Int32) {
        if visitors.remove(visitor) != nil { _ = Glibc.close(visitor) }
    }

    // MARK: - Another's door

    /// Watches this lease's holder, whose door is at `address`.
    func follow(_ lease: Lease, at address: SocketAddress?) { tell(.follow(lease, at: address)) }

    /// Watches nobody.
    func rest() { tell(.rest) }

    /// True while the holder's death would be noticed at once.
    var isWatching: Bool { watch.isWatching }

    /// A holder proven dead since the last call.
    func takeProof() -> Lease? {
        defer { proven = nil }
        return proven
    }

    private func tell(_ event: HolderWatch.Event) {
        for action in watch.handle(event, at: .now()) {
            switch action {
            case .connect(let address):
                closeHolder()
                connect(to: address)
            case .close: closeHolder()
            case .proven(let lease): proven = lease
            }
        }
    }

    private func connect(to address: SocketAddress) {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let family = address.withSockaddr { address, _ in Int32(address.pointee.sa_family) }
        holder = socket(family, kind, 0)
        guard holder >= 0 else { return tell(.broken) }
        KeepAlive.set(on: holder)  // a flow that a firewall has forgotten would look like a leader that lives
        let outcome = address.withSockaddr { Glibc.connect(holder, $0, $1) }
        guard outcome == 0 || errno == EINPROGRESS else {
            return tell(errno == ECONNREFUSED ? .refused : .broken)
        }
        isConnecting = true
        let events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue
        if clinux_epoll_control(epoll, EPOLL_CTL_ADD, holder, events, Word.holder) != 0 { tell(.broken) }
    }

    private func closeHolder() {
        if holder >= 0 { _ = Glibc.close(holder) }
        holder = -1
        isConnecting = false
        line = []
    }

    private func holderIsReady() {
        guard holder >= 0 else { return }
        if isConnecting {
            var code: Int32 = 0
            var length = socklen_t(4)
            _ = getsockopt(holder, SOL_SOCKET, SO_ERROR, &code, &length)
            guard code == 0 else { return tell(code == ECONNREFUSED ? .refused : .broken) }
            isConnecting = false
            let events = EPOLLIN.rawValue | EPOLLRDHUP.rawValue
            if clinux_epoll_control(epoll, EPOLL_CTL_MOD, holder, events, Word.holder) != 0 {
                return tell(.broken)
            }
        }
        readHolder()
    }

    private func readHolder() {
        var buffer = [UInt8](repeating: 0, count: PeerGreeting.bytesMax)
        let count = recv(holder, &buffer, buffer.count, 0)
        if count < 0 {
            if errno != EAGAIN, errno != EINTR { tell(.broken) }
            return
        }
        guard count > 0 else { return tell(.ended) }
        // A door that goes on talking is none of ours.
        if watch.isWatching { return tell(.broken) }
        line += buffer[0..<count]
        if let end = line.firstIndex(of: 0x0A) {
            let text = String(decoding: line[..<end], as: UTF8.self)
            if end + 1 < line.count { return tell(.broken) }
            line = []
            tell(.stated(text))
        } else if line.count >= PeerGreeting.bytesMax {
            tell(.broken)
        }
    }

    // MARK: - Sleeping

    /// Sleeps until the bell rings, somebody comes or goes, a proof is there, or `limit`.
    func wait(until limit: Instant) {
        tell(.wake)
        if proven != nil { return }
        endRest(at: .now())
        let wake = [watch.wakeAt, restsUntil].compactMap { $0 }.reduce(limit, min)
        let left = wake.nanoseconds - Instant.now().nanoseconds
        let milliseconds = left <= 0 ? 0 : Int32(clamping: (left + 999_999) / 1_000_000)
        var events = [epoll_event](repeating: epoll_event(), count: PeerDoor.eventsPerTurn)
        let count = epoll_wait(epoll, &events, Int32(events.count), milliseconds)
        for index in 0..<Int(max(count, 0)) {
            switch clinux_epoll_word(&events[index]) {
            case Word.bell: bell.silence()
            case Word.listener: admit()
            case Word.holder: holderIsReady()
            case let word: dismiss(Int32(truncatingIfNeeded: word - Word.visitor))
            }
        }
        tell(.wake)
    }
}
