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

    private struct Door {
        let descriptor: Int32
        let door: Request.Door
        var count = 0
        /// While set, nothing is accepted: there is no room or no descriptor.
        var pausedUntil: Instant?
    }

    /// Limits that all doors share.
    private enum Limit {
        static let bodyBytes = 1024 * 1024
        static let inputBytes = 32 * 1024 + bodyBytes
        /// What a client may send ahead while it is being answered.
        static let aheadBytes = 64 * 1024
        /// What is read on after the last answer.
        static let drainBytes = 8 * 1024 * 1024
        static let readBytes = 16 * 1024
        static let acceptsPerTurn = 16
        static let pauseMilliseconds: Int64 = 100
        /// The same fault is not told again for so long.
        static let quietMilliseconds: Int64 = 60_000
        static let turnMilliseconds: Int64 = 1000
        static let head = HeadLimits()
    }

    private let epoll: Int32
    private let doorbell: Int32
    private let limits: DoorLimits
    private var doors: [Door]
    /// By key: the descriptor in the low half, a rising number in the high one, so that a late answer or event
    /// for a descriptor that was closed and given out again finds nobody.
    private var connections: [UInt64: HTTPConnection] = [:]
    private var serial: UInt64 = 1
    private var sweptAt = Instant(nanoseconds: 0)
    private var toldAt: Instant?
    /// Connections whose answer went out while more of their input waits: pipelined requests.
    private var ready: [UInt64] = []
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
        guard connections[key] != nil else { return }
        connections[key]?.output = bytes
        connections[key]?.written = 0
        connections[key]?.enter(.writing(closes: closes), at: now)
        flush(key, at: now)
        watch(key)
    }

    /// Closes every connection.
    mutating func closeAll() {
        for key in connections.keys { _ = Glibc.close(descriptor(key)) }
        connections = [:]
        _ = Glibc.close(epoll)
    }

    private func descriptor(_ key: UInt64) -> Int32 { Int32(truncatingIfNeeded: key & 0xffff_ffff) }

    private mutating func close(_ key: UInt64) {
        guard let connection = connections.removeValue(forKey: key) else { return }
        doors[connection.listener].count -= 1
        _ = Glibc.close(descriptor(key))
    }
}

// MARK: - Coming in

extension HTTPServerLoop {
    private mutating func accept(_ door: Int, at now: Instant) {
        for _ in 0..<Limit.acceptsPerTurn {
            guard doors[door].count < limits.connections || makeRoom(door, at: now) else {
                return pause(door, at: now)
            }
            let descriptor = clinux_accept(doors[door].descriptor, nil, nil)
            guard descriptor >= 0 else {
                switch errno {
                case EAGAIN: return
                case EINTR, ECONNABORTED: continue
                default: return fail(door, at: now)
                }
            }
            let key = serial << 32 | UInt64(descriptor)
            serial += 1
            connections[key] = HTTPConnection(
                listener: door, limits: limits, watched: EPOLLIN.rawValue, at: now)
            doors[door].count += 1
            _ = clinux_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, key)
        }
    }

    /// Closes the connection of a full door that has been without a whole request for longest; failing that, one
    /// whose client does not read its answer; never one that is being answered. False when there is none.
    private mutating func makeRoom(_ door: Int, at now: Instant) -> Bool {
        let guests = connections.lazy.filter { $0.value.listener == door }
        let idle = guests.filter { $0.value.hasNoRequest }
        let victim =
            idle.min { $0.value.since < $1.value.since }
            ?? guests.filter { $0.value.isStalled(at: now) }.min { $0.value.since < $1.value.since }
        guard let victim else { return false }
        close(victim.key)
        return true
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

// MARK: - One connection

extension HTTPServerLoop {
    private mutating func serve(
        _ key: UInt64, _ events: UInt32, into asked: inout [Asked], at now: Instant
    ) {
        guard let connection = connections[key] else { return }
        let isGone = events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
        switch connection.phase {
        case .idle, .head, .body: receive(key, at: now)
        case .handling:
            // To notice a client that goes away, and to hold what it sends ahead.
            if isGone { return close(key) }
            receive(key, at: now)
        case .writing:
            if isGone { return close(key) }
            flush(key, at: now)
        case .lingering: drain(key)
        }
        parse(key, into: &asked, at: now)
        watch(key)
    }

    private mutating func receive(_ key: UInt64, at now: Instant) {
        guard let connection = connections[key], connection.input.count < Limit.inputBytes else { return }
        var failure: Int32 = 0
        let chunk = [UInt8](unsafeUninitializedCapacity: Limit.readBytes) { buffer, count in
            let got = read(descriptor(key), buffer.baseAddress, buffer.count)
            failure = got < 0 ? errno : 0
            count = max(0, got)
        }
        switch failure {
        case 0 where chunk.isEmpty: connections[key]?.peerHasEnded = true
        case 0:
            if connection.phase == .idle { connections[key]?.enter(.head, at: now) }
            connections[key]?.input += chunk
        case EAGAIN, EINTR: break
        default: close(key)
        }
    }

    /// Throws away what a client sends after its last answer, until it ends or has sent too much.
    private mutating func drain(_ key: UInt64) {
        guard let drained = connections[key]?.drained, drained < Limit.drainBytes else { return close(key) }
        var chunk = [UInt8](repeating: 0, count: Limit.readBytes)
        let count = read(descriptor(key), &chunk, chunk.count)
        if count > 0 {
            connections[key]?.drained += count
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            close(key)
        }
    }

    /// Takes the next complete request off the input, or refuses what can never become one.
    private mutating func parse(_ key: UInt64, into asked: inout [Asked], at now: Instant) {
        guard let connection = connections[key] else { return }
        switch connection.phase {
        case .idle, .head, .body: break
        case .handling, .writing, .lingering: return
        }
        let head: PlainRequest
        do {
            guard let parsed = try PlainRequest(connection.input, limits: Limit.head) else {
                if connection.peerHasEnded { close(key) }
                return
            }
            head = parsed
        } catch {
            return refuse(key, error.status, HTTPServerLoop.sentence(error), at: now)
        }
        let isHead = head.method == "HEAD"
        let bodyCount: Int
        switch head.framing {
        case .none: bodyCount = 0
        case .length(let length):
            guard length <= Limit.bodyBytes else {
                return refuse(
                    key, 413, "the body is longer than \(Limit.bodyBytes) bytes", isHead: isHead, at: now)
            }
            bodyCount = Int(length)
        case .chunked, .untilClose:
            return refuse(key, 411, "send the body with a Content-Length", isHead: isHead, at: now)
        }
        guard connection.input.count >= head.length + bodyCount else {
            return awaitBody(key, head)
        }
        let body = Array(connection.input[head.length..<head.length + bodyCount])
        connections[key]?.input.removeFirst(head.length + bodyCount)
        connections[key]?.continueSent = false
        connections[key]?.enter(.handling, at: now)
        guard let target = Target(head.target) else {
            return refuse(
                key, 400, "the request target is not well percent-encoded", isHead: isHead, at: now)
        }
        let request = Request(
            method: head.method, path: target.path, query: target.query, host: head.host, body: body,
            door: doors[connection.listener].door)
        asked.append(
            Asked(key: key, request: request, keepsAlive: head.keepsAlive && !connection.peerHasEnded))
    }

    /// The head has come; the rest of the body has not.
    private mutating func awaitBody(_ key: UInt64, _ head: PlainRequest) {
        guard let connection = connections[key] else { return }
        if connection.peerHasEnded { return close(key) }
        if connection.phase != .body { connections[key]?.enter(.body, at: connection.since) }
        guard head.expectsContinue, !connection.continueSent else { return }
        connections[key]?.continueSent = true
        let line = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
        _ = send(descriptor(key), line, line.count, Int32(MSG_NOSIGNAL))
    }

    /// Answers what is no request with the API's error, and closes.
    private mutating func refuse(
        _ key: UInt64, _ status: Int, _ sentence: String, isHead: Bool = false, at now: Instant
    ) {
        connections[key]?.input = []
        let response = Response.error(status, sentence)
        answer(
            key, HTTPServer.bytes(response, isHead: isHead, keepsAlive: false), closes: true, at: now)
    }

    private static func sentence(_ fault: MessageFault) -> String {
        switch fault.status {
        case 414: "\(fault.reason); it may have \(Limit.head.targetBytes) bytes"
        case 431:
            "\(fault.reason); it may have \(Limit.head.headBytes) bytes and \(Limit.head.fields) fields"
        case 505: "\(fault.reason); speak HTTP/1.1"
        default: "\(fault.reason)"
        }
    }

    private mutating func flush(_ key: UInt64, at now: Instant) {
        guard let connection = connections[key], case .writing(let closes) = connection.phase else { return }
        var written = connection.written
        while written < connection.output.count {
            let sent = connection.output.withUnsafeBytes {
                send(
                    descriptor(key), $0.baseAddress?.advanced(by: written), $0.count - written,
                    Int32(MSG_NOSIGNAL))
            }
            if sent < 0 {
                if errno == EINTR { continue }
                if errno != EAGAIN { return close(key) }
                break
            }
            written += sent
        }
        if written > connection.written { connections[key]?.enter(connection.phase, at: now) }
        connections[key]?.written = written
        guard written == connection.output.count else { return }
        connections[key]?.output = []
        if closes { return linger(key, at: now) }
        connections[key]?.enter(connection.input.isEmpty ? .idle : .head, at: now)
        ready.append(key)
    }

    /// Ends our side; the connection is closed when the client has ended its own. Closing while unread bytes
    /// wait would reset it, and the client might lose the answer.
    private mutating func linger(_ key: UInt64, at now: Instant) {
        guard let connection = connections[key] else { return }
        if connection.peerHasEnded || shutdown(descriptor(key), Int32(SHUT_WR)) != 0 { return close(key) }
        connections[key]?.input = []
        connections[key]?.enter(.lingering, at: now)
    }

    /// Tells epoll what this connection waits for.
    private mutating func watch(_ key: UInt64) {
        guard let connection = connections[key] else { return }
        let events: UInt32 =
            switch connection.phase {
            case .idle, .head, .body, .lingering: EPOLLIN.rawValue
            case .handling:
                connection.peerHasEnded || connection.input.count >= Limit.aheadBytes ? 0 : EPOLLIN.rawValue
            case .writing: EPOLLOUT.rawValue
            }
        guard events != connection.watched else { return }
        connections[key]?.watched = events
        _ = clinux_epoll_control(epoll, EPOLL_CTL_MOD, descriptor(key), events, key)
    }
}
