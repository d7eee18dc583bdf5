/// One field line of a head: where its name and its value are, and which field it is.
package struct Field: Equatable, Sendable, BitwiseCopyable {
    package let name: ByteRange
    /// Without the white space around it.
    package let value: ByteRange
    package let kind: FieldKind

    init(name: ByteRange, value: ByteRange, kind: FieldKind) {
        self.name = name
        self.value = value
        self.kind = kind
    }

    /// True when this is the name, which is written in lower case; `base` is the head's first byte.
    package func isNamed(_ word: StaticString, _ base: UnsafePointer<UInt8>) -> Bool {
        Bytes.equal(base + name.start, name.count, word)
    }
}

/// The fields that a proxy must know; all others only pass.
package enum FieldKind: UInt8, Sendable, BitwiseCopyable {
    case other
    case host, contentLength, transferEncoding, connection, expect
    /// `Keep-Alive`, `Proxy-Connection`, `TE`, `Upgrade`, `HTTP2-Settings`: they end at the next hop. `Proxy` with
    /// them: no standard knows it, and servers that turn fields into variables read `HTTP_PROXY`.
    case hopByHop
    /// `Forwarded`, `X-Forwarded-…`, `X-Real-IP`: what earlier proxies said, or what a client pretends they said.
    case forwarded
    /// `Content_Length`, `X_Forwarded_For` and their like: a server that turns fields into variables could not tell
    /// them from the names with hyphens, which this proxy checks and sets.
    case disguised
    case date
    /// `X-Request-Id`.
    case requestID
    /// `traceparent`, `tracestate`.
    case tracing

    /// The kind of the field with this name, in any case of letters.
    @inline(__always)
    static func of(_ name: UnsafePointer<UInt8>, _ count: Int) -> FieldKind {
        if count < 2 || count > 40 { return .other }
        switch count {
        case 2: if Bytes.hasPrefix(name, "te") { return .hopByHop }
        case 4:
            if Bytes.hasPrefix(name, "host") { return .host }
            if Bytes.hasPrefix(name, "date") { return .date }
        case 5: if Bytes.hasPrefix(name, "proxy") { return .hopByHop }
        case 6: if Bytes.hasPrefix(name, "expect") { return .expect }
        case 7: if Bytes.hasPrefix(name, "upgrade") { return .hopByHop }
        case 9:
            if Bytes.hasPrefix(name, "forwarded") { return .forwarded }
            if Bytes.hasPrefixAsVariable(name, "x-real-ip") { return plain(.forwarded, name, count) }
        case 10:
            if Bytes.hasPrefix(name, "connection") { return .connection }
            if Bytes.hasPrefix(name, "keep-alive") { return .hopByHop }
            if Bytes.hasPrefix(name, "tracestate") { return .tracing }
        case 11: if Bytes.hasPrefix(name, "traceparent") { return .tracing }
        case 12: if Bytes.hasPrefix(name, "x-request-id") { return .requestID }
        case 14:
            if Bytes.hasPrefixAsVariable(name, "content-length") { return plain(.contentLength, name, count) }
            if Bytes.hasPrefix(name, "http2-settings") { return .hopByHop }
        case 16: if Bytes.hasPrefix(name, "proxy-connection") { return .hopByHop }
        case 17:
            if Bytes.hasPrefixAsVariable(name, "transfer-encoding") {
                return plain(.transferEncoding, name, count)
            }
        default: break
        }
        guard count > 12, Bytes.hasPrefixAsVariable(name, "x-forwarded-") else { return .other }
        return plain(.forwarded, name, count)
    }

    /// The kind of a name that is spelt right, `disguised` for one with underscores.
    private static func plain(_ kind: FieldKind, _ name: UnsafePointer<UInt8>, _ count: Int) -> FieldKind {
        Bytes.holdsUnderscore(name, count) ? .disguised : kind
    }
}
