import COpenSSL
import Glibc

/// A certificate with its chain and its key, parsed and found to belong together.
final class Certificate {
    /// Certificates of authorities that a file may hold.
    private static let chainMax = 16

    private let leaf: OpaquePointer
    private let chain: [OpaquePointer]
    private let key: OpaquePointer
    /// The names it is for, in lower case, from its subject alternative names; the common name does not count
    /// (RFC 9525 §2).
    let names: [String]
    /// When it begins to be valid, in seconds since 1970; 0 when that cannot be read.
    let start: Int64
    /// When it stops being valid, in seconds since 1970; 0 when that cannot be read.
    let expiry: Int64

    /// Parses; throws what is wrong with which file.
    init(_ source: CertificateSource) throws(TLSFault) {
        ERR_clear_error()
        var parsed = try Certificate.parse(source.certificate, source.files.certificate)
        let first = parsed.removeFirst()
        let name = source.files.key
        guard let key = Certificate.withMemory(source.key, { copenssl_read_key($0) }) else {
            for certificate in [first] + parsed { X509_free(certificate) }
            throw .library("the key \(name) cannot be used (expected a PEM key without a password)")
        }
        leaf = first
        chain = parsed
        self.key = key
        names = Certificate.names(of: first)
        start = Certificate.start(of: first)
        expiry = copenssl_expiry(first)
        guard X509_check_private_key(first, key) == 1 else {
            ERR_clear_error()
            throw TLSFault("the key \(name) does not belong to the certificate \(source.files.certificate)")
        }
        try tryOut(source.files)
    }

    /// Gives it to a context that nobody uses: libssl takes none whose key or signature is too weak, or of another kind
    /// than TLS knows, and says so only then.
    private func tryOut(_ files: CertificateFiles) throws(TLSFault) {
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw .library("libssl cannot start") }
        defer { SSL_CTX_free(context) }
        try install(in: context, files)
    }

    deinit {
        X509_free(leaf)
        for certificate in chain { X509_free(certificate) }
        EVP_PKEY_free(key)
    }

    /// Gives certificate, chain and key to a context.
    func install(in context: OpaquePointer, _ files: CertificateFiles) throws(TLSFault) {
        var isDone = SSL_CTX_use_certificate(context, leaf) == 1
        isDone = isDone && SSL_CTX_use_PrivateKey(context, key) == 1
        for certificate in chain { isDone = isDone && copenssl_add_chain(context, certificate) == 1 }
        guard isDone else { throw .library("the certificate \(files.certificate) cannot be used") }
    }

    private static func parse(_ bytes: [UInt8], _ path: String) throws(TLSFault) -> [OpaquePointer] {
        var parsed: [OpaquePointer] = []
        _ = withMemory(bytes) { memory in
            while parsed.count <= chainMax, let certificate = copenssl_read_certificate(memory) {
                parsed.append(certificate)
            }
            return nil
        }
        let last = ERR_peek_last_error()
        // "No start line" is how the end of a PEM file shows.
        let isEnd = last == 0 || copenssl_reason(last) == PEM_R_NO_START_LINE
        guard !parsed.isEmpty, parsed.count <= chainMax, isEnd else {
            for certificate in parsed { X509_free(certificate) }
            throw .library("the certificate \(path) cannot be used (expected a PEM chain)")
        }
        ERR_clear_error()
        // A border that is cut is no start line either: the chain would be taken without that block. Keys are whole ones.
        if let line = PEMText.brokenLine(in: bytes) {
            for certificate in parsed { X509_free(certificate) }
            throw TLSFault(
                "the certificate \(path) cannot be used: line \(line + 1) begins with dashes and is no border of a whole PEM block; the file may be cut short, write it anew"
            )
        }
        return parsed
    }

    private static func withMemory(
        _ bytes: [UInt8], _ body: (OpaquePointer) -> OpaquePointer?
    ) -> OpaquePointer? {
        bytes.withUnsafeBytes { raw in
            guard let memory = BIO_new_mem_buf(raw.baseAddress, Int32(raw.count)) else { return nil }
            defer { BIO_free(memory) }
            return body(memory)
        }
    }

    private static func start(of certificate: OpaquePointer) -> Int64 {
        var moment = tm()
        guard ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &moment) == 1 else { return 0 }
        return Int64(timegm(&moment))
    }

    private static func names(of certificate: OpaquePointer) -> [String] {
        var names: [String] = []
        withUnsafeMutablePointer(to: &names) { list in
            copenssl_each_name(
                certificate,
                { list, isAddress, bytes, count in
                    guard isAddress == 0, let list, let bytes, count > 0 else { return }
                    let text = String(
                        decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
                    list.assumingMemoryBound(to: [String].self).pointee.append(text.lowercased())
                }, list)
        }
        return names
    }
}
