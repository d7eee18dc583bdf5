import COpenSSL
import Glibc
import Linux
import Testing

/// Files of certificates made by the openssl command, in a folder that goes with the last reference.
final class CertificateFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/troop-certificates-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try make("ca", ["-subj", "/CN=Test authority"])
    }

    deinit { try? CertificateFolder.run(["rm", "-r", path]) }

    func certificate(_ name: String) -> String { "\(path)/\(name).pem" }
    func key(_ name: String) -> String { "\(path)/\(name).key" }

    /// A certificate for these alternative names, such as `DNS:a.test,IP:127.0.0.1`.
    func add(_ name: String, _ names: String) throws {
        try make(
            name,
            [
                "-subj", "/CN=\(name)", "-CA", certificate("ca"), "-CAkey", key("ca"), "-addext",
                "subjectAltName=\(names)", "-addext", "basicConstraints=critical,CA:FALSE",
            ])
    }

    /// Puts the files of `name` where those of `other` were, each by one rename.
    func replace(_ other: String, with name: String) throws {
        try CertificateFolder.run(["cp", certificate(name), "\(path)/fresh"])
        try CertificateFolder.run(["mv", "\(path)/fresh", certificate(other)])
        try CertificateFolder.run(["cp", key(name), "\(path)/fresh"])
        try CertificateFolder.run(["mv", "\(path)/fresh", key(other)])
    }

    /// Has the authority sign a certificate anew, valid from and until these seconds from now.
    func sign(_ name: String, from start: Int, until end: Int) throws {
        let file = try #require(BIO_new_file(certificate(name), "r"))
        defer { BIO_free(file) }
        let parsed = try #require(copenssl_read_certificate(file))
        defer { X509_free(parsed) }
        let keyFile = try #require(BIO_new_file(key("ca"), "r"))
        defer { BIO_free(keyFile) }
        let authority = try #require(copenssl_read_key(keyFile))
        defer { EVP_PKEY_free(authority) }
        // Both from one moment: the span is as asked for.
        var now = time(nil)
        try #require(X509_time_adj(X509_getm_notBefore(parsed), start, &now) != nil)
        try #require(X509_time_adj(X509_getm_notAfter(parsed), end, &now) != nil)
        try #require(X509_sign(parsed, authority, EVP_sha256()) > 0)
        let fresh = try #require(BIO_new_file(certificate(name), "w"))
        defer { BIO_free(fresh) }
        try #require(PEM_write_bio_X509(fresh, parsed) == 1)
    }

    /// Writes a file anew, in its place.
    static func write(_ bytes: [UInt8], to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0)
        defer { _ = close(descriptor) }
        try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
    }

    private func make(_ name: String, _ words: [String]) throws {
        try CertificateFolder.run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "2", "-keyout", key(name), "-out", certificate(name),
            ] + words)
    }

    /// Runs a command to its end, silently; throws when it fails.
    static func run(_ words: [String]) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in [Int32(1), 2] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        }
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process = pid_t()
        try #require(posix_spawnp(&process, words[0], &actions, nil, &arguments, environ) == 0)
        var status: Int32 = 0
        try #require(waitpid(process, &status, 0) == process && status == 0, "\(words)")
    }
}

/// What a client asks for in its handshakes.
final class SecureClient {
    private let context: OpaquePointer
    private(set) var session: OpaquePointer?

    /// Trusts one authority only; `versions` are those spoken.
    init(authority: String, versions: ClosedRange<Int32> = TLS1_2_VERSION...TLS1_3_VERSION) throws {
        // libssl writes to plain descriptors with write(2) here.
        _ = signal(SIGPIPE, SIG_IGN)
        context = try #require(SSL_CTX_new(TLS_client_method()))
        _ = copenssl_set_min_proto_version(context, versions.lowerBound)
        _ = copenssl_set_max_proto_version(context, versions.upperBound)
        try #require(SSL_CTX_load_verify_locations(context, authority, nil) == 1)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        if versions.lowerBound < TLS1_2_VERSION { SSL_CTX_set_security_level(context, 0) }
    }

    deinit {
        if let session { SSL_SESSION_free(session) }
        SSL_CTX_free(context)
    }

    func offer(_ protocols: [String]) {
        let bytes = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        _ = SSL_CTX_set_alpn_protos(context, bytes, UInt32(bytes.count))
    }

    /// Speaks these ciphers only, up to TLS 1.2.
    func offer(ciphers: String) { #expect(SSL_CTX_set_cipher_list(context, ciphers) == 1) }

    /// Agrees on keys in these groups only.
    func offer(groups: String) { #expect(copenssl_set_groups(context, groups) == 1) }

    /// Connects and shakes hands; nil when that fails, which includes a certificate that is not for `name`.
    func connect(to address: SocketAddress, name: String? = "a.test") -> Wire? {
        let wire = Wire(to: address)
        return shakeHands(over: wire, name: name) ? wire : nil
    }

    /// Shakes hands over a connection that is there already; `early` is sent with the first words, as far as the
    /// session allows that.
    func shakeHands(over wire: Wire, name: String? = "a.test", early: String = "") -> Bool {
        guard let ssl = SSL_new(context) else { return false }
        wire.ssl = ssl
        ERR_clear_error()
        SSL_set_fd(ssl, wire.descriptor)
        if let name {
            _ = copenssl_set_tlsext_host_name(ssl, name)
            SSL_set1_host(ssl, name)
        }
        if let session { SSL_set_session(ssl, session) }
        if !early.isEmpty {
            let bytes = Array(early.utf8)
            var sent = 0
            guard SSL_write_early_data(ssl, bytes, bytes.count, &sent) == 1, sent == bytes.count else {
                ERR_clear_error()
                return false
            }
        }
        let isDone = SSL_connect(ssl) == 1
        if !isDone { ERR_clear_error() }
        return isDone
    }

    /// The bytes that a handshake begins with.
    func hello(name: String) throws -> [UInt8] {
        let ssl = try #require(SSL_new(context))
        defer { SSL_free(ssl) }
        let memory = try #require(BIO_new(BIO_s_mem()))
        let empty = try #require(BIO_new(BIO_s_mem()))
        SSL_set_bio(ssl, empty, memory)
        _ = copenssl_set_tlsext_host_name(ssl, name)
        SSL_set_connect_state(ssl)
        _ = SSL_do_handshake(ssl)
        ERR_clear_error()
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = BIO_read(memory, &bytes, Int32(bytes.count))
        return Array(bytes.prefix(Int(count)))
    }

    /// Keeps the newest session of a connection for the next ones.
    func keepSession(of wire: Wire) {
        if let session { SSL_SESSION_free(session) }
        session = wire.ssl.flatMap { SSL_get1_session($0) }
    }
}

extension Wire {
    /// The names that the peer's certificate is for.
    var peerNames: [String] {
        guard let ssl, let certificate = SSL_get1_peer_certificate(ssl) else { return [] }
        defer { X509_free(certificate) }
        var names: [String] = []
        withUnsafeMutablePointer(to: &names) { list in
            copenssl_each_name(
                certificate,
                { list, _, bytes, count in
                    let text = String(
                        decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
                    list?.assumingMemoryBound(to: [String].self).pointee.append(text)
                }, list)
        }
        return names
    }

    var version: Int32 { ssl.map { SSL_version($0) } ?? 0 }
    var isResumed: Bool { ssl.map { copenssl_is_resumed($0) == 1 } ?? false }

    /// What the peer has chosen of the protocols that were offered.
    var applicationProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        guard let ssl else { return nil }
        SSL_get0_alpn_selected(ssl, &name, &count)
        return name.map { String(decoding: UnsafeBufferPointer(start: $0, count: Int(count)), as: UTF8.self) }
    }

    /// True when the peer has said that nothing more comes.
    var wasToldGoodbye: Bool { ssl.map { SSL_get_shutdown($0) & SSL_RECEIVED_SHUTDOWN != 0 } ?? false }

    /// Tells the peer that something is wrong for good (a fatal alert): a record that nobody has sealed is read, as if it had
    /// come from there.
    func sendAlert() {
        guard let ssl, let bytes = BIO_new(BIO_s_mem()) else { return }
        let record: [UInt8] = [23, 3, 3, 0, 64] + [UInt8](repeating: 7, count: 64)
        BIO_write(bytes, record, Int32(record.count))
        SSL_set0_rbio(ssl, bytes)
        var byte: UInt8 = 0
        #expect(SSL_read(ssl, &byte, 1) < 0)
        ERR_clear_error()
    }

    /// Tells the peer that nothing more comes.
    func sayGoodbye() { if let ssl { SSL_shutdown(ssl) } }

    /// Shakes hands as a server with this certificate; false when that fails.
    func accept(_ files: (certificate: String, key: String)) -> Bool {
        _ = signal(SIGPIPE, SIG_IGN)
        guard let context = SSL_CTX_new(TLS_server_method()) else { return false }
        defer { SSL_CTX_free(context) }
        SSL_CTX_use_certificate_chain_file(context, files.certificate)
        SSL_CTX_use_PrivateKey_file(context, files.key, SSL_FILETYPE_PEM)
        ssl = SSL_new(context)
        guard let ssl else { return false }
        ERR_clear_error()
        SSL_set_fd(ssl, descriptor)
        return SSL_accept(ssl) == 1
    }
}
