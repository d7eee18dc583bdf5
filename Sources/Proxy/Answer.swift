import Glibc
import HTTP

/// A response of the proxy's own: a status and a line that says which layer failed and why.
enum Answer {
    /// The longest answer, head and body.
    static let bytesMax = 1024

    static func reason(of status: Int) -> StaticString {
        switch status {
        case 400: "Bad Request"
        case 408: "Request Timeout"
        case 414: "URI Too Long"
        case 417: "Expectation Failed"
        case 431: "Request Header Fields Too Large"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "Error"  // no other status is ever asked for
        }
    }

    /// Writes a whole response with this text as its body (left out for `HEAD`); how many bytes it has.
    static func write(
        _ status: Int, text: String, isHead: Bool, keepsAlive: Bool, minorVersion: UInt8,
        to block: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let line = "\(text)\n"
        let body = line.utf8.count > bytesMax / 2 ? "\n" : line
        var writer = HeadWriter(block, capacity: bytesMax)
        writer.append("HTTP/1.1 ")
        writer.append(decimal: status)
        writer.append(" ")
        writer.append(reason(of: status))
        writer.append(
            "\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nContent-Length: ")
        writer.append(decimal: body.utf8.count)
        if !keepsAlive {
            writer.append("\r\nConnection: close")
        } else if minorVersion == 0 {
            writer.append("\r\nConnection: keep-alive")
        }
        writer.append("\r\n\r\n")
        if !isHead { writer.append(text: body) }
        return writer.count
    }

    /// What a loss is called in an answer's text.
    static func describe(_ loss: ServerLoss) -> String {
        switch loss {
        case .connectFailed(let code): "cannot connect: \(String(cString: strerror(code)))"
        case .connectTimeout: "cannot connect: no answer in time"
        case .handshakeFailed(let verdict): ServerContext.describe(verdict)
        case .closed: "closed the connection without a response"
        case .silent: "sent no response in time"
        case .malformed(let fault): "sent a malformed response: \(fault.reason)"
        case .brokenOff: "broke its response off"
        }
    }
}
