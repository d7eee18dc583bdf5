import COpenSSL

/// What proves that a notice comes from who knows the secret.
enum NoticeSignature {
    /// HMAC-SHA256 over `TIMESTAMP.BODY`, in hexadecimal.
    static func hex(secret: [UInt8], timestamp: String, body: [UInt8]) -> String {
        let message = Array("\(timestamp).".utf8) + body
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        _ = HMAC(
            EVP_sha256(), secret, Int32(clamping: secret.count), message, message.count, &digest, &length)
        return digest[..<Int(length)].map { byte in
            let text = String(byte, radix: 16)
            return text.utf8.count < 2 ? "0\(text)" : text
        }.joined()
    }
}
