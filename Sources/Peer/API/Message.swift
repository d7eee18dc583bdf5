package import Linux

/// A request as a handler of `HTTPServer` gets it.
package struct Request: Sendable {
    /// Which door it came through: what a client may do depends on it.
    package enum Door: Sendable, Equatable {
        /// The unix socket; whoever may open its file may change things.
        case socket
        /// The TCP listener; read-only.
        case tcp
    }

    package var method: String
    /// The path, percent-decoded, without the query.
    package var path: String
    /// The query's parameters, percent-decoded; the last one of a name counts.
    package var query: [String: String]
    /// The `Host` field; nil only in HTTP/1.0.
    package var host: String?
    package var body: [UInt8]
    package var door: Door
    /// Who asks, at the TCP listener; nil at the socket.
    package var client: SocketAddress?
    /// The head's fields by their names in lower case; of several with one name the first.
    package var fields: [String: String] = [:]
}

extension Request {
    /// A request without a body, as the agent asks itself.
    package static func get(
        _ path: String, query: [String: String] = [:], door: Door = .socket
    ) -> Request {
        Request(method: "GET", path: path, query: query, host: nil, body: [], door: door)
    }
}

/// What a handler answers.
package struct Response: Sendable {
    package var status: Int
    package var contentType: String
    package var body: [UInt8]
    /// Further header fields.
    package var fields: [(name: String, value: String)] = []
    /// Set for an answer without an end: it is called once the head is on its way, and sends what follows.
    package var stream: (@Sendable (StreamWriter) -> Void)?

    /// A response with its parts.
    package init(status: Int, contentType: String, body: [UInt8]) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    /// A short text, ended by a newline.
    package static func text(_ status: Int, _ text: String) -> Response {
        Response(status: status, contentType: "text/plain; charset=utf-8", body: Array((text + "\n").utf8))
    }

    /// A document as JSON.
    package static func json(_ status: Int, _ document: some Encodable) -> Response {
        json(status, JSONForm.bytes(document))
    }

    /// A document that was written as JSON before.
    static func json(_ status: Int, _ bytes: [UInt8]?) -> Response {
        guard let bytes else {
            return .text(500, "the answer holds no JSON number")
        }
        return Response(status: status, contentType: "application/json", body: bytes + [UInt8(ascii: "\n")])
    }

    /// An error as JSON: `{"error": "…"}`; the sentence says what to do next.
    package static func error(_ status: Int, _ sentence: String) -> Response {
        json(status, ["error": sentence])
    }

    /// 405 with the methods that there are, as RFC 9110 §15.5.6 wants it.
    static func notAllowed(_ methods: String) -> Response {
        var response = Response.error(405, "this path takes only \(methods)")
        response.fields.append(("Allow", methods))
        return response
    }
}
