/// A request head as values, for servers that are not in a hurry.
public struct PlainRequest: Sendable {
    /// The method as it stands there.
    public let method: String
    /// Origin-form or `*`.
    public let target: String
    /// The host asked for; nil only in HTTP/1.0.
    public let host: String?
    /// Names and values, in their order.
    public let fields: [(name: String, value: String)]
    /// How the body is delimited.
    public let framing: BodyFraming
    /// The client wants to send more requests on this connection.
    public let keepsAlive: Bool
    /// The client waits for `100 Continue`.
    public let expectsContinue: Bool
    /// The length of the whole head in bytes: what follows is the body.
    public let length: Int

    /// Parses the head at the start of `bytes`; nil while it is not complete. Re-reads all bytes at each call.
    public init?(_ bytes: [UInt8], limits: HeadLimits = HeadLimits()) throws(MessageFault) {
        let room = UnsafeMutablePointer<Field>.allocate(capacity: limits.fields)
        defer { room.deallocate() }
        var parser = RequestParser()
        let verdict = bytes.withUnsafeBufferPointer { buffer -> HeadVerdict in
            guard let base = buffer.baseAddress else { return .needMore }
            return parser.parse(base, count: buffer.count, fields: room, limits: limits)
        }
        switch verdict {
        case .needMore: return nil
        case .refused(let fault): throw fault
        case .complete: break
        }
        let head = parser.head
        func text(_ range: ByteRange) -> String {
            String(decoding: bytes[range.start..<range.end], as: UTF8.self)
        }
        let path = text(head.target)
        if path.isEmpty {
            target = head.method == .options ? "*" : "/"
        } else {
            target = head.lacksSlash ? "/" + path : path
        }
        method = text(head.methodName)
        host = head.host.map(text)
        fields = (0..<head.summary.count).map { (text(room[$0].name), text(room[$0].value)) }
        framing = head.framing
        keepsAlive = head.keepsAlive
        expectsContinue = head.expectsContinue
        length = head.length
    }
}
