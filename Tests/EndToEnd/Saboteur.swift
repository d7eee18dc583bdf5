import Glibc
import Linux
import Synchronization

/// A server that passes its health checks, and answers requests by the first so many bytes of an answer, then ends the
/// connection: one more byte each time, and then from the beginning.
///
/// It greets whoever asks for nothing else, and tells the digest of what it was sent. Each answer is as long as the
/// others.
final class Saboteur: Sendable {
    /// How it answers.
    enum Form: CaseIterable {
        /// By a length, once a connection.
        case length
        /// In chunks, once a connection.
        case chunks
        /// By a length; each connection's first answer is whole, and its second breaks off.
        case kept
    }

    /// What it remembers of the requests that it answered.
    struct Tally: Sendable {
        /// How often every offset has had its turn.
        var rounds = 0
        /// The requests whose answers were to break off.
        var requests = 0
        /// How often each POST came, by its number.
        var posts: [Int: Int] = [:]
        /// The numbers of those POSTs whose answers broke off.
        var brokenPosts: Set<Int> = []
    }

    private struct State {
        var offset = 0
        var tally = Tally()
    }

    private struct Message {
        var isHealthCheck = false
        var isPost = false
        var hasBody = false
        var number: Int?
        var body: [UInt8] = []
    }

    /// The number of bytes of a whole answer.
    let answerBytes: Int
    private let form: Form
    private let listener: LoopbackListener
    private let state = Mutex(State())

    init(_ form: Form) throws {
        self.form = form
        answerBytes = Saboteur.answer(form, Message()).count
        listener = try LoopbackListener()
        try listener.start { [self] in serve($0) }
    }

    var address: String { listener.address }

    /// Takes no more connections.
    func stop() { listener.stop() }

    var tally: Tally { state.withLock { $0.tally } }

    private static func answer(_ form: Form, _ message: Message) -> [UInt8] {
        let content =
            message.hasBody ? BodyDigest.text(of: message.body) : Array("hello from app-saboteur!".utf8)
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
        guard form == .chunks else {
            return Array("\(head)Content-Length: \(content.count)\r\n\r\n".utf8) + content
        }
        let rest = String(content.count - 5, radix: 16)
        return Array("\(head)Transfer-Encoding: chunked\r\n\r\n5\r\n".utf8) + content[..<5]
            + Array("\r\n\(rest)\r\n".utf8) + content[5...] + Array("\r\n0\r\n\r\n".utf8)
    }

    private func serve(_ connection: Int32) {
        Patience.limit(connection, milliseconds: 2000)
        if form == .kept {
            guard let first = request(over: connection) else { return }
            let answer = Saboteur.answer(form, first)
            guard send(connection, answer, answer.count, Int32(MSG_NOSIGNAL)) == answer.count else { return }
        }
        guard let message = request(over: connection) else { return }
        let (offset, resets) = state.withLock { state in
            let offset = state.offset
            let resets = state.tally.rounds % 2 == 1
            state.tally.requests += 1
            if message.isPost, let number = message.number, offset < answerBytes {
                state.tally.brokenPosts.insert(number)
            }
            state.offset += 1
            if state.offset > answerBytes {
                state.offset = 0
                state.tally.rounds += 1
            }
            return (offset, resets)
        }
        let answer = Saboteur.answer(form, message)
        if offset > 0 { _ = send(connection, answer, offset, Int32(MSG_NOSIGNAL)) }
        guard resets else { return }
        var reset = linger(l_onoff: 1, l_linger: 0)
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
    }

    /// Reads a request to its end; nil when there is none, or when it is a health check, which is answered here.
    private func request(over connection: Int32) -> Message? {
        guard let message = Saboteur.read(connection) else { return nil }
        guard message.isHealthCheck else {
            if message.isPost, let number = message.number {
                state.withLock { $0.tally.posts[number, default: 0] += 1 }
            }
            return message
        }
        let good = Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
        _ = send(connection, good, good.count, Int32(MSG_NOSIGNAL))
        return nil
    }

    private static func read(_ connection: Int32) -> Message? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { return nil }
            bytes += chunk[..<count]
            guard let end = LoadAnswer.endOfHead(in: bytes) else { continue }
            let head = String(decoding: bytes[..<end], as: UTF8.self)
            var message = Message()
            message.isHealthCheck = head.hasPrefix("GET /healthz")
            message.isPost = head.hasPrefix("POST ")
            message.number = number(after: "?n=", in: head)
            let length = number(after: "\r\ncontent-length: ", in: head.lowercased())
            message.hasBody = length != nil
            guard bytes.count - end - 4 >= length ?? 0 else { continue }
            message.body = Array(bytes[(end + 4)...])
            return message
        }
    }

    private static func number(after word: String, in text: String) -> Int? {
        text.firstRange(of: word).flatMap { Int(text[$0.upperBound...].prefix { $0.isNumber }) }
    }
}
