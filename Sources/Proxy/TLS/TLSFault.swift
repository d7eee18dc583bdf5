import COpenSSL

/// Why certificates, keys or authorities cannot be used: one line that names the file, and never a key's bytes.
package struct TLSFault: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }

    /// A fault with libssl's own reason behind it.
    static func library(_ text: String) -> TLSFault { TLSFault("\(text): \(takeReason())") }

    /// The reason of the newest error in libssl's queue of this thread, which is emptied.
    static func takeReason() -> String {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        guard code != 0, let reason = ERR_reason_error_string(code) else { return "no reason given" }
        return String(cString: reason)
    }
}
