/// A response head, as ranges into the bytes it was parsed from.
public struct ResponseHead: Sendable, BitwiseCopyable {
    /// 100 to 599.
    public internal(set) var status = 0
    /// What follows the version in the status line: a space, the status and, mostly, a reason.
    public internal(set) var statusAndReason = ByteRange()
    /// The minor version: 0, or 1 for all later ones.
    public internal(set) var minorVersion: UInt8 = 1
    /// What the field lines say together.
    public internal(set) var summary = FieldSummary()
    /// The length of the whole head in bytes, its empty line included.
    public internal(set) var length = 0

    /// A head of which nothing is known yet.
    public init() {}

    /// An interim response: a final one follows.
    public var isInterim: Bool { status < 200 }

    /// How the body is delimited, given whether the request was a `HEAD`.
    public func framing(answersHead: Bool) -> BodyFraming {
        if answersHead || isInterim || status == 204 || status == 304 { return .none }
        if summary.facts.contains(.chunked) { return .chunked }
        guard summary.facts.contains(.contentLength) else { return .untilClose }
        return summary.contentLength > 0 ? .length(summary.contentLength) : .none
    }

    /// True when the server lets the connection be used again.
    public var keepsAlive: Bool {
        if summary.facts.contains(.close) { return false }
        return minorVersion == 1 || summary.facts.contains(.keepAlive)
    }
}
