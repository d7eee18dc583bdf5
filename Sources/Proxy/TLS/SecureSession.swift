import COpenSSL
import Glibc

/// One connection's libssl state and what it must know of its socket, in plain memory behind a pointer.
///
/// libssl reads and writes the socket by two functions here, which never raise `SIGPIPE`, and which remember a
/// short read: a socket known to be empty is not asked again before epoll says so. Together with read-ahead a
/// request costs the same two system calls as without TLS.
struct SecureSession {
    typealias Pointer = UnsafeMutablePointer<SecureSession>

    /// What a step of a handshake came to.
    enum Step { case done, blocked, failed }

    /// What is written to a record at most; larger writes cost a system call for each record.
    static let recordBytes = 16_384

    let ssl: OpaquePointer
    let descriptor: Int32
    /// The socket's last read took all there was.
    private(set) var isDrained = false
    /// The peer has sent its last byte: reads go on to the end of file.
    private var isHungUp = false
    /// The end of file was read; without a `close_notify` before it the peer's data may be cut short.
    private(set) var isAtEnd = false
    /// The first byte the peer sent; 0 before it came.
    private(set) var firstByte: UInt8 = 0
    /// libssl has a record that the socket did not take in full.
    private var hasUnsent = false
    /// Reading waits until the socket can be written.
    private var readingNeedsRoom = false
    /// Nothing more may be asked of libssl.
    private var isBroken = false
    /// Nothing more can be written; what the peer said before it went can still be read.
    private var isDeaf = false
    private var hasSaidGoodbye = false

    /// What every context needs for sessions like these.
    static func configure(_ context: OpaquePointer) {
        copenssl_set_context_mode(
            context,
            Int(
                SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS
            ))
        copenssl_set_read_ahead(context)
    }

    /// Begins on a connected, non-blocking socket, which stays the caller's; nil when memory is short.
    static func open(_ context: OpaquePointer, _ descriptor: Int32, accepts: Bool) -> Pointer? {
        guard let method = socketMethod, let ssl = SSL_new(context) else { return nil }
        guard let bio = BIO_new(method) else {
            SSL_free(ssl)
            return nil
        }
        let session = Pointer.allocate(capacity: 1)
        session.initialize(to: SecureSession(ssl: ssl, descriptor: descriptor))
        BIO_set_data(bio, session)
        BIO_set_init(bio, 1)
        SSL_set_bio(ssl, bio, bio)
        if accepts { SSL_set_accept_state(ssl) } else { SSL_set_connect_state(ssl) }
        return session
    }

    private init(ssl: OpaquePointer, descriptor: Int32) {
        self.ssl = ssl
        self.descriptor = descriptor
    }

    /// Frees a session; the socket is closed by its owner, afterwards.
    static func free(_ session: Pointer) {
        SSL_free(session.pointee.ssl)
        session.deallocate()
    }

    /// Tells the peer that nothing more comes, once, unless a record is stuck half-way.
    static func sayGoodbye(_ session: Pointer) {
        guard !session.pointee.isBroken, !session.pointee.isDeaf, !session.pointee.hasSaidGoodbye,
            !session.pointee.hasUnsent, SSL_is_init_finished(session.pointee.ssl) == 1
        else { return }
        session.pointee.hasSaidGoodbye = true
        _ = SSL_shutdown(session.pointee.ssl)
        ERR_clear_error()
    }

    /// Keeps `sayGoodbye` silent: the peer is to see that it did not get everything.
    mutating func breakOff() { isBroken = true }

    /// True when the first bytes were those of a request without TLS.
    var looksPlain: Bool { firstByte >= UInt8(ascii: "A") && firstByte <= UInt8(ascii: "z") }

    /// Takes over what epoll said since the last call.
    @inline(__always)
    private mutating func note(_ ready: inout Readiness) {
        if ready.contains(.arrived) {
            isDrained = false
            ready.remove(.arrived)
        }
        if ready.contains(.hangup) {
            isHungUp = true
            isDrained = false
        }
    }

    /// Goes on with the handshake.
    static func handshake(_ session: Pointer, _ ready: inout Readiness) -> Step {
        session.pointee.note(&ready)
        ERR_clear_error()
        let result = SSL_do_handshake(session.pointee.ssl)
        if result == 1 {
            ERR_clear_error()
            return .done
        }
        if session.pointee.isBlocked(result) { return .blocked }
        session.pointee.isBroken = true
        return .failed
    }

    /// libssl waits for the socket, which says nothing against the connection.
    ///
    /// libssl looks into its thread's queue of errors for this, so that must be empty before every call. Emptying
    /// it costs 0.3 µs; each call that fails is therefore followed by that, rather than each call preceded by it.
    private func isBlocked(_ result: Int32) -> Bool {
        let reason = SSL_get_error(ssl, result)
        return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE
    }

    /// As recv(2): bytes, 0 at the peer's end, or -1 with `errno`. `.readable` stays while more may be here.
    /// An end without `close_notify` is `ECONNABORTED`.
    @inline(never)
    static func receive(
        _ session: Pointer, _ ready: inout Readiness, _ bytes: UnsafeMutablePointer<UInt8>, _ room: Int
    ) -> Int {
        session.pointee.note(&ready)
        guard !session.pointee.isBroken else { return fail(EPIPE) }
        let result = SSL_read(session.pointee.ssl, bytes, Int32(clamping: room))
        if result > 0 {
            if session.pointee.isDrained, SSL_has_pending(session.pointee.ssl) == 0 {
                ready.remove(.readable)
            }
            return Int(result)
        }
        switch SSL_get_error(session.pointee.ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
            if session.pointee.hasUnsent { session.pointee.readingNeedsRoom = true }
            return fail(EAGAIN)
        case SSL_ERROR_ZERO_RETURN:
            return 0
        default:
            // A fatal alert is among these: libssl calls its end received, too, but it is no orderly one.
            session.pointee.isBroken = true
            ERR_clear_error()
            return fail(session.pointee.isAtEnd ? ECONNABORTED : EPROTO)
        }
    }

    /// As send(2): bytes taken, fewer than `count` only when the socket takes no more now, or -1 with `errno`.
    /// What was not taken must be the beginning of the next call's bytes.
    @inline(never)
    static func transmit(_ session: Pointer, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
        guard !session.pointee.isBroken, !session.pointee.isDeaf else { return fail(EPIPE) }
        var sent = 0
        while sent < count {
            let result = SSL_write(session.pointee.ssl, bytes + sent, Int32(clamping: count - sent))
            if result > 0 {
                sent += Int(result)
                continue
            }
            switch SSL_get_error(session.pointee.ssl, result) {
            case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return sent > 0 ? sent : fail(EAGAIN)
            case SSL_ERROR_SYSCALL: session.pointee.isDeaf = true
            default: session.pointee.isBroken = true
            }
            ERR_clear_error()
            return fail(EPIPE)
        }
        return sent
    }

    /// True when an idle connection has nothing to say but what TLS itself says, such as new tickets.
    @inline(never)
    static func isQuiet(_ session: Pointer, _ ready: inout Readiness) -> Bool {
        session.pointee.note(&ready)
        guard !session.pointee.isBroken, !session.pointee.isDeaf else { return false }
        // What the last read knew of the socket may be old: the end has perhaps come in this very turn.
        session.pointee.isDrained = false
        var byte: UInt8 = 0
        let result = SSL_peek(session.pointee.ssl, &byte, 1)
        if result <= 0, session.pointee.isBlocked(result) { return true }
        ERR_clear_error()
        return false
    }

    /// Lets reading go on when it waited for room to write.
    @inline(never)
    mutating func resume(_ ready: inout Readiness) {
        guard readingNeedsRoom, ready.contains(.writable) else { return }
        readingNeedsRoom = false
        ready.insert(.readable)
    }

    private static func fail(_ code: Int32) -> Int {
        errno = code
        return -1
    }

    // MARK: The socket, as libssl sees it

    /// Made once and kept for the process's life.
    nonisolated(unsafe) private static let socketMethod: OpaquePointer? = {
        guard let method = BIO_meth_new(BIO_get_new_index() | COPENSSL_BIO_SOCKET_TYPE, "troop") else {
            return nil
        }
        BIO_meth_set_read(method) { bio, bytes, count in SecureSession.read(bio, bytes, count) }
        BIO_meth_set_write(method) { bio, bytes, count in SecureSession.write(bio, bytes, count) }
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == COPENSSL_BIO_FLUSH ? 1 : 0 }
        return method
    }()

    private static func read(
        _ bio: OpaquePointer?, _ bytes: UnsafeMutablePointer<CChar>?, _ room: Int32
    ) -> Int32 {
        guard let raw = BIO_get_data(bio), let bytes else { return -1 }
        let session = raw.assumingMemoryBound(to: SecureSession.self)
        copenssl_clear_retry(bio)
        if session.pointee.isDrained {
            copenssl_retry_read(bio)
            return -1
        }
        while true {
            let count = recv(session.pointee.descriptor, bytes, Int(room), 0)
            if count > 0 {
                if count < Int(room), !session.pointee.isHungUp { session.pointee.isDrained = true }
                if session.pointee.firstByte == 0 { session.pointee.firstByte = UInt8(bitPattern: bytes[0]) }
                return Int32(count)
            }
            if count == 0 {
                session.pointee.isAtEnd = true
                return 0
            }
            if errno == EINTR { continue }
            if errno == EAGAIN {
                session.pointee.isDrained = true
                copenssl_retry_read(bio)
            }
            return -1
        }
    }

    private static func write(
        _ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int32
    ) -> Int32 {
        guard let raw = BIO_get_data(bio), let bytes else { return -1 }
        let session = raw.assumingMemoryBound(to: SecureSession.self)
        copenssl_clear_retry(bio)
        // Whoever speaks HTTP would not understand an alert; it gets an answer of its own.
        if session.pointee.looksPlain { return count }
        while true {
            let sent = send(session.pointee.descriptor, bytes, Int(count), Int32(MSG_NOSIGNAL))
            if sent >= 0 {
                session.pointee.hasUnsent = false
                return Int32(sent)
            }
            if errno == EINTR { continue }
            if errno == EAGAIN {
                session.pointee.hasUnsent = true
                copenssl_retry_write(bio)
            }
            return -1
        }
    }
}
