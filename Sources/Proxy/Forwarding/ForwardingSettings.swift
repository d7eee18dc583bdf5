/// What the proxy tells servers of a client, and whom it believes when somebody else tells.
package struct ForwardingSettings: Sendable, Equatable {
    /// The proxies before this one: what they say in `X-Forwarded-…`, `Forwarded`, `X-Real-IP` and
    /// `X-Request-Id` is kept and added to. What anybody else says there is replaced.
    package var trust: [Network] = []
    /// Writes `X-Forwarded-For`, `-Proto` and `-Host`.
    package var xForwarded = true
    /// Writes `Forwarded` (RFC 7239).
    package var forwarded = false
    /// Gives each request an id, to the server and back to the client, as `X-Request-Id`.
    package var requestID = false
    /// Starts a trace (W3C Trace Context) where a request brings no valid `traceparent`.
    package var startsTraces = false
    /// What the proxy calls itself in `Via`, a token of at most 64 bytes; empty: it writes none.
    package var via = ""

    /// The defaults.
    package init() {}
}

/// The same as a worker uses it.
struct ForwardingOptions: OptionSet, BitwiseCopyable {
    let rawValue: UInt8

    static let xForwarded = ForwardingOptions(rawValue: 1)
    static let forwarded = ForwardingOptions(rawValue: 2)
    static let requestID = ForwardingOptions(rawValue: 4)
    static let startsTraces = ForwardingOptions(rawValue: 8)

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init(_ settings: ForwardingSettings) {
        self = []
        if settings.xForwarded { insert(.xForwarded) }
        if settings.forwarded { insert(.forwarded) }
        if settings.requestID { insert(.requestID) }
        if settings.startsTraces { insert(.startsTraces) }
    }
}
