/// Answers as they go out.
extension HTTPServer {
    /// The head of an answer that ends with its connection.
    static func streamHead(_ response: Response) -> [UInt8] {
        var bytes: [UInt8] = []
        append(response, to: &bytes)
        bytes += "Connection: close\r\n\r\n".utf8
        return bytes
    }

    private static func append(_ response: Response, to bytes: inout [UInt8]) {
        func add(_ text: String) { bytes.append(contentsOf: text.utf8) }
        func add(_ name: String, _ value: String) {
            add(name)
            add(": ")
            add(value)
            add("\r\n")
        }
        add("HTTP/1.1 ")
        add(String(response.status))
        add(" ")
        add(reason(response.status))
        add("\r\n")
        if response.status != 304 {  // it has no content, and says nothing of the content there would be
            add("Content-Type", response.contentType)
        }
        add("Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n")
        for (name, value) in response.fields { add(name, value) }
    }

    /// What a head takes at most, mostly, in bytes.
    private static let usualHeadBytes = 512

    /// An answer as it goes out.
    static func bytes(_ response: Response, isHead: Bool, keepsAlive: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(usualHeadBytes + (isHead ? 0 : response.body.count))
        append(response, to: &bytes)
        if response.status != 304 {
            bytes += "Content-Length: ".utf8
            bytes += String(response.body.count).utf8
            bytes += "\r\n".utf8
        }
        bytes += (keepsAlive ? "\r\n" : "Connection: close\r\n\r\n").utf8
        if !isHead { bytes += response.body }
        return bytes
    }

    /// The reason phrase of a status this server sends.
    static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}
