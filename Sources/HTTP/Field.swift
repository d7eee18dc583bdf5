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
    /// `Keep-Alive`, `Proxy-Connection`, `TE`, `Upgrade`, `HTTP2-Settings`: they end at the next hop.
    case hopByHop
    /// `Forwarded`, `X-Forwarded-…`, `X-Real-IP`: what earlier proxies said, or what a client pretends they said.
    case forwarded
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
        case 4: if Bytes.hasPrefix(name, "host") { return .host }
        case 6: if Bytes.hasPrefix(name, "expect") { return .expect }
        case 7: if Bytes.hasPrefix(name, "upgrade") { return .hopByHop }
        case 9:
            if Bytes.hasPrefix(name, "forwarded") || Bytes.hasPrefix(name, "x-real-ip") { return .forwarded }
        case 10:
            if Bytes.hasPrefix(name, "connection") { return .connection }
            if Bytes.hasPrefix(name, "keep-alive") { return .hopByHop }
            if Bytes.hasPrefix(name, "tracestate") { return .tracing }
        case 11: if Bytes.hasPrefix(name, "traceparent") { return .tracing }
        case 12: if Bytes.hasPrefix(name, "x-request-id") { return .requestID }
        case 14:
            if Bytes.hasPrefix(name, "content-length") { return .contentLength }
            if Bytes.hasPrefix(name, "http2-settings") { return .hopByHop }
        case 16: if Bytes.hasPrefix(name, "proxy-connection") { return .hopByHop }
        case 17: if Bytes.hasPrefix(name, "transfer-encoding") { return .transferEncoding }
        default: break
        }
        return count > 12 && Bytes.hasPrefix(name, "x-forwarded-") ? .forwarded : .other
    }
}
