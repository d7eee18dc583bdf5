import CLinux
import Glibc
import HTTP
import Linux

/// The connections of one `HTTPServer`, and one turn of its epoll loop; it lives on the server's thread.
struct HTTPServerLoop: Sendable {
    /// A request that waits for its answer, with the key that the answer is to name.
    struct Asked: Sendable {
        var key: UInt64
        var request: Request
        var keepsAlive: Bool
    }

    private enum Phase {
        case reading
        case handling
        case writing(closes: Bool)
    }

    private struct Connection {
        var door: Request.Door
        var phase = Phase.reading
        var input: [UInt8] = []
        var output: [UInt8] = []
        var written = 0
        var peerHasEnded = false
        var continueSent = false
        var deadline: Instant
    }

    /// Limits of a server that answers people and scripts.
    private enum Limit {
        static let connections = 1024
        static let bodyBytes = 1024 * 1024
        static let inputBytes = 32 * 1024 + bodyBytes
        static let readBytes = 16 * 1024
        /// A client may take this long for a request, or between two, in milliseconds.
        static let clientMilliseconds: Int64 = 30_000
        static let turnMilliseconds: Int32 = 1000
    }

    private let epoll: Int32
    private let doorbell: Int32
    private let listeners: [(descriptor: Int32, door: Request.Door)]
    /// By key: the descriptor in the low half, a rising number in the high one, so that a late answer or event
    /// for a descriptor that was closed and given out again finds nobody.
    private var connections: [UInt64: Connection] = [:]
    private var serial: UInt64 = 1
    private var sweptAt = Instant(nanoseconds: 0)
    /// Connections whose answer went out while more of their input waits: pipelined requests.
    private var ready: [UInt64] = []

    init(doorbell: Int32, listeners: [(descriptor: Int32, door: Request.Door)]) throws(SystemFault) {
        self.doorbell = doorbell
        self.listeners = listeners
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemFault("epoll_create1") }
        for descriptor in listeners.map(\.descriptor) + [doorbell] {
            _ = clinux_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, UInt64(descriptor))
        }
    }

    /// Waits for events, at most a second, and serves them; returns the requests that became complete.
    mutating func turn(at now: Instant) -> [Asked] {
        var asked: [Asked] = []
        for key in ready {
            parse(key, into: &asked, at: now)
            watch(key)
        }
        ready = []
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        let patience = asked.isEmpty ? Limit.turnMilliseconds : 0
        let count = epoll_wait(epoll, &events, Int32(events.count), patience)
        let now = Instant.now()
        for index in 0..<max(0, Int(count)) {
            let word = clinux_epoll_word(&events[index])
            if word == UInt64(doorbell) {
                var rings: UInt64 = 0
                _ = read(doorbell, &rings, 8)
            } else if let listener = listeners.first(where: { UInt64($0.descriptor) == word }) {
                accept(from: listener, at: now)
            } else {
                serve(word, into: &asked, at: now)
            }
        }
        sweep(at: now)
        return asked
    }

    /// Sends the answer to a request, unless its client has gone.
    mutating func answer(_ key: UInt64, _ bytes: [UInt8], closes: Bool) {
        guard connections[key] != nil else { return }
        connections[key]?.output = bytes
        connections[key]?.written = 0
        connections[key]?.phase = .writing(closes: closes)
        flush(key)
        watch(key)
    }

    /// Closes every connection.
    mutating func closeAll() {
        for key in connections.keys { _ = Glibc.close(descriptor(key)) }
        connections = [:]
        _ = Glibc.close(epoll)
    }

    private func descriptor(_ key: UInt64) -> Int32 { Int32(truncatingIfNeeded: key & 0xffff_ffff) }

    private mutating func accept(from listener: (descriptor: Int32, door: Request.Door), at now: Instant) {
        for _ in 0..<16 {
            let descriptor = clinux_accept(listener.descriptor, nil, nil)
            guard descriptor >= 0 else { return }
            guard connections.count < Limit.connections else {
                _ = Glibc.close(descriptor)
                continue
            }
            let key = serial << 32 | UInt64(descriptor)
            serial += 1
            connections[key] = Connection(
                door: listener.door, deadline: now.advanced(milliseconds: Limit.clientMilliseconds))
            _ = clinux_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, key)
        }
    }

    private mutating func serve(_ key: UInt64, into asked: inout [Asked], at now: Instant) {
        guard let phase = connections[key]?.phase else { return }
        switch phase {
        case .reading, .handling: receive(key)  // while a handler works: to notice a client that goes away
        case .writing: flush(key)
        }
        parse(key, into: &asked, at: now)
        watch(key)
    }

    private mutating func receive(_ key: UInt64) {
        guard let held = connections[key]?.input.count, held < Limit.inputBytes else { return }
        var failure: Int32 = 0
        let chunk = [UInt8](unsafeUninitializedCapacity: Limit.readBytes) { buffer, count in
            let got = read(descriptor(key), buffer.baseAddress, buffer.count)
            failure = got < 0 ? errno : 0
            count = max(0, got)
        }
        switch failure {
        case 0 where chunk.isEmpty: connections[key]?.peerHasEnded = true
        case 0: connections[key]?.input += chunk
        case EAGAIN, EINTR: break
        default: close(key)
        }
    }

    /// Takes the next complete request off the input, or refuses what can never become one.
    private mutating func parse(_ key: UInt64, into asked: inout [Asked], at now: Instant) {
        guard let connection = connections[key], case .reading = connection.phase else { return }
        let head: PlainRequest
        do {
            guard let parsed = try PlainRequest(connection.input) else {
                if connection.peerHasEnded { close(key) }
                return
            }
            head = parsed
        } catch {
            return refuse(key, error.status, "\(error.reason)")
        }
        let bodyCount: Int
        switch head.framing {
        case .none: bodyCount = 0
        case .length(let length):
            guard length <= Limit.bodyBytes else {
                return refuse(key, 413, "the body is longer than \(Limit.bodyBytes) bytes")
            }
            bodyCount = Int(length)
        case .chunked, .untilClose: return refuse(key, 411, "send the body with a Content-Length")
        }
        guard connection.input.count >= head.length + bodyCount else {
            if connection.peerHasEnded { return close(key) }
            if head.expectsContinue, !connection.continueSent {
                connections[key]?.continueSent = true
                let line = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
                _ = send(descriptor(key), line, line.count, Int32(MSG_NOSIGNAL))
            }
            return
        }
        let body = Array(connection.input[head.length..<head.length + bodyCount])
        connections[key]?.input.removeFirst(head.length + bodyCount)
        connections[key]?.continueSent = false
        connections[key]?.phase = .handling
        connections[key]?.deadline = now.advanced(milliseconds: Limit.clientMilliseconds)
        guard let target = Target(head.target) else {
            return refuse(key, 400, "the target is not percent-encoded")
        }
        let request = Request(
            method: head.method, path: target.path, query: target.query, host: head.host, body: body,
            door: connection.door)
        asked.append(
            Asked(key: key, request: request, keepsAlive: head.keepsAlive && !connection.peerHasEnded))
    }

    private mutating func refuse(_ key: UInt64, _ status: Int, _ reason: String) {
        let body = reason + "\n"
        let head =
            "HTTP/1.1 \(status) \(HTTPServer.reason(status))\r\nContent-Type: text/plain\r\n"
            + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n"
        answer(key, Array((head + body).utf8), closes: true)
    }

    private mutating func flush(_ key: UInt64) {
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
        connections[key]?.written = written
        guard written == connection.output.count else { return }
        connections[key]?.output = []
        if closes { return close(key) }
        connections[key]?.phase = .reading
        ready.append(key)
    }

    /// Tells epoll what this connection waits for.
    private func watch(_ key: UInt64) {
        guard let connection = connections[key] else { return }
        let events: UInt32 =
            switch connection.phase {
            case .reading, .handling: connection.peerHasEnded ? 0 : EPOLLIN.rawValue
            case .writing: EPOLLOUT.rawValue
            }
        _ = clinux_epoll_control(epoll, EPOLL_CTL_MOD, descriptor(key), events, key)
    }

    private mutating func close(_ key: UInt64) {
        guard connections.removeValue(forKey: key) != nil else { return }
        _ = Glibc.close(descriptor(key))
    }

    /// Closes connections whose client did nothing for too long.
    private mutating func sweep(at now: Instant) {
        guard now.milliseconds(since: sweptAt) >= 1000 else { return }
        sweptAt = now
        for (key, connection) in connections where connection.deadline < now {
            if case .handling = connection.phase { continue }
            close(key)
        }
    }
}
