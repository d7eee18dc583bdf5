import CLinux
import Glibc
import Linux
import Synchronization

/// Clients that ask the proxy at a steady pace over connections that they keep for a while, as browsers and services do.
final class SoakClients: Sendable {
    private struct State {
        var requests = 0
        var again = 0
        var failures: [Blame.Failure] = []
        var slowest: Int64 = 0
    }

    /// A connection that a client has, and how often it was used.
    private final class Link {
        let descriptor: Descriptor
        var uses = 0

        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }

    private enum Outcome {
        case good
        /// The connection had been closed before the request was seen: HTTP lets a client ask again, once.
        case stale
        case failed(String)
    }

    /// Requests on one connection.
    private static let usesMax = 50
    private static let patienceSeconds = 5
    private static let request = Array("GET / HTTP/1.1\r\nHost: soak.test\r\n\r\n".utf8)

    private let address: SocketAddress
    private let intervalMicroseconds: Int64
    private let ends = Atomic(false)
    private let state = Mutex(State())
    private let threads = Mutex<[Linux.Thread]>([])

    /// Clients of a proxy on loopback.
    init(port: UInt16, clients: Int, requestsPerSecond: Int) throws {
        address = try SocketAddress(host: "127.0.0.1", port: port)
        intervalMicroseconds = 1_000_000 * Int64(clients) / Int64(requestsPerSecond)
        for number in 0..<clients {
            let thread = try Thread.start(named: "client-\(number)") { [self] in ask(number) }
            threads.withLock { $0.append(thread) }
        }
    }

    /// Ends them and waits for that.
    func stop() {
        ends.store(true, ordering: .relaxed)
        for thread in threads.withLock({ $0 }) { thread.join() }
    }

    /// Requests so far, those that were asked again on a fresh connection, and the slowest good answer in milliseconds.
    var counts: (requests: Int, again: Int, slowestMilliseconds: Int64) {
        state.withLock { ($0.requests, $0.again, $0.slowest) }
    }

    /// The failures since this was last asked.
    func takeFailures() -> [Blame.Failure] {
        state.withLock { state in
            defer { state.failures = [] }
            return state.failures
        }
    }

    private func ask(_ number: Int) {
        var link: Link?
        var due = Instant.now().nanoseconds
        while !ends.load(ordering: .relaxed) {
            due = max(due + intervalMicroseconds * 1000, Instant.now().nanoseconds - 1_000_000_000)
            let wait = due - Instant.now().nanoseconds
            if wait > 0 { usleep(UInt32(clamping: wait / 1000)) }
            askOnce(&link)
        }
    }

    private func askOnce(_ link: inout Link?) {
        let began = Instant.now()
        var outcome = exchange(&link)
        if case .stale = outcome {
            state.withLock { $0.again += 1 }
            link = nil
            outcome = exchange(&link)
        }
        let ended = Instant.now()
        state.withLock { state in
            state.requests += 1
            switch outcome {
            case .good: state.slowest = max(state.slowest, ended.milliseconds(since: began))
            case .stale:
                state.failures.append(.init(began: began, ended: ended, what: "closed without an answer"))
            case .failed(let what): state.failures.append(.init(began: began, ended: ended, what: what))
            }
        }
        if case .good = outcome { return }
        link = nil
    }

    private func exchange(_ link: inout Link?) -> Outcome {
        if let uses = link?.uses, uses >= SoakClients.usesMax { link = nil }
        if link == nil {
            let fresh = Descriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0))
            var limit = timeval(tv_sec: SoakClients.patienceSeconds, tv_usec: 0)
            setsockopt(fresh.raw, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            guard address.withSockaddr({ connect(fresh.raw, $0, $1) }) == 0 else {
                return .failed("connect: \(String(cString: strerror(errno)))")
            }
            link = Link(fresh)
        }
        guard let raw = link?.descriptor.raw else { return .failed("no connection") }
        let isReused = (link?.uses ?? 0) > 0
        link?.uses += 1
        let sent = send(raw, SoakClients.request, SoakClients.request.count, Int32(MSG_NOSIGNAL))
        guard sent == SoakClients.request.count else {
            return isReused ? .stale : .failed("send: \(String(cString: strerror(errno)))")
        }
        return answer(raw, isReused, &link)
    }

    private func answer(_ raw: Int32, _ isReused: Bool, _ link: inout Link?) -> Outcome {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(raw, &piece, piece.count, 0)
            if count <= 0 {
                if bytes.isEmpty, isReused, count == 0 || errno == ECONNRESET { return .stale }
                let why = count == 0 ? "closed" : String(cString: strerror(errno))
                return .failed("\(why) after \(bytes.count) bytes")
            }
            bytes += piece.prefix(count)
            let text = String(decoding: bytes, as: UTF8.self)
            guard let end = text.firstRange(of: "\r\n\r\n") else { continue }
            let head = text[..<end.lowerBound].lowercased()
            let length = head.firstRange(of: "content-length: ").flatMap {
                Int(head[$0.upperBound...].prefix { $0.isNumber })
            }
            guard text[end.upperBound...].utf8.count >= length ?? 0 else { continue }
            if head.contains("connection: close") { link = nil }
            let status = text.dropFirst(9).prefix(3)
            return status == "200" ? .good : .failed("status \(status)")
        }
    }
}
