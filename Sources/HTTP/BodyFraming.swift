/// How a message's body is delimited (RFC 9112 §6.3).
public enum BodyFraming: Equatable, Sendable, BitwiseCopyable {
    case none
    case length(Int64)
    case chunked
    /// Responses only: the body ends with the connection.
    case untilClose

    /// No body follows.
    @inlinable
    public var isNone: Bool { if case .none = self { true } else { false } }

    /// The body comes in chunks.
    @inlinable
    public var isChunked: Bool { if case .chunked = self { true } else { false } }

    /// The body ends with the connection.
    @inlinable
    public var isUntilClose: Bool { if case .untilClose = self { true } else { false } }
}
