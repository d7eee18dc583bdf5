/// Which protocols a request may switch its connection to, and how long such a connection may rest.
package struct UpgradeSettings: Sendable, Equatable {
    /// Protocols that would let a client speak HTTP past every check of this proxy, or that only a neighbour may use.
    package static let forbidden = [
        "h2c", "h2", "http/1.1", "http/2.0", "tls/1.0", "tls/1.1", "tls/1.2", "tls/1.3",
    ]

    /// Names of protocols in lower case, as in the `Upgrade` field; forbidden ones are left out.
    package var protocols = ["websocket"]
    /// Without a byte either way.
    package var idleMilliseconds: Int64 = 3_600_000

    /// WebSocket only.
    package init() {}

    /// The allowed names as bytes.
    var names: [[UInt8]] {
        protocols.map { $0.lowercased() }.filter { !UpgradeSettings.forbidden.contains($0) }.map {
            Array($0.utf8)
        }
    }
}
