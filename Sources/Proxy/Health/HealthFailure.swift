/// Why a health check failed.
package enum HealthFailure: Sendable, Equatable, CustomStringConvertible {
    /// Nobody listens at the address.
    case refused
    case timeout(milliseconds: Int64)
    case status(Int)
    /// The connection ended; `midway` when a part of the response had come.
    case closed(midway: Bool)
    /// The response's head is malformed, for this reason.
    case malformed(String)
    /// Another error of the kernel.
    case system(String)

    package var description: String {
        switch self {
        case .refused: "connection refused"
        case .timeout(let milliseconds): "no answer in \(milliseconds) ms"
        case .status(let status): "status \(status)"
        case .closed(let midway): midway ? "response broken off" : "connection closed without a response"
        case .malformed(let reason): "malformed response: \(reason)"
        case .system(let text): text
        }
    }
}
