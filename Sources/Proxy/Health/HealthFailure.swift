/// Why a health check failed.
package enum HealthFailure: Sendable, Equatable, CustomStringConvertible {
    /// Nobody listens at the address.
    case refused
    /// The network says that there is no way to the address.
    case unreachable(String)
    /// Nobody took the connection in time.
    case noConnection(milliseconds: Int64)
    case timeout(milliseconds: Int64)
    case status(Int)
    /// The body lacks the text that it is to contain.
    case noMatch
    /// The connection ended; `midway` when a part of the response had come.
    case closed(midway: Bool)
    /// The response's head is malformed, for this reason.
    case malformed(String)
    /// Another error of the kernel.
    case system(String)

    package var description: String {
        switch self {
        case .refused: "connection refused"
        case .unreachable(let text): text
        case .noConnection(let milliseconds): "no connection in \(milliseconds) ms"
        case .timeout(let milliseconds): "no answer in \(milliseconds) ms"
        case .status(let status): "status \(status)"
        case .noMatch: "the body does not contain the expected text"
        case .closed(let midway): midway ? "response broken off" : "connection closed without a response"
        case .malformed(let reason): "malformed response: \(reason)"
        case .system(let text): text
        }
    }

    /// True when nobody can be behind the address: not even a connection was refused by a program.
    var meansNobody: Bool {
        switch self {
        case .refused, .unreachable: true
        case .noConnection, .timeout, .status, .noMatch, .closed, .malformed, .system: false
        }
    }
}
