import CLinux
import Glibc
import HTTP
import Linux

/// The connections of one `HTTPServer`, and one turn of its epoll loop; it lives on the server's thread.
///
/// Each listener has its share of the connections: a crowd at one door does not close the other.
struct HTTPServerLoop: Sendable {
    /// A request that waits for its answer, with the key that the answer is to name.
    struct Asked: Sendable {
        var key: UInt64
        var request: Request
        var keepsAlive: Bool
    }

    /// A listener with its share of the connections.
    struct Door {
        let descriptor: Int32
        let door: Request.Door
        var count = 0
        /// While set, nothing is accepted: there is no room or no descriptor.
        var pausedUntil: Instant?
    }

    /// Limits that all doors share.
    enum Limit {
        static let bodyBytes = 1024 * 1024
        static let inputBytes = 32 * 1024 + bodyBytes
        /// What a client may send ahead while it is being answered.
        static let aheadBytes = 64 * 1024
        /// What is read on after the last answer.
        static let drainBytes = 8 * 1024 * 1024
        static let readBytes = 16 * 1024
        static let acceptsPerTurn = 16
        /// Pieces of an answer without an end that may wait for a slow reader, in all and in bytes.
        static let chunks = 32
        static let chunkBytes = 64 * 1024 * 1024
        static let pauseMilliseconds: Int64 = 100
        /// The same fault is not told again for so long.
        static let quietMilliseconds: Int64 = 60_000
        static let turnMilliseconds: Int64 = 1000
        static let head = HeadLimits()
    }

    let epoll: Int32
    private let doorbell: Int32
    let limits: DoorLimits
    var doors: [Door]
    /// By key: the descriptor in the low half, a rising number in the high one, so that a late answer or event
    /// for a descriptor that was closed and given out again finds nobody.
    var connections: [UInt64: HTTPConnection] = [:]
    private var serial: UInt64 = 1
    private var sweptAt = Instant(nanoseconds: 0)
    private var toldAt: Instant?
    /// Connections whose answer went out while more of their input waits: pipelined requests.
    var ready: [UInt64] = []
    /// Answers without an end whose connections were closed, to be told; taken by the owner of the loop.
    var endedStreams: [UInt64] = []
    /// Why nothing could be accepted, to be told; taken by the owner of the loop.
    var fault: SystemFault?

    init(
        doorbell: Int32, listeners: [(descriptor: Int32, door: Request.Door)], limits: DoorLimits
    ) throws(SystemFault) {
        self.doorbell = doorbell
        self.limits = limits
        doors = listeners.map { Door(descriptor: $0.descriptor, door: $0.door) }
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemFault("epoll_create1") }
        for descriptor in listeners.map(\.descriptor) + [doorbell] {
            _ = clinux_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, UInt64(descriptor))
        }
    }

    /// Waits for events, at most a second, and serves them; returns the requests that became complete.
    mutating func turn(at now: Instant) -> [Asked] {
        var asked: [Asked] = []
        let waiting = ready
        ready = []
        for key in waiting {
            parse(key, into: &asked, at: now)
            watch(key)
        }
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        let patience = asked.isEmpty && ready.isEmpty ? patience(at: now) : 0
        let count = epoll_wait(epoll, &events, Int32(events.count), patience)
        let now = Instant.now()
        reopen(at: now)
        for index in 0..<max(0, Int(count)) {
            let word = clinux_epoll_word(&events[index])
            if word == UInt64(doorbell) {
                var rings: UInt64 = 0
                _ = read(doorbell, &rings, 8)
            } else if let door = doors.firstIndex(where: { UInt64($0.descriptor) == word }) {
                accept(door, at: now)
            } else {
                serve(word, events[index].events, into: &asked, at: now)
            }
        }
        sweep(at: now)
        return asked
    }

    /// Sends the answer to a request, unless its client has gone.
    mutating func answer(_ key: UInt64, _ bytes: [UInt8], closes: Bool, at now: Instant) {
        guard let connection = connections[key] else { return }
        connection.output = bytes
        connection.written = 0
        connection.enter(.writing(closes: closes), at: now)
        flush(key, at: now)
        watch(key)
    }

    /// Takes no more connections: the listeners are about to be closed, or somebody else's.
    mutating func stopAccepting() {
        for index in doors.indices {
            doors[index].pausedUntil = nil
            _ = clinux_epoll_control(epoll, EPOLL_CTL_DEL, doors[index].descriptor, 0, 0)
        }
    }

    /// True while a connection is owed an answer, or came just now and has asked nothing yet.
    var isBusy: Bool { connections.values.contains { $0.phase != .idle && $0.phase != .streaming } }

    /// Closes every connection.
    mutating func closeAll() {
        for key in connections.keys { _ = Glibc.close(descriptor(key)) }
        connections = [:]
        _ = Glibc.close(epoll)
    }

    func descriptor(_ key: UInt64) -> Int32 { Int32(truncatingIfNeeded: key & 0xffff_ffff) }

    mutating func close(_ key: UInt64) {
        guard let connection = connections.removeValue(forKey: key) else { return }
        doors[connection.listener].count -= 1
        if connection.phase == .streaming { endedStreams.append(key) }
        _ = Glibc.close(descriptor(key))
    }
}

extension HTTPServerLoop {
    private mutating func accept(_ door: Int, at now: Instant) {
        for _ in 0..<Limit.acceptsPerTurn {
            let isFull = doors[door].count >= limits.connections
            let victim = isFull ? dispensable(door, at: now) : nil
            if isFull, victim == nil { return pause(door, at: now) }
            var peer = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let descriptor = withUnsafeMutablePointer(to: &peer) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    clinux_accept(doors[door].descriptor, $0, &length)
                }
            }
            guard descriptor >= 0 else {
                switch errno {
                case EAGAIN: return
                case EINTR, ECONNABORTED: continue
                default: return fail(door, at: now)
                }
            }
            if let victim { close(victim) }
            let key = serial << 32 | UInt64(descriptor)
            serial += 1
            connections[key] = HTTPConnection(
                listener: door, client: doors[door].door == .tcp ? SocketAddress(peer) : nil, limits: limits,
                watched: EPOLLIN.rawValue, at: now)
            doors[door].count += 1
            _ = clinux_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, key)
        }
    }

    /// Who makes room at a full door: the connection that has been without a whole request for longest; failing
    /// that, one whose client does not read its answer; never one that is being answered.
    private func dispensable(_ door: Int, at now: Instant) -> UInt64? {
        let guests = connections.lazy.filter { $0.value.listener == door }
        let idle = guests.filter { $0.value.hasNoRequest }
        let stalled = guests.filter { $0.value.isStalled(at: now) }
        // Of those that came in one turn the one with the lowest number came first.
        func isOlder(
            _ one: (key: UInt64, value: HTTPConnection), _ other: (key: UInt64, value: HTTPConnection)
        ) -> Bool {
            (one.value.since, one.key) < (other.value.since, other.key)
        }
        return (idle.min(by: isOlder) ?? stalled.min(by: isOlder))?.key
    }

    /// Nothing can be accepted: the listener stays readable, so waiting for it would be spinning.
    private mutating func fail(_ door: Int, at now: Instant) {
        let code = errno
        pause(door, at: now)
        if let toldAt, now.milliseconds(since: toldAt) < Limit.quietMilliseconds { return }
        toldAt = now
        fault = SystemFault("accept", code: code)
    }

    private mutating func pause(_ door: Int, at now: Instant) {
        doors[door].pausedUntil = now.advanced(milliseconds: Limit.pauseMilliseconds)
        let descriptor = doors[door].descriptor
        _ = clinux_epoll_control(epoll, EPOLL_CTL_MOD, descriptor, 0, UInt64(descriptor))
    }

    private mutating func reopen(at now: Instant) {
        for index in doors.indices {
            guard let until = doors[index].pausedUntil, until <= now else { continue }
            doors[index].pausedUntil = nil
            let descriptor = doors[index].descriptor
            _ = clinux_epoll_control(
                epoll, EPOLL_CTL_MOD, descriptor, EPOLLIN.rawValue, UInt64(descriptor))
        }
    }

    private func patience(at now: Instant) -> Int32 {
        let pauses = doors.compactMap { $0.pausedUntil.map { max(0, $0.milliseconds(since: now)) + 1 } }
        return Int32(clamping: min(pauses.min() ?? Limit.turnMilliseconds, Limit.turnMilliseconds))
    }

    /// Ends connections whose time is up; a client that has begun a request is told.
    private mutating func sweep(at now: Instant) {
        guard now.milliseconds(since: sweptAt) >= Limit.turnMilliseconds else { return }
        sweptAt = now
        let late = connections.filter { entry in entry.value.deadline.map { $0 < now } ?? false }
        for (key, connection) in late {
            if connection.hasBegun {
                refuse(key, 408, "the request did not come in time; send it at once", at: now)
            } else {
                close(key)
            }
        }
    }
}
