import Linux
import Store

/// An instant from now.
func soon(_ milliseconds: Int64 = 5000) -> Instant { Instant.now().advanced(milliseconds: milliseconds) }

/// Settings for a URL; throws what is wrong with it.
func settings(
    _ url: String, password: String? = nil, tls: TLSSettings = TLSSettings(), timeout: Int64 = 5000
) throws -> StoreSettings {
    StoreSettings(
        url: try StoreURL(url), password: password, tls: tls, commandTimeoutMilliseconds: timeout,
        connectTimeoutMilliseconds: timeout, name: "test")
}
