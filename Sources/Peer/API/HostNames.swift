import Linux

/// The names that the TCP listener answers to. A page of a stranger can make a browser ask for any name that its owner
/// points here (DNS rebinding), but never for an address: addresses are always answered, of names only the known ones.
struct HostNames: Equatable, Sendable {
    private let names: Set<String>

    /// `localhost`, and these names.
    init(_ names: [String]) { self.names = Set(names.map { $0.lowercased() } + ["localhost"]) }

    /// Whether a `Host` field may be answered; nil, as HTTP/1.0 allows, is never a browser's.
    func contains(_ host: String?) -> Bool {
        guard let host else { return true }
        let name = HostNames.name(host)
        if (try? SocketAddress(host: name, port: 1)) != nil { return true }
        return names.contains(name) || name.hasSuffix(".localhost")
    }

    /// The host without its port, a last dot and brackets, in lower case.
    private static func name(_ host: String) -> String {
        if host.hasPrefix("[") { return String(host.dropFirst().prefix { $0 != "]" }).lowercased() }
        let name = host.prefix { $0 != ":" }.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}
