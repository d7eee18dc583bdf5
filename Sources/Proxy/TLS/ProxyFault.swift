package import Linux

/// Why a proxy cannot start.
package enum ProxyFault: Error, Sendable, CustomStringConvertible {
    case system(SystemFault)
    /// A certificate, key or authority is of no use.
    case tls(TLSFault)

    package var description: String {
        switch self {
        case .system(let fault): fault.description
        case .tls(let fault): fault.description
        }
    }
}
