import Linux

/// Who holds the lease: a host, the run of its agent (the nonce) and the election (the epoch).
package struct Lease: Sendable, Hashable, CustomStringConvertible {
    /// The largest epoch there can be; the scripts have the same limit, take no larger number for one, and give none
    /// out. They count in doubles, which are exact well beyond it.
    package static let epochMax: Int64 = 1 << 51
    /// The longest host name, in bytes.
    package static let hostBytesMax = 63
    /// The longest nonce, in bytes.
    package static let nonceBytesMax = 64

    /// The name of the host.
    package let host: String
    /// Tells one run of the agent on that host from the next.
    package let nonce: String
    /// The number that rises at every election.
    package let epoch: Int64

    /// A lease from its parts; nil when a part could not be told apart again in the token.
    package init?(host: String, nonce: String, epoch: Int64) {
        guard Lease.isHost(host), Lease.isNonce(nonce), (1...Lease.epochMax).contains(epoch) else {
            return nil
        }
        self.host = host
        self.nonce = nonce
        self.epoch = epoch
    }

    /// Reads `host:nonce:epoch`, exactly as `token` writes it; nil for anything else.
    package init?(token: String) {
        let parts = token.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2].count <= 16, parts[2].allSatisfy({ (48...57).contains($0) }),
            parts[2].first != UInt8(ascii: "0"), let epoch = Int64(Substring(parts[2]))
        else { return nil }
        self.init(host: String(Substring(parts[0])), nonce: String(Substring(parts[1])), epoch: epoch)
    }

    /// The value of the lease key in Redis while this lease holds.
    package var token: String { "\(host):\(nonce):\(epoch)" }

    package var description: String { token }

    /// True for 1…63 bytes of `A-Z a-z 0-9 . _ -`.
    package static func isHost(_ text: String) -> Bool { text.isPlainName(bytesMax: hostBytesMax) }

    /// True for 1…64 letters and digits.
    package static func isNonce(_ text: String) -> Bool {
        text.isPlainName(bytesMax: nonceBytesMax) && !text.utf8.contains { ".-_".utf8.contains($0) }
    }
}
