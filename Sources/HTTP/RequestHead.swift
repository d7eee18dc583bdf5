/// The methods that a proxy treats in a way of their own.
public enum Method: UInt8, Sendable, BitwiseCopyable {
    case get, head, post, put, delete, options, trace, patch, other

    /// True when repeating a request does no more than sending it once (RFC 9110 §9.2.2).
    public var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .other: false
        }
    }

    static func of(_ base: UnsafePointer<UInt8>, _ count: Int) -> Method {
        func equals(_ word: StaticString) -> Bool {
            guard word.utf8CodeUnitCount == count else { return false }
            for index in 0..<count where base[index] != word.utf8Start[index] { return false }
            return true
        }
        switch count {
        case 3: return equals("GET") ? .get : equals("PUT") ? .put : .other
        case 4: return equals("POST") ? .post : equals("HEAD") ? .head : .other
        case 5: return equals("PATCH") ? .patch : equals("TRACE") ? .trace : .other
        case 6: return equals("DELETE") ? .delete : .other
        case 7: return equals("OPTIONS") ? .options : .other
        default: return .other
        }
    }
}

/// A request head, as ranges into the bytes it was parsed from.
public struct RequestHead: Sendable, BitwiseCopyable {
    /// The method, as far as the proxy tells methods apart.
    public internal(set) var method = Method.other
    /// The method as it stands there.
    public internal(set) var methodName = ByteRange()
    /// The target as it is to be sent on: origin-form or `*`; empty when an absolute target had no path (then
    /// `/` stands for it, or `*` with `OPTIONS`), and without its `/` when `lacksSlash`.
    public internal(set) var target = ByteRange()
    /// An absolute target whose path is empty but which has a query: a `/` belongs before `target`.
    public internal(set) var lacksSlash = false
    /// An absolute target whose scheme is `https`.
    public internal(set) var hasSecureScheme = false
    /// The host of an absolute target, which replaces the `Host` field; nil for other targets.
    public internal(set) var authority: ByteRange?
    /// The minor version: 0, or 1 for all later ones.
    public internal(set) var minorVersion: UInt8 = 1
    /// The request line says another version than `HTTP/1.1`.
    public internal(set) var isOtherVersion = false
    /// What the field lines say together.
    public internal(set) var summary = FieldSummary()
    @usableFromInline
    var bytes: UInt16 = 0

    /// The length of the whole head in bytes, its empty line included; at most `HeadLimits.headBytesCeiling`.
    @inlinable
    public var length: Int { Int(bytes) }

    /// A head of which nothing is known yet.
    public init() {}

    /// How the request's body is delimited; never `untilClose`.
    public var framing: BodyFraming {
        if summary.facts.contains(.chunked) { return .chunked }
        guard summary.facts.contains(.contentLength), summary.contentLength > 0 else { return .none }
        return .length(summary.contentLength)
    }

    /// True when the client wants to send more requests on this connection.
    public var keepsAlive: Bool {
        if summary.facts.contains(.close) { return false }
        return minorVersion == 1 || summary.facts.contains(.keepAlive)
    }

    /// True when the client waits for `100 Continue`; HTTP/1.0 has no such thing.
    public var expectsContinue: Bool { minorVersion == 1 && summary.facts.contains(.expectsContinue) }

    /// The host that the client asked for; nil only in HTTP/1.0.
    public var host: ByteRange? {
        if let authority { return authority }
        return summary.facts.contains(.host) ? summary.host : nil
    }

    /// What `Max-Forwards` says (RFC 9110 §7.6.2); it counts only with `OPTIONS` and `TRACE`.
    public enum HopsLeft: Equatable, Sendable {
        /// There is no such field.
        case unlimited
        /// The number and where it stands.
        case count(Int, ByteRange)
        case malformed
    }

    /// Looks `Max-Forwards` up; a walk through all fields, for the methods it counts with.
    public func hopsLeft(_ base: UnsafePointer<UInt8>, _ fields: UnsafePointer<Field>) -> HopsLeft {
        var found = HopsLeft.unlimited
        for index in 0..<summary.count {
            let field = fields[index]
            guard Bytes.equal(base + field.name.start, field.name.count, "max-forwards") else { continue }
            guard found == .unlimited,
                let number = FieldSummary.decimal(base + field.value.start, field.value.count)
            else { return .malformed }
            found = .count(Int(number), field.value)
        }
        return found
    }

    /// The first field with this name, which is written in lower case.
    public func value(
        of name: StaticString, _ base: UnsafePointer<UInt8>, _ fields: UnsafePointer<Field>
    ) -> ByteRange? {
        for index in 0..<summary.count {
            let field = fields[index]
            if Bytes.equal(base + field.name.start, field.name.count, name) { return field.value }
        }
        return nil
    }
}
