import COpenSSL
import Glibc
import Linux

/// A load client's connection, plain or by TLS, over which one request follows the other.
final class LoadConnection {
    enum Outcome {
        case answered
        /// The answer had begun when the connection ended.
        case cut
        /// Nobody took the connection: nothing was sent.
        case refused(String)
        /// The connection ended before the first byte of an answer.
        case unanswered(String)
        case failed(String)
    }

    private let port: UInt16
    private let trust: LoadTrust?
    private var socket: Int32 = -1
    private var ssl: OpaquePointer?

    init(port: UInt16, trust: LoadTrust?) {
        self.port = port
        self.trust = trust
    }

    deinit { close() }

    func close() {
        if let ssl { SSL_free(ssl) }
        ssl = nil
        if socket >= 0 { _ = Glibc.close(socket) }
        socket = -1
    }

    func exchange(_ request: LoadRequest, until deadline: Instant) -> Outcome {
        if socket < 0, let failure = connectNow(until: deadline) { return failure }
        limit(to: deadline)
        // An answer may be there although not all was taken.
        let fault = send(request.bytes)
        var answer = LoadAnswer()
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            limit(to: deadline)
            let (count, failure) = receive(&chunk)
            guard count > 0 else {
                defer { close() }
                if failure == EAGAIN { return .failed("no answer in time; got \(answer.bytes.count) bytes") }
                guard failure == 0 || failure == ECONNRESET else { return .failed("recv: \(failure)") }
                guard answer.bytes.isEmpty else { return .cut }
                return .unanswered(fault.map { "send: \($0)" } ?? "closed without an answer")
            }
            answer.add(chunk[..<count])
            switch answer.state {
            case .partial: continue
            case .broken(let why):
                close()
                return .failed(why)
            case .whole(let isGood, let content, let closes):
                if closes || !isGood { close() }
                guard isGood else { return .failed(answer.text) }
                return request.fault(in: content).map { .failed($0) } ?? .answered
            }
        }
    }

    private func limit(to deadline: Instant) {
        Patience.limit(socket, milliseconds: max(deadline.milliseconds(since: .now()), 1))
    }

    /// Sends everything; the error's number when that is not possible.
    private func send(_ bytes: [UInt8]) -> Int32? {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { raw -> Int in
                guard let base = raw.baseAddress else { return -1 }
                if let ssl { return Int(SSL_write(ssl, base + sent, Int32(bytes.count - sent))) }
                return Glibc.send(socket, base + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else {
                let failure = errno
                ERR_clear_error()
                return failure
            }
            sent += count
        }
        return nil
    }

    /// Bytes; or none and the error's number, 0 for an end.
    private func receive(_ chunk: inout [UInt8]) -> (count: Int, failure: Int32) {
        guard let ssl else {
            let count = recv(socket, &chunk, chunk.count, 0)
            return (count, count < 0 ? errno : 0)
        }
        let count = SSL_read(ssl, &chunk, Int32(chunk.count))
        if count > 0 { return (Int(count), 0) }
        let isLate = SSL_get_error(ssl, count) == SSL_ERROR_WANT_READ
        ERR_clear_error()
        // With a farewell or without, it is an end: whether all has come the answer's own length tells.
        return (0, isLate ? EAGAIN : 0)
    }

    private func connectNow(until deadline: Instant) -> Outcome? {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0, let address = try? SocketAddress(host: "127.0.0.1", port: port) else {
            return .failed("socket: \(errno)")
        }
        guard address.withSockaddr({ connect(socket, $0, $1) }) == 0 else {
            let failure = errno
            close()
            return failure == ECONNREFUSED ? .refused("refused") : .failed("connect: \(failure)")
        }
        guard let trust else { return nil }
        limit(to: deadline)
        ssl = trust.session(over: socket)
        guard let ssl, SSL_connect(ssl) == 1 else {
            ERR_clear_error()
            close()
            return .failed("no handshake")
        }
        return nil
    }
}

/// Whom a load client believes: servers with a certificate of one authority for 127.0.0.1.
final class LoadTrust: Sendable {
    // Many threads may begin sessions of one context.
    nonisolated(unsafe) private let context: OpaquePointer

    init(authority: String) throws {
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw Program.Fault(description: "SSL_CTX_new")
        }
        self.context = context
        guard SSL_CTX_load_verify_locations(context, authority, nil) == 1 else {
            throw Program.Fault(description: "cannot read \(authority)")
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    }

    deinit { SSL_CTX_free(context) }

    /// A session that is to be begun over a connected socket.
    func session(over socket: Int32) -> OpaquePointer? {
        guard let ssl = SSL_new(context) else { return nil }
        SSL_set_fd(ssl, socket)
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), "127.0.0.1")
        return ssl
    }

    /// Spares the calling thread the signal that libssl's writes to a closed connection raise.
    static func blockPipeSignal() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}

/// How long calls for a socket may wait.
enum Patience {
    static func limit(_ socket: Int32, milliseconds: Int64) {
        var limit = timeval(tv_sec: Int(milliseconds) / 1000, tv_usec: Int(milliseconds % 1000) * 1000)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    }
}
