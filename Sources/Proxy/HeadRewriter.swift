import HTTP

/// Turns a head that came in into the one that goes out: lines that end at this hop are left out, the proxy's
/// own are added. Lines that stay are copied in runs as long as they stand together.
struct HeadRewriter {
    let base: UnsafePointer<UInt8>
    let fields: UnsafePointer<Field>

    /// Whom a request comes from and what the server is told of it.
    struct Origin {
        /// The peer's numeric address.
        let client: UnsafePointer<UInt8>
        let clientLength: Int
        /// The peer is a proxy whose word counts.
        var isTrusted = false
        var options: ForwardingOptions = .xForwarded
        /// The client came by TLS.
        var isSecure = false
        /// A whole line with the request's id; length 0 for none.
        var id: UnsafePointer<UInt8>
        var idLength = 0
        /// A whole line that starts a trace; length 0 for none.
        var trace: UnsafePointer<UInt8>
        var traceLength = 0
        /// What the proxy calls itself.
        var via = ViaLine()

        init(client: UnsafePointer<UInt8>, clientLength: Int) {
            self.client = client
            self.clientLength = clientLength
            id = client
            trace = client
        }

        /// The facts of a head of which some line may have to be left out.
        @inline(__always)
        fileprivate var replaced: UInt16 {
            // Numbers, since a list of options would be an array in memory.
            var facts = FieldSummary.Facts.hopByHop.rawValue | FieldSummary.Facts.forwarded.rawValue
            if idLength > 0 { facts |= FieldSummary.Facts.requestID.rawValue }
            if traceLength > 0 { facts |= FieldSummary.Facts.tracing.rawValue }
            return facts
        }
    }

    /// Writes the request for a server (once, in one place: worth to be inlined there); `server` stands in for a host that an HTTP/1.0 client did not name.
    @inline(__always)
    func request(
        _ head: RequestHead, from origin: Origin, server: UnsafePointer<UInt8>, serverLength: Int,
        into writer: inout HeadWriter
    ) {
        let fieldsEnd = head.length - 2
        var run = head.methodName.start
        if head.authority != nil || head.isOtherVersion || head.host == nil {
            requestLine(head, server, serverLength, into: &writer)
            run = head.summary.count > 0 ? fields[0].name.start : fieldsEnd
        }
        let facts = head.summary.facts
        let hops = hops(head)
        if facts.rawValue & origin.replaced != 0 || head.authority != nil || head.minorVersion == 0
            || hops.left > 0
        {
            for index in 0..<head.summary.count
            where drops(index, head, origin) || fields[index].value == hops.value {
                let start = fields[index].name.start
                writer.append(base + run, start - run)
                run = index + 1 < head.summary.count ? fields[index + 1].name.start : fieldsEnd
            }
        }
        writer.append(base + run, fieldsEnd - run)
        if hops.left > 0 {
            writer.append("Max-Forwards: ")
            writer.append(decimal: hops.left - 1)
            writer.append("\r\n")
        }
        if origin.isTrusted, head.summary.facts.contains(.forwarded) {
            appendToForwarded(head, origin, into: &writer)
        } else {
            forwarded(head, origin, into: &writer)
        }
        if origin.idLength > 0 { writer.append(origin.id, origin.idLength) }
        if origin.traceLength > 0 { writer.append(origin.trace, origin.traceLength) }
        origin.via.append(minor: head.minorVersion, to: &writer)
        writer.append("\r\n")
    }

    /// What the proxy itself says of the client; few appends, since every request pays for each.
    @inline(__always)
    private func forwarded(_ head: RequestHead, _ origin: Origin, into writer: inout HeadWriter) {
        if origin.options.contains(.xForwarded) {
            writer.append("X-Forwarded-For: ")
            writer.append(origin.client, origin.clientLength)
            if let host = head.host {
                writer.append(
                    origin.isSecure
                        ? "\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: "
                        : "\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ")
                writer.append(host, of: base)
                writer.append("\r\n")
            } else {
                writer.append("\r\n")
                proto(origin, into: &writer)
            }
        }
        if origin.options.contains(.forwarded) {
            writer.append("Forwarded: ")
            element(head, origin, into: &writer)
        }
    }

    private func proto(_ origin: Origin, into writer: inout HeadWriter) {
        writer.append(
            origin.isSecure ? "X-Forwarded-Proto: https\r\n" : "X-Forwarded-Proto: http\r\n")
    }

    /// What the proxies before this one said, with this one's word after it.
    @inline(never)
    private func appendToForwarded(_ head: RequestHead, _ origin: Origin, into writer: inout HeadWriter) {
        if origin.options.contains(.xForwarded) {
            writer.append("X-Forwarded-For: ")
            append(valuesOf: "x-forwarded-for", head, into: &writer) { _, _ in true }
            writer.append(origin.client, origin.clientLength)
            writer.append("\r\n")
            if !brings("x-forwarded-proto", head) { proto(origin, into: &writer) }
            if let host = head.host, !brings("x-forwarded-host", head) {
                writer.append("X-Forwarded-Host: ")
                writer.append(host, of: base)
                writer.append("\r\n")
            }
        }
        if origin.options.contains(.forwarded) {
            writer.append("Forwarded: ")
            // A quote left open by somebody would hold this proxy's element as well.
            append(valuesOf: "forwarded", head, into: &writer, where: ForwardedSyntax.isValid)
            element(head, origin, into: &writer)
        }
    }

    /// One element of `Forwarded` (RFC 7239 §4) and the line's end. Hosts hold neither quotes nor backslashes.
    private func element(_ head: RequestHead, _ origin: Origin, into writer: inout HeadWriter) {
        var isNew = false
        for index in 0..<origin.clientLength where origin.client[index] == UInt8(ascii: ":") { isNew = true }
        writer.append(isNew ? "for=\"[" : "for=")
        writer.append(origin.client, origin.clientLength)
        writer.append(isNew ? "]\";proto=" : ";proto=")
        writer.append(origin.isSecure ? "https" : "http")
        if let host = head.host, host.count > 0 {
            writer.append(";host=\"")
            writer.append(host, of: base)
            writer.append("\"")
        }
        writer.append("\r\n")
    }

    /// The values of all lines of this name that are fine, each with a comma behind it.
    private func append(
        valuesOf name: StaticString, _ head: RequestHead, into writer: inout HeadWriter,
        where isFine: (UnsafePointer<UInt8>, Int) -> Bool
    ) {
        for index in 0..<head.summary.count
        where fields[index].kind == .forwarded && fields[index].isNamed(name, base) {
            let value = fields[index].value
            guard value.count > 0, isFine(base + value.start, value.count) else { continue }
            writer.append(value, of: base)
            writer.append(", ")
        }
    }

    private func brings(_ name: StaticString, _ head: RequestHead) -> Bool {
        for index in 0..<head.summary.count where fields[index].kind == .forwarded {
            if fields[index].isNamed(name, base) { return true }
        }
        return false
    }

    /// The request line and the host, where they cannot be copied as they are.
    private func requestLine(
        _ head: RequestHead, _ server: UnsafePointer<UInt8>, _ serverLength: Int,
        into writer: inout HeadWriter
    ) {
        writer.append(head.methodName, of: base)
        writer.append(" ")
        if head.target.count == 0 {
            writer.append(head.method == .options ? "*" : "/")
        } else {
            if head.lacksSlash { writer.append("/") }
            writer.append(head.target, of: base)
        }
        writer.append(" HTTP/1.1\r\n")
        guard head.authority != nil || head.host == nil else { return }
        writer.append("Host: ")
        if let authority = head.authority {
            writer.append(authority, of: base)
        } else {
            writer.append(server, serverLength)
        }
        writer.append("\r\n")
    }

    /// `Max-Forwards` counts the hops of `OPTIONS` and `TRACE` (RFC 9110 §7.6.2): its number, 0 when there is none,
    /// and the value that is replaced.
    @inline(__always)
    private func hops(_ head: RequestHead) -> (left: Int, value: ByteRange) {
        guard head.method == .options || head.method == .trace,
            case .count(let left, let value) = head.hopsLeft(base, fields)
        else { return (0, ByteRange()) }
        return (left, value)
    }

    private func drops(_ index: Int, _ head: RequestHead, _ origin: Origin) -> Bool {
        let field = fields[index]
        switch field.kind {
        case .connection, .hopByHop, .disguised: return true
        // What a trusted proxy says cannot be named away: its client may have written that `Connection`.
        case .forwarded:
            if !origin.isTrusted { return true }
            if origin.options.contains(.xForwarded), field.isNamed("x-forwarded-for", base) { return true }
            return origin.options.contains(.forwarded) && field.isNamed("forwarded", base)
        case .requestID:
            return origin.idLength > 0 || head.summary.nominates(field, base, fields)
        case .tracing:
            return origin.traceLength > 0 || head.summary.nominates(field, base, fields)
        case .host: return head.authority != nil
        case .expect: return head.minorVersion == 0
        case .contentLength, .transferEncoding: return false
        case .other, .date: return head.summary.nominates(field, base, fields)
        }
    }
}
