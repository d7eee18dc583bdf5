import HTTP

/// Turns a head that came in into the one that goes out: lines that end at this hop are left out, the proxy's
/// own are added. Lines that stay are copied in runs as long as they stand together.
struct HeadRewriter {
    let base: UnsafePointer<UInt8>
    let fields: UnsafePointer<Field>

    /// Writes the request for a server; `server` stands in for a host that an HTTP/1.0 client did not name.
    func request(
        _ head: RequestHead, client: UnsafePointer<UInt8>, clientLength: Int, server: UnsafePointer<UInt8>,
        serverLength: Int, into writer: inout HeadWriter
    ) {
        let fieldsEnd = head.length - 2
        var run = head.methodName.start
        if head.authority != nil || head.isOtherVersion || head.host == nil {
            requestLine(head, server, serverLength, into: &writer)
            run = head.summary.count > 0 ? fields[0].name.start : fieldsEnd
        }
        let facts = head.summary.facts
        let hops = hops(head)
        if facts.contains(.hopByHop) || facts.contains(.forwarded) || head.authority != nil
            || head.minorVersion == 0 || hops.left > 0
        {
            for index in 0..<head.summary.count
            where drops(index, head) || fields[index].value == hops.value {
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
        writer.append("X-Forwarded-For: ")
        writer.append(client, clientLength)
        writer.append("\r\nX-Forwarded-Proto: http\r\n")
        if let host = head.host {
            writer.append("X-Forwarded-Host: ")
            writer.append(host, of: base)
            writer.append("\r\n")
        }
        writer.append("\r\n")
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

    private func drops(_ index: Int, _ head: RequestHead) -> Bool {
        let field = fields[index]
        switch field.kind {
        case .connection, .hopByHop, .forwarded, .disguised: return true
        case .host: return head.authority != nil
        case .expect: return head.minorVersion == 0
        case .contentLength, .transferEncoding: return false
        case .other, .date: return head.summary.nominates(field, base, fields)
        }
    }

    /// What a response's head becomes on its way.
    struct Change {
        /// The client gets the content of the chunks.
        var unchunked = false
        /// The client gets chunks, the server has sent none.
        var rechunked = false
        /// The client's minor version.
        var minor: UInt8 = 1
        var keepsAlive = true
    }

    /// Writes the response for a client; `date` is a line for heads that lack one (RFC 9110 §6.6.1).
    func response(
        _ head: ResponseHead, _ change: Change, date: UnsafePointer<UInt8>, into writer: inout HeadWriter
    ) {
        let fieldsEnd = head.length - 2
        writer.append("HTTP/1.1")
        var run = head.statusAndReason.start
        if head.statusAndReason.count < 5 {
            // The space that must stand there even without a reason (RFC 9112 §4).
            writer.append(head.statusAndReason, of: base)
            writer.append(" ")
            run = head.statusAndReason.end
        }
        let isBare = head.isInterim || head.status == 204
        let unchunked = change.unchunked || isBare || change.minor == 0
        if head.summary.facts.contains(.hopByHop) || isBare {
            for index in 0..<head.summary.count where drops(index, head, unchunked: unchunked, isBare: isBare)
            {
                let start = fields[index].name.start
                writer.append(base + run, start - run)
                run = index + 1 < head.summary.count ? fields[index + 1].name.start : fieldsEnd
            }
        }
        writer.append(base + run, fieldsEnd - run)
        if !head.isInterim {
            if !head.summary.facts.contains(.date) { writer.append(date, DateLine.length) }
            if change.rechunked { writer.append("Transfer-Encoding: chunked\r\n") }
            if !change.keepsAlive {
                writer.append("Connection: close\r\n")
            } else if change.minor == 0 {
                writer.append("Connection: keep-alive\r\n")
            }
        }
        writer.append("\r\n")
    }

    private func drops(_ index: Int, _ head: ResponseHead, unchunked: Bool, isBare: Bool) -> Bool {
        let field = fields[index]
        switch field.kind {
        case .connection, .hopByHop: return true
        case .contentLength: return isBare
        case .transferEncoding: return unchunked
        case .host, .expect, .forwarded, .disguised, .date, .other:
            return head.summary.nominates(field, base, fields)
        }
    }
}
