import CLinux
import Glibc
import HTTP
import Linux

/// What happens on one connection of the loop.
extension HTTPServerLoop {
    /// Acts on what epoll said of a connection.
    mutating func serve(
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
        case .streaming:
            if isGone { return close(key) }
            if events & EPOLLIN.rawValue != 0 { drain(key) }
            flushStream(key, at: now)
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
        case 0 where chunk.isEmpty: connection.peerHasEnded = true
        case 0:
            if connection.phase == .idle { connection.enter(.head, at: now) }
            connection.input += chunk
        case EAGAIN, EINTR: break
        default: close(key)
        }
    }

    /// Throws away what a client sends after its last answer, or during one without an end, until it ends or has sent too much.
    private mutating func drain(_ key: UInt64) {
        guard let connection = connections[key] else { return }
        guard connection.drained < Limit.drainBytes else { return close(key) }
        var chunk = [UInt8](repeating: 0, count: Limit.readBytes)
        let count = read(descriptor(key), &chunk, chunk.count)
        if count > 0 {
            connection.drained += count
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            close(key)
        }
    }

    /// Takes the next complete request off the input, or refuses what can never become one.
    mutating func parse(_ key: UInt64, into asked: inout [Asked], at now: Instant) {
        guard let connection = connections[key] else { return }
        switch connection.phase {
        case .idle, .head, .body: break
        case .handling, .writing, .streaming, .lingering: return
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
        if connection.input.count == head.length + bodyCount {
            connection.input.removeAll(keepingCapacity: connection.input.capacity <= Limit.readBytes)
        } else {
            connection.input.removeFirst(head.length + bodyCount)
        }
        connection.continueSent = false
        connection.enter(.handling, at: now)
        guard let target = Target(head.target) else {
            return refuse(
                key, 400, "the request target is not well percent-encoded", isHead: isHead, at: now)
        }
        let request = Request(
            method: head.method, path: target.path, query: target.query, host: head.host, body: body,
            door: doors[connection.listener].door, client: connection.client,
            fields: Dictionary(head.fields.map { ($0.name.lowercased(), $0.value) }) { first, _ in first })
        asked.append(
            Asked(key: key, request: request, keepsAlive: head.keepsAlive && !connection.peerHasEnded))
    }

    /// The head has come; the rest of the body has not.
    private mutating func awaitBody(_ key: UInt64, _ head: PlainRequest) {
        guard let connection = connections[key] else { return }
        if connection.peerHasEnded { return close(key) }
        if connection.phase != .body { connection.enter(.body, at: connection.since) }
        guard head.expectsContinue, !connection.continueSent else { return }
        connection.continueSent = true
        let line = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
        _ = send(descriptor(key), line, line.count, Int32(MSG_NOSIGNAL))
    }

    /// Answers what is no request with the API's error, and closes.
    mutating func refuse(
        _ key: UInt64, _ status: Int, _ sentence: String, isHead: Bool = false, at now: Instant
    ) {
        connections[key]?.input = []
        let response = Response.error(status, sentence)
        answer(
            key, HTTPServer.bytes(response, isHead: isHead, keepsAlive: false), closes: true, at: now)
    }

    static func sentence(_ fault: MessageFault) -> String {
        switch fault.status {
        case 414: "\(fault.reason); it may have \(Limit.head.targetBytes) bytes"
        case 431:
            "\(fault.reason); it may have \(Limit.head.headBytes) bytes and \(Limit.head.fields) fields"
        case 505: "\(fault.reason); speak HTTP/1.1"
        default: "\(fault.reason)"
        }
    }

    mutating func flush(_ key: UInt64, at now: Instant) {
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
        if written > connection.written { connection.enter(connection.phase, at: now) }
        connection.written = written
        guard written == connection.output.count else { return }
        connection.output = []
        if closes { return linger(key, at: now) }
        connection.enter(connection.input.isEmpty ? .idle : .head, at: now)
        ready.append(key)
    }

    /// Ends our side; the connection is closed when the client has ended its own. Closing while unread bytes
    /// wait would reset it, and the client might lose the answer.
    private mutating func linger(_ key: UInt64, at now: Instant) {
        guard let connection = connections[key] else { return }
        if connection.peerHasEnded || shutdown(descriptor(key), Int32(SHUT_WR)) != 0 { return close(key) }
        connection.input = []
        connection.enter(.lingering, at: now)
    }

    /// Tells epoll what this connection waits for.
    mutating func watch(_ key: UInt64) {
        guard let connection = connections[key] else { return }
        let events: UInt32 =
            switch connection.phase {
            case .idle, .head, .body, .lingering: EPOLLIN.rawValue
            case .handling:
                connection.peerHasEnded || connection.input.count >= Limit.aheadBytes ? 0 : EPOLLIN.rawValue
            case .writing: EPOLLOUT.rawValue
            case .streaming: EPOLLIN.rawValue | (connection.chunks.isEmpty ? 0 : EPOLLOUT.rawValue)
            }
        guard events != connection.watched else { return }
        connection.watched = events
        _ = clinux_epoll_control(epoll, EPOLL_CTL_MOD, descriptor(key), events, key)
    }
}
