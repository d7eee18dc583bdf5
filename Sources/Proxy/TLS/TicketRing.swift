import CLinux
import COpenSSL
import Glibc
import Synchronization

/// The ticket keys that all workers share, so that a session made at one is resumed at any.
///
/// The lock is taken once or twice a handshake, for nanoseconds of its hundreds of microseconds.
final class TicketRing: Sendable {
    private let keys: Mutex<TicketKeys>

    init(lifetime: Int64) { keys = Mutex(TicketKeys(lifetime: lifetime)) }

    private static let vectorBytes: Int32 = 16
    /// Fetched once: libcrypto would look it up for every ticket.
    nonisolated(unsafe) private static let cipher = EVP_CIPHER_fetch(nil, "AES-256-CBC", nil)
    /// Where a context keeps its ring, which it does not own.
    static let index = copenssl_context_index(nil)

    /// Lets a context seal tickets with this ring, which must outlive it.
    func serve(_ context: OpaquePointer) {
        SSL_CTX_set_ex_data(context, TicketRing.index, Unmanaged.passUnretained(self).toOpaque())
        copenssl_set_ticket_callback(context) { ssl, name, vector, cipher, mac, sealing in
            guard let ssl, let name, let vector, let cipher, let mac,
                let raw = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), TicketRing.index)
            else { return -1 }
            let ring = Unmanaged<TicketRing>.fromOpaque(raw).takeUnretainedValue()
            if sealing == 1 { return ring.seal(name, vector, cipher, mac) }
            let outcome = ring.open(name, vector, cipher, mac)
            // TLS 1.3 tickets are to be used once (RFC 8446 §C.4): the client gets another.
            return outcome == 1 && SSL_version(ssl) == TLS1_3_VERSION ? 2 : outcome
        }
    }

    private func seal(
        _ name: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer,
        _ mac: OpaquePointer
    ) -> Int32 {
        let now = clinux_boot_nanoseconds()
        guard let key = keys.withLock({ $0.sealing(at: now, random: TicketRing.random) }),
            RAND_bytes(vector, TicketRing.vectorBytes) == 1
        else { return -1 }
        name.update(from: key.name, count: key.name.count)
        guard EVP_EncryptInit_ex2(cipher, TicketRing.cipher, key.cipher, vector, nil) == 1 else { return -1 }
        return TicketRing.start(mac, key)
    }

    /// 0: no such key, 1: opened, 2: opened, but the client is to get a new ticket.
    private func open(
        _ name: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer,
        _ mac: OpaquePointer
    ) -> Int32 {
        let now = clinux_boot_nanoseconds()
        let wanted = UnsafeBufferPointer(start: UnsafePointer(name), count: TicketKeys.Key.nameBytes)
        guard let (key, isNewest) = keys.withLock({ $0.opening(wanted, at: now) }) else { return 0 }
        guard EVP_DecryptInit_ex2(cipher, TicketRing.cipher, key.cipher, vector, nil) == 1,
            TicketRing.start(mac, key) == 1
        else { return -1 }
        return isNewest ? 1 : 2
    }

    private static func start(_ mac: OpaquePointer, _ key: TicketKeys.Key) -> Int32 {
        var secret = key.mac
        return copenssl_mac_init(mac, &secret, secret.count) == 1 ? 1 : -1
    }

    private static func random() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: TicketKeys.Key.bytes)
        return RAND_bytes(&bytes, Int32(bytes.count)) == 1 ? bytes : nil
    }
}
