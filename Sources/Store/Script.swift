import COpenSSL

/// A Lua script that Redis runs as one step.
package struct Script: Sendable, Equatable {
    /// What errors and logs call it.
    package let name: String
    /// The Lua text.
    package let body: String
    /// The SHA-1 of the text in hexadecimal: what `EVALSHA` asks for.
    package let digest: String

    /// A script with its digest.
    package init(name: String, body: String) {
        self.name = name
        self.body = body
        digest = Script.sha1(of: Array(body.utf8))
    }

    private static func sha1(of bytes: [UInt8]) -> String {
        var digest = [UInt8](repeating: 0, count: 20)
        // A library without SHA-1 leaves zeros: Redis then answers NOSCRIPT and the whole text is sent.
        _ = EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha1(), nil)
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
