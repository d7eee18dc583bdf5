/// One field line of a head: where its name and its value are, and which field it is.
public struct Field: Equatable, Sendable, BitwiseCopyable {
    /// Where its name is.
    public let name: ByteRange
    /// Without the white space around it.
    public let value: ByteRange
    /// Which field it is.
    public let kind: FieldKind
    /// `Connection` names it; known once the head is whole.
    public internal(set) var isNominated = false

    init(name: ByteRange, value: ByteRange, kind: FieldKind) {
        self.name = name
        self.value = value
        self.kind = kind
    }

    /// True when this is the name, which is written in lower case; `base` is the head's first byte.
    public func isNamed(_ word: StaticString, _ base: UnsafePointer<UInt8>) -> Bool {
        Bytes.equal(base + name.start, name.count, word)
    }
}

/// The fields that a proxy must know; all others only pass.
public enum FieldKind: UInt8, Sendable, BitwiseCopyable {
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

    /// The kind of the field with this name, in any case of letters; all its bytes are those of a token.
    @inline(__always)
    static func of(_ name: UnsafePointer<UInt8>, _ count: Int) -> FieldKind {
        if count < 2 || count > 40 { return .other }
        let first = ByteWord(name, first: count)
        if count < ByteWord.bytes { return ofShort(first.lowered, count) }
        let last = ByteWord(name, at: count - ByteWord.bytes)
        return ofLong(first.lowered, last.lowered, name, count)
    }

    /// Shorter than eight bytes: zeros behind them, which `lowered` makes spaces.
    @inline(__always)
    private static func ofShort(_ name: ByteWord, _ count: Int) -> FieldKind {
        switch count {
        case 2: name == ByteWord("te      ") ? .hopByHop : .other
        case 4:
            name == ByteWord("host    ") ? .host : name == ByteWord("date    ") ? .date : .other
        case 5: name == ByteWord("proxy   ") ? .hopByHop : .other
        case 6: name == ByteWord("expect  ") ? .expect : .other
        case 7: name == ByteWord("upgrade ") ? .hopByHop : .other
        default: .other
        }
    }

    /// Up to sixteen bytes are all in the first and the last eight.
    @inline(__always)
    private static func ofLong(
        _ first: ByteWord, _ last: ByteWord, _ name: UnsafePointer<UInt8>, _ count: Int
    ) -> FieldKind {
        func isNamed(_ front: StaticString, _ back: StaticString) -> Bool {
            first == ByteWord(front) && last == ByteWord(back)
        }
        switch count {
        case 9:
            if isNamed("forwarde", "orwarded") { return .forwarded }
            if Bytes.hasPrefixAsVariable(name, "x-real-ip") { return plain(.forwarded, name, count) }
        case 10:
            if isNamed("connecti", "nnection") { return .connection }
            if isNamed("keep-ali", "ep-alive") { return .hopByHop }
            if isNamed("tracesta", "acestate") { return .tracing }
        case 11: if isNamed("tracepar", "ceparent") { return .tracing }
        case 12:
            if isNamed("x-reques", "quest-id") { return .requestID }
            if Bytes.hasPrefixAsVariable(name, "x-request-id") { return .disguised }
        case 14:
            if isNamed("content-", "t-length") { return .contentLength }
            if Bytes.hasPrefixAsVariable(name, "content-length") { return plain(.contentLength, name, count) }
            if isNamed("http2-se", "settings") { return .hopByHop }
        case 16: if isNamed("proxy-co", "nnection") { return .hopByHop }
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
