/// How a message's body is delimited (RFC 9112 §6.3).
package enum BodyFraming: Equatable, Sendable, BitwiseCopyable {
    case none
    case length(Int64)
    case chunked
    /// Responses only: the body ends with the connection.
    case untilClose
}
