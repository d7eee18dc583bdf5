import HTTP

/// The way of a response's head to a client.
extension HeadRewriter {
    /// What a response's head becomes on its way.
    struct Change {
        /// The client gets the content of the chunks.
        var unchunked = false
        /// The client gets chunks, the server has sent none.
        var rechunked = false
        /// The client's minor version.
        var minor: UInt8 = 1
        var keepsAlive = true
        /// What the proxy calls itself.
        var via = ViaLine()
    }

    /// Writes the response for a client; `date` is a line for heads that lack one (RFC 9110 §6.6.1), `id` a whole line
    /// with the request's id, which a final response carries instead of the server's own; interim ones carry none then.
    func response(
        _ head: ResponseHead, _ change: Change, date: UnsafePointer<UInt8>, id: UnsafePointer<UInt8>,
        idLength: Int, into writer: inout HeadWriter
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
        let replacesID = idLength > 0
        if head.summary.facts.contains(.hopByHop) || isBare
            || replacesID && head.summary.facts.contains(.requestID)
        {
            for index in 0..<head.summary.count
            where drops(index, head, unchunked: unchunked, isBare: isBare, replacesID: replacesID) {
                let start = fields[index].name.start
                writer.append(base + run, start - run)
                run = index + 1 < head.summary.count ? fields[index + 1].name.start : fieldsEnd
            }
        }
        writer.append(base + run, fieldsEnd - run)
        if !head.isInterim {
            if lacksDate(head.summary) { writer.append(date, DateLine.length) }
            if idLength > 0 { writer.append(id, idLength) }
            if change.rechunked { writer.append("Transfer-Encoding: chunked\r\n") }
            change.via.append(minor: head.minorVersion, to: &writer)
            if head.status == HeadRewriter.upgradeRequired { nominateUpgrade(head.summary, into: &writer) }
            if !change.keepsAlive {
                writer.append("Connection: close\r\n")
            } else if change.minor == 0 {
                writer.append("Connection: keep-alive\r\n")
            }
        }
        writer.append("\r\n")
    }

    /// The status whose response must tell in `Upgrade` which protocols would do (RFC 9110 §15.5.22).
    private static let upgradeRequired = 426

    private func nominateUpgrade(_ summary: FieldSummary, into writer: inout HeadWriter) {
        for index in 0..<summary.count where isUpgrade(fields[index]) {
            writer.append("Connection: Upgrade\r\n")
            return
        }
    }

    private func isUpgrade(_ field: Field) -> Bool {
        field.kind == .hopByHop && field.isNamed("upgrade", base)
    }

    /// True when no `Date` is left of the head.
    @inline(__always)
    private func lacksDate(_ summary: FieldSummary) -> Bool {
        guard summary.facts.contains(.date) else { return true }
        return summary.facts.contains(.nominates) && losesDate(summary)
    }

    private func losesDate(_ summary: FieldSummary) -> Bool {
        for index in 0..<summary.count where fields[index].kind == .date && !fields[index].isNominated {
            return false
        }
        return true
    }

    private func drops(
        _ index: Int, _ head: ResponseHead, unchunked: Bool, isBare: Bool, replacesID: Bool
    ) -> Bool {
        let field = fields[index]
        switch field.kind {
        case .connection: return true
        case .hopByHop: return head.status != HeadRewriter.upgradeRequired || !isUpgrade(field)
        case .contentLength: return isBare
        case .transferEncoding: return unchunked
        case .requestID: return replacesID || head.summary.nominates(field, base, fields)
        case .host, .expect, .forwarded, .disguised, .date, .tracing, .other:
            return head.summary.nominates(field, base, fields)
        }
    }
}
