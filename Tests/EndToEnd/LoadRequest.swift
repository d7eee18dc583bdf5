import Glibc

/// One request of a load, known by its number to the client, to a server and to the access log.
struct LoadRequest: Hashable, Sendable, CustomStringConvertible {
    enum Method: String, CaseIterable, Sendable {
        case get = "GET"
        /// Idempotent: the proxy may send it again.
        case put = "PUT"
        /// May not be sent again once bytes of it may have reached a server.
        case post = "POST"
    }

    /// What a load is made of.
    enum Mix: Sendable {
        /// GET alone.
        case reads
        /// Half of it GET, a quarter PUT and a quarter POST, with bodies of all `sizes`.
        case all
    }

    /// Nothing, what comes with its head, and more than the proxy keeps.
    static let sizes = [0, 1, 100, 1000, 2000, 5000, 16_000, 40_000]
    /// The longest of these bodies that the proxy keeps whole, and so may send again.
    static let keptBytes = 16_000

    let number: Int
    let method: Method
    let bodyBytes: Int

    init(_ number: Int, of mix: Mix) {
        self.number = number
        switch (mix, number % 4) {
        case (.reads, _), (.all, 0), (.all, 2): method = .get
        case (.all, 1): method = .put
        case (.all, _): method = .post
        }
        let size = LoadRequest.sizes[number / 4 % LoadRequest.sizes.count]
        bodyBytes = method == .get ? 0 : size
    }

    var description: String { "\(method.rawValue) number \(number) with \(bodyBytes) bytes" }

    /// True when the proxy may send it once more over a fresh connection, after a kept one turned out to be closed.
    var isRepeatable: Bool { method != .post && bodyBytes <= LoadRequest.keptBytes }

    /// Everything that is sent.
    var bytes: [UInt8] {
        let target = method == .get ? "/?n=\(number)" : "/echo?n=\(number)"
        let length = method == .get ? "" : "Content-Length: \(bodyBytes)\r\n"
        return Array("\(method.rawValue) \(target) HTTP/1.1\r\nHost: troop.test\r\n\(length)\r\n".utf8) + body
    }

    /// Bytes that differ from request to request and from place to place, so that losses and swaps show.
    private var body: [UInt8] {
        let start = number % 251
        var body = Array(LoadRequest.pattern[start..<start + bodyBytes])
        for place in 0..<min(8, bodyBytes) {
            body[place] = UInt8(truncatingIfNeeded: number >> (place * 7)) | 0x80
        }
        return body
    }

    private static let pattern: [UInt8] = {
        var state: UInt32 = 2_463_534_242
        return (0..<40_000 + 251).map { _ in
            state ^= state << 13
            state ^= state >> 17
            state ^= state << 5
            return UInt8(truncatingIfNeeded: state)
        }
    }()

    /// What is wrong with an answer's content; nil when it is the one that belongs to this request.
    func fault(in content: [UInt8]) -> String? {
        if method == .get {
            let text = String(decoding: content, as: UTF8.self)
            let isWhole = text.hasPrefix("hello from app-") && (text.last == "\n" || text.last == "!")
            return isWhole ? nil : "wrong content: \(text.prefix(100))"
        }
        let body = body
        if content.count == BodyDigest.bytes, content.first == BodyDigest.mark {
            let digest = BodyDigest.text(of: body)
            return content == digest ? nil : "the server had another body than was sent"
        }
        return content == body
            ? nil : "\(content.count) bytes came back, or others than the \(bodyBytes) sent"
    }
}

/// A body's length and a hash of it, as text of a fixed length: what a server says that it got.
enum BodyDigest {
    /// The mark, 16 digits of the hash, 7 of the length.
    static let bytes = 24
    /// No body of a load begins so.
    static let mark = UInt8(ascii: "=")

    static func text(of body: [UInt8]) -> [UInt8] {
        // FNV-1a.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        body.withUnsafeBufferPointer { body in
            for byte in body { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        let digits = String(hash, radix: 16)
        let length = String(body.count)
        let text =
            String(repeating: "0", count: 16 - digits.count) + digits
            + String(repeating: "0", count: 7 - length.count) + length
        return [mark] + Array(text.utf8)
    }
}
