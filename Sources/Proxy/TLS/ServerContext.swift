import COpenSSL
import Glibc
import Linux

/// What one worker needs for TLS with servers. Plain pointers, given back by `deallocate`.
struct ServerContext {
    private let context: OpaquePointer
    /// Null-terminated; nil: each server's address is its name.
    private let name: UnsafeMutablePointer<CChar>?
    private let nameIsAddress: Bool

    /// Reads the files that the settings name.
    init(_ settings: ServerTLSSettings) throws(TLSFault) {
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw .library("libssl cannot start") }
        do throws(TLSFault) {
            try ServerContext.configure(context, settings)
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        self.context = context
        name = settings.serverName.flatMap { strdup($0) }
        nameIsAddress = settings.serverName.map { (try? SocketAddress(host: $0, port: 1)) != nil } ?? false
    }

    func deallocate() {
        SSL_CTX_free(context)
        Glibc.free(name)
    }

    private static func configure(_ context: OpaquePointer, _ settings: ServerTLSSettings) throws(TLSFault) {
        _ = copenssl_set_min_proto_version(context, TLS1_2_VERSION)
        _ = SSL_CTX_set_options(context, COPENSSL_OP_DEFAULTS)
        copenssl_no_session_cache(context)
        SecureSession.configure(context)
        SSL_CTX_set_verify(context, settings.verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        if let file = settings.authority {
            guard SSL_CTX_load_verify_locations(context, file, nil) == 1 else {
                throw .library("the authorities \(file) cannot be used (expected PEM certificates)")
            }
        } else if settings.verifies, SSL_CTX_set_default_verify_paths(context) != 1 {
            throw .library("the system's authorities cannot be used")
        }
        // libssl takes the protocols as counted strings.
        let offered =
            [UInt8(ContextSet.protocolName.utf8CodeUnitCount)] + Array("\(ContextSet.protocolName)".utf8)
        guard SSL_CTX_set_alpn_protos(context, offered, UInt32(offered.count)) == 0 else {
            throw .library("libssl cannot be set up")
        }
        if let files = settings.client {
            try Certificate(CertificateSource(files)).install(in: context, files)
        }
    }

    /// Begins TLS on a connected socket to a server with this address; nil when memory is short.
    func open(
        _ descriptor: Int32, family: Int32, address: UnsafeRawPointer
    ) -> SecureSession.Pointer? {
        guard let session = SecureSession.open(context, descriptor, accepts: false) else { return nil }
        guard identify(session.pointee.ssl, family, address) else {
            ERR_clear_error()
            SecureSession.free(session)
            return nil
        }
        return session
    }

    private func identify(_ ssl: OpaquePointer, _ family: Int32, _ address: UnsafeRawPointer) -> Bool {
        let parameters = SSL_get0_param(ssl)
        if let name {
            if nameIsAddress { return X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1 }
            return copenssl_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1
        }
        // The address follows family and port, in IPv6 also the flow.
        let isOld = family == AF_INET
        let bytes = (address + (isOld ? 4 : 8)).assumingMemoryBound(to: UInt8.self)
        return X509_VERIFY_PARAM_set1_ip(parameters, bytes, isOld ? 4 : 16) == 1
    }

    /// Why a handshake failed: libssl's verdict on the certificate, 0 when that was not the reason.
    static func verdict(of session: SecureSession.Pointer) -> Int32 {
        ERR_clear_error()
        // Where nothing is verified, libssl still keeps its opinion.
        guard SSL_get_verify_mode(session.pointee.ssl) != SSL_VERIFY_NONE else { return X509_V_OK }
        return Int32(clamping: SSL_get_verify_result(session.pointee.ssl))
    }

    /// The verdict in words.
    static func describe(_ verdict: Int32) -> String {
        guard verdict != X509_V_OK else { return "the TLS handshake failed" }
        return "its certificate was refused: \(String(cString: X509_verify_cert_error_string(Int(verdict))))"
    }
}
