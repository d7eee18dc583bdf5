/// Where Redis is and who asks: `redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]`, `rediss://…` for TLS, or
/// `unix://[[USER]:PASSWORD@]/PATH[?db=DB]`.
package struct StoreURL: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The two ways to a server.
    package enum Endpoint: Sendable, Equatable {
        case tcp(host: String, port: UInt16)
        case unix(path: String)
    }

    /// The kernel's room for a socket's path, less its terminating zero.
    package static let socketPathBytesMax = 107
    /// More databases than any Redis is configured with.
    package static let databaseMax = 65_535
    private static let hostBytesMax = 253
    private static let defaultPort: UInt16 = 6379

    /// The server's address.
    package private(set) var endpoint: Endpoint
    /// True for `rediss`.
    package let usesTLS: Bool
    /// The ACL user; nil for Redis's default user.
    package var user: String?
    /// The password; nil when the URL has none.
    package let password: Secret?
    /// The database to select.
    package let database: Int

    /// Reads a URL; user, password and socket path are percent-decoded. Throws what is wrong, without
    /// secrets.
    package init(_ text: String) throws(StoreURLFault) {
        let (scheme, afterScheme) = try StoreURL.scheme(of: text)
        guard !afterScheme.contains("#") else { throw .fragment }
        let (body, parameter) = try StoreURL.parameter(in: afterScheme)
        let slash = body.firstIndex(of: "/") ?? body.endIndex
        let path = body[slash...]
        let (credentials, host) = StoreURL.authority(body[..<slash])
        (user, password) = try StoreURL.credentials(credentials)
        usesTLS = scheme == "rediss"
        guard scheme == "unix" else {
            endpoint = try StoreURL.tcp(host)
            database = try StoreURL.database(path: path, parameter: parameter)
            return
        }
        guard host.isEmpty, path.utf8.count > 1 else { throw .badPath }
        let decoded = try StoreURL.decoded(path)
        guard !decoded.utf8.contains(0) else { throw .badPath }
        guard decoded.utf8.count <= StoreURL.socketPathBytesMax else { throw .pathTooLong }
        endpoint = .unix(path: decoded)
        database = try parameter.map { text throws(StoreURLFault) in try StoreURL.number(text) } ?? 0
    }

    /// The server's address alone, as people know it: `10.0.0.5:6379` or the socket's path.
    package var target: String {
        switch endpoint {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }

    /// The same URL for another server.
    func moved(to host: String, port: UInt16) -> StoreURL {
        var url = self
        url.endpoint = .tcp(host: host, port: port)
        return url
    }

    /// `redis`, `rediss` or `unix`.
    package var scheme: String {
        switch endpoint {
        case .tcp: usesTLS ? "rediss" : "redis"
        case .unix: "unix"
        }
    }

    package var description: String {
        let credentials =
            switch (user, password) {
            case (let user?, _): "\(user):***@"
            case (nil, _?): ":***@"
            case (nil, nil): ""
            }
        switch endpoint {
        case .tcp: return "\(scheme)://\(credentials)\(target)/\(database)"
        case .unix(let path): return "unix://\(credentials)\(path)?db=\(database)"
        }
    }

    package var debugDescription: String { description }
}

extension StoreURL {
    private static func scheme(of text: String) throws(StoreURLFault) -> (Substring, Substring) {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { throw .noScheme }
        let scheme = text[..<colon].lowercased()
        switch scheme {
        case "redis", "rediss", "unix": return (scheme[...], text[colon...].dropFirst(3))
        default:
            // Only what can hardly be anything but a scheme is repeated.
            let isPlain =
                scheme.utf8.allSatisfy { (97...122).contains($0) } && (1...8).contains(scheme.utf8.count)
            if isPlain { throw .unknownScheme(scheme) }
            throw .noScheme
        }
    }

    private static func parameter(in text: Substring) throws(StoreURLFault) -> (Substring, Substring?) {
        guard let mark = text.firstIndex(of: "?") else { return (text, nil) }
        let query = text[text.index(after: mark)...]
        if query.isEmpty { return (text[..<mark], nil) }
        guard query.hasPrefix("db="), !query.contains("&") else { throw .unknownParameter }
        return (text[..<mark], query.dropFirst(3))
    }

    private static func authority(_ text: Substring) -> (Substring?, Substring) {
        guard let at = text.lastIndex(of: "@") else { return (nil, text) }
        return (text[..<at], text[text.index(after: at)...])
    }

    private static func credentials(_ text: Substring?) throws(StoreURLFault) -> (String?, Secret?) {
        guard let text, !text.isEmpty else { return (nil, nil) }
        guard let colon = text.firstIndex(of: ":") else {
            let user = try decoded(text)
            return (user, nil)  // the password may come from elsewhere (a file or the environment)
        }
        let user = try decoded(text[..<colon])
        let password = try decoded(text[text.index(after: colon)...])
        if password.isEmpty { return (user.isEmpty ? nil : user, nil) }
        return (user.isEmpty ? nil : user, Secret(password))
    }

    private static func tcp(_ text: Substring) throws(StoreURLFault) -> Endpoint {
        guard !text.isEmpty else { throw .noHost }
        if text.first == "[" {
            guard let bracket = text.firstIndex(of: "]") else { throw .badHost }
            let host = text[text.index(after: text.startIndex)..<bracket]
            let rest = text[text.index(after: bracket)...]
            guard host.contains(":"), host.utf8.allSatisfy({ isHexadecimal($0) || $0 == 58 || $0 == 46 })
            else {
                throw .badHost
            }
            if rest.isEmpty { return .tcp(host: String(host), port: defaultPort) }
            guard rest.first == ":" else { throw .badHost }
            return .tcp(host: String(host), port: try port(rest.dropFirst()))
        }
        let colon = text.firstIndex(of: ":") ?? text.endIndex
        let host = text[..<colon]
        guard !host.isEmpty else { throw .noHost }
        guard host.utf8.count <= hostBytesMax, host.utf8.allSatisfy(isHostByte) else { throw .badHost }
        if colon == text.endIndex { return .tcp(host: String(host), port: defaultPort) }
        return .tcp(host: String(host), port: try port(text[text.index(after: colon)...]))
    }

    private static func port(_ text: Substring) throws(StoreURLFault) -> UInt16 {
        guard isDecimal(text), text.utf8.count <= 5, let port = UInt16(text), port > 0 else { throw .badPort }
        return port
    }

    private static func database(path: Substring, parameter: Substring?) throws(StoreURLFault) -> Int {
        let inPath = path.dropFirst()
        if inPath.isEmpty { return try parameter.map { text throws(StoreURLFault) in try number(text) } ?? 0 }
        guard parameter == nil else { throw .databaseTwice }
        return try number(inPath)
    }

    private static func number(_ text: Substring) throws(StoreURLFault) -> Int {
        guard isDecimal(text), let number = Int(text), number <= databaseMax else { throw .badDatabase }
        return number
    }

    private static func decoded(_ text: Substring) throws(StoreURLFault) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst(), let low = rest.popFirst(), isHexadecimal(high),
                isHexadecimal(low),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
            else { throw .badEscape }
            bytes.append(value)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw .badEscape }
        return decoded
    }

    private static func isDecimal(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (48...57).contains($0) }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            || byte == 45 || byte == 46 || byte == 95
    }
}
