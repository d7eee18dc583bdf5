import Glibc
import Linux

/// A client's connection that is written and read by hand; calls give up after half a minute.
final class Conversation {
    private let socket: Int32
    private var bytes: [UInt8] = []

    init(with port: UInt16) throws {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        self.socket = socket
        let address = try SocketAddress(host: "127.0.0.1", port: port)
        guard socket >= 0, address.withSockaddr({ connect(socket, $0, $1) }) == 0 else {
            throw SystemFault("connect")
        }
        Patience.limit(socket, milliseconds: 30_000)
    }

    deinit { close(socket) }

    /// Sends everything; false when the peer is gone.
    @discardableResult
    func send(_ content: [UInt8]) -> Bool {
        var sent = 0
        while sent < content.count {
            let count = content.withUnsafeBytes { raw in
                Glibc.send(
                    socket, raw.baseAddress.map { $0 + sent }, content.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// The head of what comes next; nil when the connection ends before.
    func head() -> String? {
        while true {
            if let end = LoadAnswer.endOfHead(in: bytes) {
                defer { bytes.removeSubrange(..<(end + 4)) }
                return String(decoding: bytes[..<end], as: UTF8.self)
            }
            guard fill() else { return nil }
        }
    }

    /// Exactly so many bytes; nil when the connection ends before.
    func take(_ count: Int) -> [UInt8]? {
        while bytes.count < count { guard fill() else { return nil } }
        defer { bytes.removeFirst(count) }
        return Array(bytes.prefix(count))
    }

    /// True when the peer ends the connection in order, without a further byte.
    func isAtEnd() -> Bool {
        var byte: UInt8 = 0
        return bytes.isEmpty && recv(socket, &byte, 1, 0) == 0
    }

    /// Tells the peer that nothing more comes.
    func finish() { _ = shutdown(socket, Int32(SHUT_WR)) }

    private func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        bytes += chunk[..<count]
        return true
    }
}
