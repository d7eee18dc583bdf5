/// One exchange in raw bytes and what a proxy must make of it.
package struct Case: Sendable {
    package enum Wanted: Sendable {
        /// Answered with this status; the connection ends, and no byte goes to a server.
        case refused(Int)
        /// The same for a fault behind the head: a server may have seen the beginning, but never a whole request.
        case refusedInBody(Int)
        /// Answered with this status by the proxy itself; the connection stays.
        case answered(Int)
        /// The server sees exactly these bytes, and the client gets its answers.
        case forwarded(String, keeps: Bool)
        /// The client sees exactly these bytes.
        case relayed(String, clientStays: Bool, serverStays: Bool)
        /// The client gets 502 and keeps its connection; the server's ends.
        case badGateway
        /// The client sees these bytes, then the end of its connection: the response is not whole.
        case cut(String)
    }

    /// What is sent, in few words; unique.
    package let name: String
    /// The rule: a section of an RFC, or the class of attacks.
    package let source: String
    /// What the client sends; each scalar is one byte.
    package let request: String
    /// What the server answers to every request; nil for a plain 200.
    package let response: String?
    /// The server closes behind its response.
    package let serverCloses: Bool
    /// The final responses that the client gets.
    package let responses: Int
    /// What must not reach the other side; tells apart the proxies that forward.
    package let poison: String?
    package let wanted: Wanted

    /// A request and what becomes of it.
    init(
        _ name: String, _ source: String, _ request: String, _ wanted: Wanted, responses: Int = 1,
        poison: String? = nil
    ) {
        self.init(
            name: name, source: source, request: request, response: nil, serverCloses: false,
            responses: responses, poison: poison, wanted: wanted)
    }

    /// A response and what becomes of it.
    init(
        _ name: String, _ source: String, response: String, closes: Bool = false,
        to request: String = Case.plain, _ wanted: Wanted, poison: String? = nil
    ) {
        self.init(
            name: name, source: source, request: request, response: response, serverCloses: closes,
            responses: 1, poison: poison, wanted: wanted)
    }

    private init(
        name: String, source: String, request: String, response: String?, serverCloses: Bool, responses: Int,
        poison: String?, wanted: Wanted
    ) {
        self.name = name
        self.source = source
        self.request = request
        self.response = response
        self.serverCloses = serverCloses
        self.responses = responses
        self.poison = poison
        self.wanted = wanted
    }

    /// All cases.
    package static var all: [Case] {
        requestLines + targets + hosts + fields + framing + chunks + connections + rewriting + smuggling
            + statusLines + responseFields + responseFraming + schemes + upgrades + requestVariants
            + expectations
            + framingVariants + smugglingVariants + chunkVariants + connectionVariants + nominations
            + responseVariants
            + responseFramingVariants
    }

    // MARK: Words of the table

    /// The simplest request.
    static let plain = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    /// What an attacker hides behind another request.
    static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    /// Stands for a date, which is as long.
    static let date = "Date: {29 bytes: when it was sent.}\r\n"

    /// The fields that the proxy adds to a request for this host, and the head's end.
    static func added(_ host: String?) -> String {
        let forwarded = "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"
        return forwarded + (host.map { "X-Forwarded-Host: \($0)\r\n" } ?? "") + "\r\n"
    }

    /// A `GET` with further fields.
    static func get(_ fields: String...) -> String {
        "GET / HTTP/1.1\r\nHost: x\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    /// A `POST` with further fields and a body.
    static func post(_ fields: String..., body: String = "") -> String {
        "POST / HTTP/1.1\r\nHost: x\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n" + body
    }

    /// What the server sees of `get`.
    static func seenGet(_ fields: String...) -> String {
        "GET / HTTP/1.1\r\nHost: x\r\n" + fields.map { $0 + "\r\n" }.joined() + added("x")
    }

    /// What the server sees of `post`.
    static func seenPost(_ fields: String..., body: String = "") -> String {
        "POST / HTTP/1.1\r\nHost: x\r\n" + fields.map { $0 + "\r\n" }.joined() + added("x") + body
    }

    /// A chunked `POST` with this body.
    static func chunked(_ body: String) -> String { post("Transfer-Encoding: chunked", body: body) }

    static func seenChunked(_ body: String) -> String { seenPost("Transfer-Encoding: chunked", body: body) }

    /// The bytes of a text whose scalars are bytes.
    package static func bytes(_ text: String) -> [UInt8] {
        text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    }

    /// The text of bytes, one scalar each.
    package static func text(_ bytes: some Sequence<UInt8>) -> String {
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(Unicode.Scalar(byte)) }
        return String(text)
    }
}
