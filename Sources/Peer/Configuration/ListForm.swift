import Proxy

extension ValueForm where Value == [String] {
    /// The most entries of a list.
    private static let entriesMax = 256

    /// Paths of files, parted by commas.
    static let paths = ValueForm(name: "list of paths") { text throws(ValueFault) in
        try entries(of: text).map { part throws(ValueFault) in try ValueForm<String>.path.read(part) }
    }

    /// Names of protocols that a connection may be upgraded to.
    static let protocols = ValueForm(name: "list of protocols, as `websocket`") { text throws(ValueFault) in
        try entries(of: text).map { part throws(ValueFault) in
            let name = part.lowercased()
            let isToken =
                name.utf8.count <= 64
                && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") }
            guard isToken, !name.isEmpty else {
                throw ValueFault(text: "expected protocols such as websocket, got '\(shown(part))'")
            }
            guard !UpgradeSettings.forbidden.contains(name) else {
                throw ValueFault(
                    text: "'\(name)' would let requests pass this proxy unseen; expected protocols such as "
                        + "websocket")
            }
            return name
        }
    }

    private static func entries(of text: String) throws(ValueFault) -> [String] {
        if text.isEmpty { return [] }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        guard parts.count <= entriesMax else {
            throw ValueFault(text: "expected at most \(entriesMax) entries, got \(parts.count)")
        }
        return parts
    }
}
