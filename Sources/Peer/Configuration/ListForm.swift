import Proxy

extension ValueForm where Value == [String] {
    /// The most entries of a list.
    private static let entriesMax = 256

    /// Paths of files, parted by commas.
    static let paths = ValueForm(name: "list of paths") { text throws(ValueFault) in
        try entries(of: text).map { part throws(ValueFault) in try ValueForm<String>.path.read(part) }
    }

    /// Names that a browser may ask for: what may stand in `Host` without the port.
    static let hostNames = ValueForm(name: "list of names, as `troop.example.org`") {
        text throws(ValueFault) in
        try entries(of: text).map { part throws(ValueFault) in
            let isName = part.utf8.allSatisfy {
                (97...122).contains($0 | 0x20) || (48...57).contains($0) || "-._".utf8.contains($0)
            }
            guard isName, (1...253).contains(part.utf8.count) else {
                throw ValueFault(text: "expected names such as troop.example.org, got '\(shown(part))'")
            }
            return part.lowercased()
        }
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

    /// A program and its arguments: a list in the file, words parted by spaces in the environment.
    static let arguments = ValueForm(name: "list of a program and its arguments") { text throws(ValueFault) in
        let separator = ConfigurationOption.Shape.partSeparator
        let parts =
            text.contains(separator)
            ? text.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
            : text.split(separator: " ").map(String.init)
        guard let program = parts.first, !program.isEmpty, parts.count <= entriesMax else {
            throw ValueFault(
                text: "expected a program and its arguments such as [/etc/troop/provider, --verbose], got "
                    + "'\(shown(text))'")
        }
        return parts
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

extension ValueForm where Value == [String: String] {
    /// The most names of one value.
    private static let pairsMax = 64

    /// Names with texts, as tags: a mapping in the file, `name=text` parted by commas in the environment.
    static let pairs = ValueForm(name: "names with texts, as `{team: web}`") { text throws(ValueFault) in
        let separator = ConfigurationOption.Shape.partSeparator
        let parts = text.split(separator: text.contains(separator) ? separator : ",")
        guard parts.count <= pairsMax else {
            throw ValueFault(text: "expected at most \(pairsMax) names, got \(parts.count)")
        }
        var pairs: [String: String] = [:]
        for part in parts {
            guard let equals = part.firstIndex(of: "="), equals != part.startIndex else {
                throw ValueFault(text: "expected names with texts such as team=web, got '\(shown(text))'")
            }
            pairs[String(part[..<equals])] = String(part[part.index(after: equals)...])
        }
        return pairs
    }
}
