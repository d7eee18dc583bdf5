import Glibc
import Linux

/// One end of a TCP connection, read with a time limit.
final class Line {
    enum Reading {
        case bytes([UInt8])
        case end
        case nothing
    }

    private let descriptor: Int32

    init(descriptor: Int32) {
        self.descriptor = descriptor
        var one: Int32 = 1
        _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    }

    /// Connects; a refused connection shows as an end.
    convenience init(to address: SocketAddress) {
        let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        _ = address.withSockaddr { connect(descriptor, $0, $1) }
        self.init(descriptor: descriptor)
    }

    deinit { close(descriptor) }

    /// Sends everything; false when the peer takes no more within ten seconds.
    @discardableResult
    func send(_ bytes: some Sequence<UInt8>) -> Bool {
        let bytes = Array(bytes)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                Glibc.send(
                    descriptor, raw.baseAddress.map { $0 + sent }, bytes.count - sent,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count > 0 {
                sent += count
            } else {
                guard errno == EAGAIN, wait(for: POLLOUT, milliseconds: 10_000) else { return false }
            }
        }
        return true
    }

    /// What comes within so many milliseconds.
    func read(milliseconds: Int32) -> Reading {
        guard wait(for: POLLIN, milliseconds: milliseconds) else { return .nothing }
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &piece, piece.count, 0)
        return count > 0 ? .bytes(Array(piece.prefix(count))) : .end
    }

    private func wait(for event: Int32, milliseconds: Int32) -> Bool {
        var interest = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        return poll(&interest, 1, milliseconds) > 0
    }
}
