/// A version as semver.org defines it; `1` and `1.2` are taken for `1.0.0` and `1.2.0`, and a `v` before it is left out.
struct SemanticVersion: Sendable {
    /// What two versions may be asked for.
    enum Relation: String, CaseIterable, Sendable {
        case equal = "="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        /// The same major version.
        case sameMajor = "^"
        /// The same major and minor version.
        case sameMinor = "~"
    }

    /// Digits without leading zeros, of any length.
    private let core: [Substring]
    private let prerelease: [Substring]

    /// The version that a value spells; nil when it spells none.
    init?(_ value: JSON) {
        switch value {
        case .string(let text): self.init(text: text)
        case .integer(let number): self.init(text: "\(number)")
        case .number(let number): self.init(text: "\(number)")
        case .null, .bool, .array, .object: return nil
        }
    }

    private init?(text: String) {
        var rest = text[...]
        if rest.first == "v" || rest.first == "V" { rest = rest.dropFirst() }
        let numbers = rest.prefix { $0 != "-" && $0 != "+" }
        rest = rest[numbers.endIndex...]
        var core = numbers.split(separator: ".", omittingEmptySubsequences: false)
        guard core.count <= 3, core.allSatisfy(SemanticVersion.isNumber) else { return nil }
        while core.count < 3 { core.append("0") }
        var prerelease: [Substring] = []
        if rest.first == "-" {
            let part = rest.dropFirst().prefix { $0 != "+" }
            prerelease = part.split(separator: ".", omittingEmptySubsequences: false)
            guard prerelease.allSatisfy({ SemanticVersion.isIdentifier($0, isPrerelease: true) }) else {
                return nil
            }
            rest = rest[part.endIndex...]
        }
        if rest.first == "+" {
            let build = rest.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
            guard build.allSatisfy({ SemanticVersion.isIdentifier($0, isPrerelease: false) }) else {
                return nil
            }
        }
        self.core = core
        self.prerelease = prerelease
    }

    /// Whether the relation holds between two versions; the build is of no account.
    static func holds(_ left: SemanticVersion, _ relation: Relation, _ right: SemanticVersion) -> Bool {
        let order = compare(left, right)
        switch relation {
        case .equal: return order == 0
        case .notEqual: return order != 0
        case .less: return order < 0
        case .lessOrEqual: return order <= 0
        case .greater: return order > 0
        case .greaterOrEqual: return order >= 0
        case .sameMajor: return left.core[0] == right.core[0]
        case .sameMinor: return left.core[0] == right.core[0] && left.core[1] == right.core[1]
        }
    }

    private static func compare(_ left: SemanticVersion, _ right: SemanticVersion) -> Int {
        for (one, other) in zip(left.core, right.core) {
            let order = compareNumbers(one, other)
            if order != 0 { return order }
        }
        if left.prerelease.isEmpty || right.prerelease.isEmpty {
            return (left.prerelease.isEmpty ? 1 : 0) - (right.prerelease.isEmpty ? 1 : 0)
        }
        for (one, other) in zip(left.prerelease, right.prerelease) {
            let order: Int
            switch (isDigits(one), isDigits(other)) {
            case (true, true): order = compareNumbers(one, other)
            case (true, false): order = -1
            case (false, true): order = 1
            case (false, false):
                order = one == other ? 0 : one.utf8.lexicographicallyPrecedes(other.utf8) ? -1 : 1
            }
            if order != 0 { return order }
        }
        return left.prerelease.count - right.prerelease.count
    }

    private static func compareNumbers(_ left: Substring, _ right: Substring) -> Int {
        let lengths = left.utf8.count - right.utf8.count
        if lengths != 0 { return lengths }
        return left == right ? 0 : left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
    }

    private static func isDigits(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    private static func isNumber(_ text: Substring) -> Bool {
        isDigits(text) && (text.utf8.count == 1 || text.first != "0")
    }

    private static func isIdentifier(_ text: Substring, isPrerelease: Bool) -> Bool {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "-")
            }
        return isPlain && !(isPrerelease && isDigits(text) && !isNumber(text))
    }
}
