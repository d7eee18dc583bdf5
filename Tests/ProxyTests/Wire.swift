import CLinux
import COpenSSL
import Glibc
import Linux

/// One end of a TCP connection, read and written by blocking calls that give up after a minute.
final class Wire {
    struct Message {
        let startLine: String
        let fields: [(name: String, value: String)]
        var body: [UInt8] = []

        func field(_ name: String) -> String? {
            fields.first { $0.name.lowercased() == name.lowercased() }?.value
        }

        var status: Int { Int(startLine.split(separator: " ").dropFirst().first ?? "") ?? 0 }
        var text: String { String(decoding: body, as: UTF8.self) }
        /// The first line of an error page; the request's id stands in the second.
        var sentence: String { String(text.prefix { $0 != "\n" }) }
        var path: String { String(startLine.split(separator: " ").dropFirst().first ?? "") }
    }

    private static let patienceSeconds = 60

    let descriptor: Int32
    /// An `SSL` that everything goes through, once there is one.
    var ssl: OpaquePointer?
    private var buffer: [UInt8] = []
    private var isOpen = true
    private var hasLostPatience = false
    /// What the last read that brought nothing failed with; 0 at an orderly end.
    private(set) var lastError: Int32 = 0

    init(descriptor: Int32) {
        self.descriptor = descriptor
        var patience = timeval(tv_sec: Wire.patienceSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        _ = setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        _ = setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        var one: Int32 = 1
        _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    }

    /// Connects; a refused connection shows as an end of file.
    convenience init(to address: SocketAddress) {
        let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        _ = address.withSockaddr { connect(descriptor, $0, $1) }
        self.init(descriptor: descriptor)
    }

    /// A connection whose kernel takes little at a time, on either side.
    static func narrow(to address: SocketAddress) -> Wire {
        let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var (room, segment): (Int32, Int32) = (4096, 536)
        _ = setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, 4)
        _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_MAXSEG, &segment, 4)
        _ = address.withSockaddr { connect(descriptor, $0, $1) }
        return Wire(descriptor: descriptor)
    }

    deinit { close() }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Sends everything; false when the peer is gone.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                if let ssl, let base = raw.baseAddress {
                    return Int(SSL_write(ssl, base + sent, Int32(bytes.count - sent)))
                }
                return Glibc.send(
                    descriptor, raw.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Reads one message, its body by `Content-Length` or chunks (decoded), or to the end when `untilClose`.
    func readMessage(withoutBody: Bool = false, untilClose: Bool = false) -> Message? {
        guard var message = readHead() else { return nil }
        if withoutBody { return message }
        if message.field("Transfer-Encoding") != nil {
            guard let body = readChunks() else { return nil }
            message.body = body
        } else if let length = message.field("Content-Length").flatMap({ Int($0) }) {
            guard let body = take(length) else { return nil }
            message.body = body
        } else if untilClose {
            message.body = readToEnd()
        }
        return message
    }

    func readHead() -> Message? {
        while true {
            if let end = endOfHead() {
                let head = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeSubrange(..<(end + 4))
                var lines = head.split(separator: "\r\n", omittingEmptySubsequences: false).map { String($0) }
                let start = lines.removeFirst()
                let fields = lines.map { line -> (name: String, value: String) in
                    let colon = line.firstIndex(of: ":") ?? line.endIndex
                    let value = line[colon...].dropFirst().drop { $0 == " " }
                    return (String(line[..<colon]), String(value))
                }
                return Message(startLine: start, fields: fields)
            }
            guard fill() else { return nil }
        }
    }

    private func endOfHead() -> Int? {
        guard buffer.count >= 4 else { return nil }
        for index in 0...(buffer.count - 4)
        where buffer[index] == 13 && buffer[index + 1] == 10 && buffer[index + 2] == 13
            && buffer[index + 3] == 10
        {
            return index
        }
        return nil
    }

    private func readChunks() -> [UInt8]? {
        var body: [UInt8] = []
        while true {
            guard let line = readLine(), let size = Int(line.prefix { $0 != ";" }, radix: 16) else {
                return nil
            }
            if size == 0 {
                while let trailer = readLine() { if trailer.isEmpty { return body } }
                return nil
            }
            guard let chunk = take(size), take(2) == [13, 10] else { return nil }
            body += chunk
        }
    }

    private func readLine() -> String? {
        while true {
            if let feed = buffer.firstIndex(of: 10) {
                let line = String(decoding: buffer[..<feed].dropLast(), as: UTF8.self)
                buffer.removeSubrange(...feed)
                return line
            }
            guard fill() else { return nil }
        }
    }

    /// Exactly so many bytes; nil when the connection ends before.
    func take(_ count: Int) -> [UInt8]? {
        while buffer.count < count { guard fill() else { return nil } }
        let bytes = Array(buffer.prefix(count))
        buffer.removeFirst(count)
        return bytes
    }

    /// All bytes to the end of the connection.
    func readToEnd() -> [UInt8] {
        while fill() {}
        defer { buffer = [] }
        return buffer
    }

    /// Sends back whatever comes until the peer has ended.
    func echoToEnd() {
        repeat {
            let bytes = buffer
            buffer = []
            guard send(bytes) else { return }
        } while fill()
    }

    /// True when the peer closes without a further byte.
    func isAtEnd() -> Bool { readToEnd().isEmpty && !hasLostPatience }

    private func fill() -> Bool {
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count =
            ssl.map { Int(SSL_read($0, &piece, Int32(piece.count))) }
            ?? recv(descriptor, &piece, piece.count, 0)
        guard count > 0 else {
            lastError = count < 0 ? errno : 0
            if lastError == EAGAIN { hasLostPatience = true }
            return false
        }
        buffer += piece.prefix(count)
        return true
    }

    func finishWriting() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    func close() {
        guard isOpen else { return }
        isOpen = false
        if let ssl {
            // Or the session could not be resumed.
            SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
            SSL_free(ssl)
        }
        ssl = nil
        _ = Glibc.close(descriptor)
    }

    /// Closes with a reset instead of an orderly end.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }
}
