import Glibc
import Linux
import Synchronization

/// Keeps asking a proxy at a steady rate over kept connections, and judges what it gets.
///
/// A client as people write them: it connects again when the connect is refused, or when the connection ends
/// before the first byte of the answer, for at most `patience`. An answer that breaks off is counted as cut;
/// everything else that is not a whole 200 is a failure.
final class LoadClient: Sendable {
    struct Tally: Sendable {
        var answered = 0
        /// Answers that had begun when their connection ended.
        var cut = 0
        /// Tries that were repeated, by the rules above.
        var reconnects = 0
        var failures: [String] = []
        /// The longest time from a request's beginning to its answer, in milliseconds.
        var longestMilliseconds: Int64 = 0
    }

    private struct State {
        var tally = Tally()
        var stops = false
        var threads: [Thread] = []
    }

    private let port: UInt16
    private let keepsConnections: Bool
    private let state = Mutex(State())

    /// How long one request may be tried again and again, in milliseconds.
    static let patienceMilliseconds: Int64 = 1500

    /// Starts `threads` clients that together send `perSecond` requests a second, each over its own connection, or
    /// each request over a new one.
    init(port: UInt16, perSecond: Int, threads: Int = 10, keepsConnections: Bool = true) throws {
        self.port = port
        self.keepsConnections = keepsConnections
        for index in 0..<threads {
            let interval = Int64(1_000_000_000) * Int64(threads) / Int64(perSecond)
            let offset = interval * Int64(index) / Int64(threads)
            let thread = try Thread.start(named: "load-\(index)") { [self] in run(interval, offset) }
            state.withLock { $0.threads.append(thread) }
        }
    }

    /// Ends the load and tells what came of it.
    func stop() -> Tally {
        let threads = state.withLock { state in
            state.stops = true
            defer { state.threads = [] }
            return state.threads
        }
        for thread in threads { thread.join() }
        return state.withLock { $0.tally }
    }

    /// What came of it so far.
    var tally: Tally { state.withLock { $0.tally } }

    private func run(_ interval: Int64, _ offset: Int64) {
        var next = Instant.now().nanoseconds + offset
        var connection = Connection(port: port)
        while !state.withLock({ $0.stops }) {
            let now = Instant.now().nanoseconds
            if now < next {
                var pause = timespec(tv_sec: 0, tv_nsec: Int(min(next - now, 50_000_000)))
                nanosleep(&pause, nil)
                continue
            }
            next = max(next + interval, now)
            one(&connection)
        }
        connection.close()
    }

    private func one(_ connection: inout Connection) {
        let begin = Instant.now()
        let deadline = begin.advanced(milliseconds: LoadClient.patienceMilliseconds)
        var reconnects = 0
        while true {
            let outcome = connection.exchange(until: deadline.advanced(milliseconds: 3500))
            let now = Instant.now()
            if case .unanswered(let why) = outcome {
                connection.close()
                if now < deadline {
                    reconnects += 1
                    usleep(2000)
                    continue
                }
                return record(reconnects, begin) { $0.failures.append("\(why) for too long") }
            }
            return record(reconnects, begin) { tally in
                switch outcome {
                case .answered:
                    tally.answered += 1
                    if !keepsConnections { connection.close() }
                case .cut: tally.cut += 1
                case .failed(let why): tally.failures.append(why)
                case .unanswered: break
                }
            }
        }
    }

    private func record(_ reconnects: Int, _ begin: Instant, _ change: (inout Tally) -> Void) {
        let took = Instant.now().milliseconds(since: begin)
        state.withLock { state in
            state.tally.reconnects += reconnects
            state.tally.longestMilliseconds = max(state.tally.longestMilliseconds, took)
            change(&state.tally)
        }
    }

    private enum Outcome {
        case answered
        case cut
        /// Refused, or ended before the first byte of an answer: may be tried again.
        case unanswered(String)
        case failed(String)
    }

    private struct Connection {
        let port: UInt16
        var socket: Int32 = -1

        init(port: UInt16) { self.port = port }

        mutating func close() {
            if socket >= 0 { _ = Glibc.close(socket) }
            socket = -1
        }

        mutating func exchange(until deadline: Instant) -> Outcome {
            if socket < 0 {
                if let failure = connectNow() { return failure }
            }
            let request = Array("GET / HTTP/1.1\r\nHost: troop.test\r\n\r\n".utf8)
            guard send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
                return .unanswered("send: \(errno)")
            }
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 4096)
            while true {
                let left = deadline.milliseconds(since: .now())
                var limit = timeval(
                    tv_sec: Int(max(left, 1)) / 1000, tv_usec: Int(max(left, 1) % 1000) * 1000)
                setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                let count = recv(socket, &chunk, chunk.count, 0)
                if count > 0 {
                    bytes += chunk.prefix(count)
                    if let verdict = judge(bytes) { return verdict }
                    continue
                }
                let failure = errno
                defer { close() }
                if count < 0, failure == EAGAIN {
                    return .failed("no answer in time; got \(bytes.count) bytes")
                }
                guard count == 0 || failure == ECONNRESET else { return .failed("recv: \(failure)") }
                return bytes.isEmpty ? .unanswered("closed without an answer") : .cut
            }
        }

        private mutating func connectNow() -> Outcome? {
            socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard socket >= 0, let address = try? SocketAddress(host: "127.0.0.1", port: port) else {
                return .failed("socket: \(errno)")
            }
            if address.withSockaddr({ connect(socket, $0, $1) }) == 0 { return nil }
            let failure = errno
            close()
            return failure == ECONNREFUSED ? .unanswered("refused") : .failed("connect: \(failure)")
        }

        /// nil while the answer is not complete.
        private mutating func judge(_ bytes: [UInt8]) -> Outcome? {
            let text = String(decoding: bytes, as: UTF8.self)
            guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
            let head = text[..<end.lowerBound].lowercased()
            guard head.hasPrefix("http/1.1 200 ") else {
                close()
                return .failed(String(text.prefix(1000)))
            }
            if head.contains("\r\ntransfer-encoding: chunked") {
                guard let content = Connection.content(ofChunks: text[end.upperBound...]) else { return nil }
                guard content.hasPrefix("hello from app-") else {
                    return .failed("wrong chunks: \(content.prefix(100))")
                }
                if head.contains("\r\nconnection: close") { close() }
                return .answered
            }
            guard let field = head.firstRange(of: "\r\ncontent-length: "),
                let length = Int(head[field.upperBound...].prefix { $0.isNumber })
            else { return .failed("no length: \(text.prefix(200))") }
            let body = text[end.upperBound...]
            guard body.utf8.count >= length else { return nil }
            guard body.hasPrefix("hello from app-"), body.utf8.count == length else {
                return .failed("wrong body: \(body.prefix(100))")
            }
            if head.contains("\r\nconnection: close") { close() }
            return .answered
        }

        /// What is in chunks of ASCII; nil while they are not whole.
        private static func content(ofChunks text: Substring) -> String? {
            var rest = text
            var content = ""
            while let line = rest.firstRange(of: "\r\n") {
                guard let size = Int(rest[..<line.lowerBound], radix: 16) else { return nil }
                rest = rest[line.upperBound...]
                if size == 0 { return rest == "\r\n" ? content : nil }
                guard rest.count > size else { return nil }
                content += rest.prefix(size)
                rest = rest.dropFirst(size + 1)  // CRLF is one character
            }
            return nil
        }
    }
}
