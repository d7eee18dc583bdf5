import COpenSSL

/// The libssl contexts of one worker, one for each certificate, and the table that chooses among them.
///
/// Each worker has contexts, keys and certificates of its own: libssl counts references to all of them at every
/// handshake, and shared counters would make the workers wait for each other. The set belongs to its first
/// context and goes when that one goes, which is when the last connection that began with it has ended.
final class ContextSet {
    /// TLS 1.3, cheapest first (Mozilla's intermediate list).
    private static let suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    /// TLS 1.2 (the same list without finite-field Diffie-Hellman, whose cost clients can use for an attack).
    private static let ciphers =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
        + "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    private static let groups = "X25519:P-256:P-384"
    /// Sessions are resumed for a day at most.
    private static let sessionSeconds = 86_400
    private static let sessionContext: [UInt8] = Array("troop".utf8)
    private static let digestBytes = Int(SHA256_DIGEST_LENGTH)
    static let protocolName: StaticString = "http/1.1"
    private static let oldProtocolName: StaticString = "http/1.0"

    /// Where the first context keeps the set.
    private static let index = copenssl_context_index { _, set, _, _, _, _ in
        if let set { Unmanaged<ContextSet>.fromOpaque(set).release() }
    }

    private let table: CertificateNames
    /// For the second and later certificates.
    private let others: [OpaquePointer]
    private let ring: TicketRing

    private init(_ table: CertificateNames, _ others: [OpaquePointer], _ ring: TicketRing) {
        self.table = table
        self.others = others
        self.ring = ring
    }

    deinit { for context in others { SSL_CTX_free(context) } }

    /// The context that connections begin with; the caller owns a reference to it.
    static func make(
        _ sources: [CertificateSource], _ settings: ClientTLSSettings, _ ring: TicketRing
    ) throws(TLSFault) -> OpaquePointer {
        var contexts: [OpaquePointer] = []
        var names: [[String]] = []
        do throws(TLSFault) {
            for source in sources {
                let certificate = try Certificate(source)
                names.append(certificate.names)
                guard let context = SSL_CTX_new(TLS_server_method()) else {
                    throw TLSFault.library("libssl cannot start")
                }
                contexts.append(context)
                try configure(context, settings)
                ring.serve(context)
                try certificate.install(in: context, source.files)
            }
            guard let first = contexts.first else { throw TLSFault("there is no certificate") }
            let set = ContextSet(CertificateNames(names), Array(contexts.dropFirst()), ring)
            let owned = Unmanaged.passRetained(set)
            SSL_CTX_set_ex_data(first, index, owned.toOpaque())
            watchHellos(first, owned.toOpaque())
            return first
        } catch {
            for context in contexts { SSL_CTX_free(context) }
            throw error
        }
    }

    private static func configure(_ context: OpaquePointer, _ settings: ClientTLSSettings) throws(TLSFault) {
        let version = settings.minimum == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
        var isDone = copenssl_set_min_proto_version(context, version) == 1
        _ = SSL_CTX_set_options(context, COPENSSL_OP_SERVER)
        isDone = isDone && SSL_CTX_set_ciphersuites(context, suites) == 1
        isDone = isDone && SSL_CTX_set_cipher_list(context, ciphers) == 1
        isDone = isDone && copenssl_set_groups(context, groups) == 1
        isDone =
            isDone
            && SSL_CTX_set_session_id_context(context, sessionContext, UInt32(sessionContext.count)) == 1
        guard isDone else { throw .library("libssl cannot be set up") }
        SSL_CTX_set_timeout(context, sessionSeconds)
        // Tickets carry the sessions: the server keeps none.
        copenssl_no_session_cache(context)
        SecureSession.configure(context)
        SSL_CTX_set_alpn_select_cb(
            context,
            { _, chosen, count, offered, length, _ in
                ContextSet.chooseProtocol(chosen, count, offered, Int(length))
            }, nil)
    }

    /// HTTP/1.1 where it is offered, else HTTP/1.0, which clients offer that send nothing newer; a client that
    /// offers other protocols only is refused (RFC 7301 §3.2).
    private static func chooseProtocol(
        _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, _ count: UnsafeMutablePointer<UInt8>?,
        _ offered: UnsafePointer<UInt8>?, _ length: Int
    ) -> Int32 {
        guard let chosen, let count, let offered else { return SSL_TLSEXT_ERR_NOACK }
        var best: UnsafeBufferPointer<UInt8>?
        var position = 0
        while position < length {
            let size = Int(offered[position])
            guard position + 1 + size <= length else { break }
            let name = UnsafeBufferPointer(start: offered + position + 1, count: size)
            if name.elementsEqual(protocolName.bytes) {
                best = name
                break
            }
            if name.elementsEqual(oldProtocolName.bytes) { best = name }
            position += 1 + size
        }
        guard let best else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        chosen.pointee = best.baseAddress
        count.pointee = UInt8(best.count)
        return SSL_TLSEXT_ERR_OK
    }

    /// Looks at each client's first message before libssl does: a session is resumed only under the name that it
    /// was made for (RFC 6066 §3), which libssl itself does not see to.
    private static func watchHellos(_ context: OpaquePointer, _ set: UnsafeMutableRawPointer) {
        SSL_CTX_set_client_hello_cb(
            context,
            { ssl, alert, raw in
                guard let ssl, let raw else { return SSL_CLIENT_HELLO_ERROR }
                let set = Unmanaged<ContextSet>.fromOpaque(raw).takeUnretainedValue()
                return set.choose(ssl) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR
            }, set)
    }

    private func choose(_ ssl: OpaquePointer) -> Bool {
        var extent: UnsafePointer<UInt8>?
        var count = 0
        guard SSL_client_hello_get0_ext(ssl, UInt32(TLSEXT_TYPE_server_name), &extent, &count) == 1,
            let extent, let name = ServerNameExtension.name(UnsafeBufferPointer(start: extent, count: count))
        else { return true }
        let index = table.pick(name)
        if index > 0, SSL_set_SSL_CTX(ssl, others[index - 1]) == nil { return false }
        var digest = [UInt8](repeating: 0, count: ContextSet.digestBytes)
        var text = Array(name.utf8)
        guard SHA256(&text, text.count, &digest) != nil else { return false }
        return SSL_set_session_id_context(ssl, digest, UInt32(digest.count)) == 1
    }
}

extension StaticString {
    fileprivate var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}
