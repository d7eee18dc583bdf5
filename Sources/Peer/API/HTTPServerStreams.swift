import CLinux
import Glibc
import Linux

/// Sends an answer without an end to one client, piece by piece. Pieces wait for a slow reader, but not for long: one
/// that falls far behind loses its connection, and nobody else waits for it.
package struct StreamWriter: Sendable {
    private let key: UInt64
    private let server: HTTPServer

    init(key: UInt64, server: HTTPServer) {
        self.key = key
        self.server = server
    }

    /// Sends some bytes after those before; false once the client is gone.
    @discardableResult
    package func write(_ bytes: [UInt8]) -> Bool { server.write(bytes, to: key) }
}

/// Answers without an end.
extension HTTPServerLoop {
    /// Sends the head; false when the client has gone.
    mutating func beginStream(_ key: UInt64, _ head: [UInt8], at now: Instant) -> Bool {
        guard let connection = connections[key], !connection.peerHasEnded else {
            if connections[key] != nil { close(key) }
            return false
        }
        connection.input = []
        connection.written = 0
        connection.enter(.streaming, at: now)
        stream(key, head, at: now)
        return connections[key] != nil
    }

    /// Sends a piece, or closes the connection of a client that has left too many unread.
    mutating func stream(_ key: UInt64, _ bytes: [UInt8], at now: Instant) {
        guard let connection = connections[key], connection.phase == .streaming else { return }
        let waiting = connection.chunks.reduce(0) { $0 + $1.count }
        guard connection.chunks.count < Limit.chunks, waiting < Limit.chunkBytes else { return close(key) }
        connection.chunks.append(bytes)
        if connection.chunks.count == 1 {
            connection.enter(.streaming, at: now)
            flushStream(key, at: now)
        }
        watch(key)
    }

    /// Closes all of them.
    mutating func closeStreams() {
        for (key, connection) in connections where connection.phase == .streaming { close(key) }
    }

    mutating func flushStream(_ key: UInt64, at now: Instant) {
        guard let connection = connections[key] else { return }
        var hasMoved = false
        while let chunk = connection.chunks.first {
            let sent = chunk.withUnsafeBytes {
                send(
                    descriptor(key), $0.baseAddress?.advanced(by: connection.written),
                    $0.count - connection.written, Int32(MSG_NOSIGNAL))
            }
            if sent < 0 {
                if errno == EINTR { continue }
                if errno != EAGAIN { return close(key) }
                break
            }
            hasMoved = true
            connection.written += sent
            if connection.written == chunk.count {
                connection.chunks.removeFirst()
                connection.written = 0
            }
        }
        if hasMoved { connection.enter(.streaming, at: now) }
    }
}
