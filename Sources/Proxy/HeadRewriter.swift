import HTTP

/// Turns a head that came in into the one that goes out: lines that end at this hop are left out, the proxy's
/// own are added. Lines that stay are copied in runs as long as they stand together.
struct HeadRewriter {
    let base: UnsafePointer<UInt8>
    let fields: UnsafePointer<Field>

    /// Writes the request for a server; `server` stands in for a host that an HTTP/1.0 client did not name.
    func request(
        _ head: RequestHead, client: UnsafePointer<UInt8>, clientLength: Int, server: UnsafePointer<UInt8>,
        serverLength: Int, isSecure: Bool = false, into writer: inout HeadWriter
    ) {
        let fieldsEnd = head.length - 2
        var run = head.methodName.start
        if head.authority != nil || head.minorVersion == 0 || head.host == nil {
            requestLine(head, server, serverLength, into: &writer)
            run = head.summary.count > 0 ? fields[0].name.start : fieldsEnd
        }
        let facts = head.summary.facts
        if facts.contains(.hopByHop) || facts.contains(.forwarded) || head.authority != nil
            || head.minorVersion == 0
        {
            for index in 0..<head.summary.count where drops(index, head) {
                let start = fields[index].name.start
                writer.append(base + run, start - run)
                run = index + 1 < head.summary.count ? fields[index + 1].name.start : fieldsEnd
            }
        }
        writer.append(base + run, fieldsEnd - run)
        writer.append("X-Forwarded-For: ")
        writer.append(client, clientLength)
        writer.append(isSecure ? "\r\nX-Forwarded-Proto: https\r\n" : "\r\nX-Forwarded-Proto: http\r\n")
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

    private func drops(_ index: Int, _ head: RequestHead) -> Bool {
        let field = fields[index]
        switch field.kind {
        case .connection, .hopByHop, .forwarded: return true
        case .host: return head.authority != nil
        case .expect: return head.minorVersion == 0
        case .contentLength, .transferEncoding: return false
        case .other: return head.summary.nominates(field, base, fields)
        }
    }

    /// Writes the response for a client.
    func response(
        _ head: ResponseHead, unchunked: Bool, toMinorVersion minor: UInt8, keepsAlive: Bool,
        into writer: inout HeadWriter
    ) {
        let fieldsEnd = head.length - 2
        writer.append("HTTP/1.1")
        var run = head.statusAndReason.start
        let isBare = head.isInterim || head.status == 204
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
            if !keepsAlive {
                writer.append("Connection: close\r\n")
            } else if minor == 0 {
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
        case .transferEncoding: return unchunked || isBare
        case .host, .expect, .forwarded, .other: return head.summary.nominates(field, base, fields)
        }
    }
}
