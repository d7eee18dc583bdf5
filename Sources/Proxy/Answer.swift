import Glibc
import HTTP

/// A response of the proxy's own: a status and a line that says which layer failed and why.
enum Answer {
    /// The longest answer, head and body.
    static let bytesMax = 1024

    static func reason(of status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 408: "Request Timeout"
        case 414: "URI Too Long"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "Error"  // no other status is ever asked for
        }
    }

    /// The longest text that is told.
    private static let textBytesMax = 256

    /// Writes a whole response with this text and the request's id as its body (left out for `HEAD`); how many
    /// bytes it has. A request without an id, which nobody could look up, is told none. `date` is the worker's line:
    /// whoever has a clock must send it (RFC 9110 §6.6.1), and here the proxy is the origin.
    static func write(
        _ status: Int, text: String, isHead: Bool, keepsAlive: Bool, minorVersion: UInt8,
        date: UnsafePointer<UInt8>, id: UnsafeMutablePointer<RequestID>, isJSON: Bool,
        to block: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let body = body(status, text: text, id: id, isJSON: isJSON)
        var writer = HeadWriter(block, capacity: bytesMax)
        writer.append("HTTP/1.1 ")
        writer.append(decimal: status)
        writer.append(" ")
        writer.append(reason(of: status))
        writer.append("\r\nContent-Type: ")
        writer.append(isJSON ? "application/json" : "text/plain; charset=utf-8")
        writer.append("\r\nCache-Control: no-store\r\nContent-Length: ")
        writer.append(decimal: body.count)
        writer.append("\r\n")
        writer.append(date, DateLine.length)
        RequestID.withLine(of: id) { writer.append($0, id.pointee.lineCount) }
        if !keepsAlive {
            writer.append("Connection: close\r\n")
        } else if minorVersion == 0 {
            writer.append("Connection: keep-alive\r\n")
        }
        writer.append("\r\n")
        if !isHead {
            body.withUnsafeBufferPointer { if let start = $0.baseAddress { writer.append(start, $0.count) } }
        }
        return writer.count
    }

    /// The body: for people two lines, for programs one object. `text` begins with the layer that failed:
    /// `client: `, `proxy: ` or `server ADDRESS: `.
    private static func body(
        _ status: Int, text: String, id: UnsafeMutablePointer<RequestID>, isJSON: Bool
    ) -> [UInt8] {
        let sentence = text.utf8.count > textBytesMax ? String(text.prefix(textBytesMax / 4)) : text
        let idText = RequestID.withLine(of: id) {
            String(
                decoding: UnsafeBufferPointer(start: $0 + RequestID.nameBytes, count: Int(id.pointee.count)),
                as: UTF8.self)
        }
        guard isJSON else {
            return Array((idText.isEmpty ? "\(sentence)\n" : "\(sentence)\nrequest id: \(idText)\n").utf8)
        }
        let layer = sentence.prefix { $0 != ":" && $0 != " " }
        // Texts are the proxy's own: printable, and without quotes but for what a system's message may hold.
        let escaped = sentence.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        let known = idText.isEmpty ? "null" : "\"\(idText)\""
        return Array(
            "{\"status\":\(status),\"layer\":\"\(layer)\",\"error\":\"\(escaped)\",\"request_id\":\(known)}\n"
                .utf8)
    }

    /// What a loss is called in an answer's text.
    static func describe(_ loss: ServerLoss) -> String {
        switch loss {
        case .connectFailed(let code): "cannot connect: \(String(cString: strerror(code)))"
        case .connectImpossible(let code):
            "no connection to a server can be made: \(String(cString: strerror(code)))"
        case .connectTimeout: "cannot connect: no answer in time"
        case .handshakeFailed(let verdict): ServerContext.describe(verdict)
        case .closed: "closed the connection without a response"
        case .silent: "sent no response in time"
        case .malformed(let fault): "sent a malformed response: \(fault.reason)"
        case .brokenOff: "broke its response off"
        }
    }
}
