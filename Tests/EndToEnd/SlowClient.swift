import COpenSSL
import Glibc
import Linux

/// A connection of a client that takes its time, plain or by TLS.
final class SlowClient {
    private static let socketBytes: Int32 = 4096
    private static let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
    /// What a TLS record may hold: while one has not come in full, its receiver keeps what has.
    private static let recordBytes = 16_384
    private static let handshakeMilliseconds: Int64 = 20_000

    private let socket: Int32
    private var ssl: OpaquePointer?
    /// Records that have not been sent.
    private var pending: [UInt8] = []

    /// Connects, with TLS where somebody is trusted.
    init(to address: SocketAddress, trust: LoadTrust?) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw SystemFault("socket") }
        var bytes = SlowClient.socketBytes
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, 4)
        var segment = ReluctantServer.segmentBytes
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_MAXSEG, &segment, 4)
        guard address.withSockaddr({ connect(socket, $0, $1) }) == 0 else { throw SystemFault("connect") }
        guard let trust else { return }
        Patience.limit(socket, milliseconds: SlowClient.handshakeMilliseconds)
        ssl = trust.session(over: socket)
        guard let ssl, SSL_connect(ssl) == 1 else {
            ERR_clear_error()
            throw Program.Fault(description: "no handshake")
        }
        // From here on records are made in memory, so that they can be sent a byte at a time.
        SSL_set0_wbio(ssl, BIO_new(BIO_s_mem()))
    }

    /// Resets the connection: behind what a server does not read no orderly end could be seen.
    deinit {
        if let ssl { SSL_free(ssl) }
        var reset = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
        close(socket)
    }

    /// Sends this at once.
    func say(_ text: String) {
        write(Array(text.utf8))
        _ = flush(pending.count)
    }

    /// Sends one byte more; by TLS, of a record that is as large as records are.
    func drip() {
        if pending.isEmpty {
            write([UInt8](repeating: UInt8(ascii: "x"), count: ssl == nil ? 1 : SlowClient.recordBytes))
        }
        _ = flush(1)
    }

    /// Sends as much as is taken.
    func pour() {
        repeat {
            if pending.isEmpty { write([UInt8](repeating: UInt8(ascii: "x"), count: SlowClient.recordBytes)) }
        } while flush(pending.count)
    }

    private func write(_ bytes: [UInt8]) {
        guard let ssl else {
            pending += bytes
            return
        }
        guard SSL_write(ssl, bytes, Int32(bytes.count)) == Int32(bytes.count), let memory = SSL_get_wbio(ssl)
        else {
            ERR_clear_error()
            return
        }
        var records = [UInt8](repeating: 0, count: BIO_ctrl_pending(memory))
        let count = BIO_read(memory, &records, Int32(records.count))
        pending += records.prefix(Int(max(0, count)))
    }

    /// Sends up to so many bytes of what is pending; true when the socket took some.
    private func flush(_ count: Int) -> Bool {
        let sent = send(socket, pending, min(count, pending.count), SlowClient.flags)
        if sent > 0 { pending.removeFirst(sent) }
        return sent > 0
    }
}
