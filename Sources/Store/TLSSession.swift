import COpenSSL
import Glibc
import Linux

/// What one step on a socket did.
enum WireStep: Equatable {
    case moved(Int)
    case wantsInput
    case wantsOutput
    case ended
    case failed(String)
}

/// libssl over a connected, non-blocking socket. It writes with write(2), so the process must ignore
/// `SIGPIPE` (the program's `main` does so first of all).
final class TLSSession {
    private let context: OpaquePointer
    private let ssl: OpaquePointer
    private let target: String

    /// Prepares the handshake; throws `.misconfigured` when a file of the settings cannot be used.
    init(socket: Int32, host: String, target: String, settings: TLSSettings) throws(StoreFault) {
        self.target = target
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw .misconfigured("libssl cannot start: \(TLSSession.lastError())")
        }
        do throws(StoreFault) {
            try TLSSession.configure(context, settings)
            guard let ssl = SSL_new(context) else {
                throw StoreFault.misconfigured("libssl cannot start: \(TLSSession.lastError())")
            }
            self.context = context
            self.ssl = ssl
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        SSL_set_connect_state(ssl)
        _ = copenssl_set_mode(ssl, Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
        guard SSL_set_fd(ssl, socket) == 1,
            name(settings.serverName ?? host, verifying: settings.verifiesServer)
        else { throw .misconfigured("the name of the TLS server cannot be used") }
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    private static func configure(_ context: OpaquePointer, _ settings: TLSSettings) throws(StoreFault) {
        _ = copenssl_set_min_proto_version(context, TLS1_2_VERSION)
        _ = SSL_CTX_set_options(context, COPENSSL_OP_DEFAULTS | COPENSSL_OP_IGNORE_UNEXPECTED_EOF)
        SSL_CTX_set_verify(context, settings.verifiesServer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        if let file = settings.authorityFile {
            guard SSL_CTX_load_verify_locations(context, file, nil) == 1 else {
                throw .misconfigured(
                    "the CA file \(file) cannot be used (\(lastError())); expected PEM certificates")
            }
        } else if settings.verifiesServer, SSL_CTX_set_default_verify_paths(context) != 1 {
            throw .misconfigured(
                "the system's CA certificates cannot be used (\(lastError())); name a CA file")
        }
        guard let certificate = settings.certificateFile else { return }
        guard SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
            throw .misconfigured(
                "the client certificate \(certificate) cannot be used (\(lastError())); expected a PEM chain")
        }
        let key = settings.keyFile ?? certificate
        guard SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
            throw .misconfigured(
                "the client key \(key) cannot be used (\(lastError())); "
                    + "expected an unencrypted PEM key that fits \(certificate)")
        }
    }

    private func name(_ host: String, verifying: Bool) -> Bool {
        let isNumeric = (try? SocketAddress(host: host, port: 1)) != nil
        if !isNumeric, copenssl_set_tlsext_host_name(ssl, host) != 1 { return false }
        guard verifying else { return true }
        guard !isNumeric else { return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1 }
        return SSL_set1_host(ssl, host) == 1
    }

    /// One step of the handshake; `.moved` when it is done.
    func handshake() -> WireStep {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        return result == 1 ? .moved(0) : step(after: result)
    }

    /// Why a handshake failed, as a fault that says what to do.
    func handshakeFault(_ reason: String) -> StoreFault {
        let verdict = SSL_get_verify_result(ssl)
        if verdict != Int(X509_V_OK) {
            let text = String(cString: X509_verify_cert_error_string(verdict))
            let isName =
                verdict == Int(X509_V_ERR_HOSTNAME_MISMATCH) || verdict == Int(X509_V_ERR_IP_ADDRESS_MISMATCH)
            let advice =
                isName
                ? "use a name that the certificate bears, or set the TLS server name"
                : "name the file of the CA that signed it"
            return .misconfigured("the certificate of \(target) is refused: \(text); \(advice)")
        }
        if reason.contains("wrong version number") || reason.contains("packet length too long") {
            return .misconfigured("\(target) does not speak TLS; use redis:// or the server's tls-port")
        }
        return .unreachable("TLS with \(target) failed: \(reason)\(TLSSession.advice(for: reason))")
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> WireStep {
        ERR_clear_error()
        let result = SSL_read(ssl, buffer.baseAddress, Int32(clamping: buffer.count))
        return result > 0 ? .moved(Int(result)) : step(after: result)
    }

    func peek() -> WireStep {
        ERR_clear_error()
        var byte: UInt8 = 0
        let result = SSL_peek(ssl, &byte, 1)
        return result > 0 ? .moved(1) : step(after: result)
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> WireStep {
        ERR_clear_error()
        let result = SSL_write(ssl, bytes.baseAddress, Int32(clamping: bytes.count))
        return result > 0 ? .moved(Int(result)) : step(after: result)
    }

    private func step(after result: Int32) -> WireStep {
        let code = errno
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .wantsInput
        case SSL_ERROR_WANT_WRITE: return .wantsOutput
        case SSL_ERROR_ZERO_RETURN: return .ended
        case SSL_ERROR_SYSCALL: return code == 0 ? .ended : .failed(String(cString: strerror(code)))
        default:
            let reason = TLSSession.lastError()
            return .failed(reason + TLSSession.advice(for: reason))
        }
    }

    private static func advice(for reason: String) -> String {
        guard !reason.contains("; ") else { return "" }
        if reason.contains("certificate required") { return "; the server asks for a client certificate" }
        if reason.contains("unknown ca") || reason.contains("bad certificate") {
            return "; the server does not accept this client's certificate"
        }
        return ""
    }

    /// The reason of the oldest error in libssl's queue for this thread.
    private static func lastError() -> String {
        let code = ERR_get_error()
        guard code != 0, let reason = ERR_reason_error_string(code) else { return "no reason given" }
        return String(cString: reason)
    }
}
