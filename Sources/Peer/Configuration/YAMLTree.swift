/// A place in a file, counted from 1; columns count characters.
struct YAMLMark: Hashable, Comparable, Sendable {
    var line: Int
    var column: Int

    static func < (left: YAMLMark, right: YAMLMark) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// A value of a YAML file, with the place where it begins.
struct YAMLNode: Sendable, Equatable {
    enum Content: Sendable, Equatable {
        /// A text; `plain` is false when it was quoted or a block.
        case scalar(String, plain: Bool)
        case list([YAMLNode])
        case mapping([YAMLEntry])
    }

    let mark: YAMLMark
    let content: Content

    /// True for a value that was left out (`key:`) or written as `~` or `null`.
    var isNothing: Bool {
        guard case .scalar(let text, plain: true) = content else { return false }
        return text.isEmpty || text == "~" || text == "null"
    }

    /// What it is, for messages that must not show its contents.
    var kind: String {
        switch content {
        case .scalar: isNothing ? "nothing" : "a text"
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// A key of a mapping, with its own place, and its value.
struct YAMLEntry: Sendable, Equatable {
    let key: String
    let mark: YAMLMark
    let value: YAMLNode
}

/// What keeps a text from being read as YAML; the first such fault ends the reading.
struct YAMLFault: Error, Equatable {
    let mark: YAMLMark
    let text: String
}
