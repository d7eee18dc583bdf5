/// A JSON value whose objects keep their order, and whose whole numbers stay whole.
package enum JSON: Sendable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent.
    case integer(Int64)
    /// Any other number; `1.0` stays one, since clients tell it from `1`.
    case number(Double)
    case string(String)
    case array([JSON])
    case object(JSONObject)

    /// What the value is, for messages.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer, .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// The text of a string; nil for all else.
    package var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// A number's value; nil for all else.
    package var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        case .null, .bool, .string, .array, .object: nil
        }
    }

    /// A truth value; nil for all else.
    package var truth: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The members of an object; nil for all else.
    package var members: JSONObject? {
        guard case .object(let object) = self else { return nil }
        return object
    }
}

/// The members of a JSON object in their order; a name occurs once.
package struct JSONObject: Sendable {
    /// One member.
    package struct Member: Sendable {
        package var name: String
        package var value: JSON
    }

    package private(set) var members: [Member]
    /// By name, once there are many.
    private var index: [ExactText: Int] = [:]

    /// Beyond so many members a search one by one takes longer than an index.
    private static let searchedMax = 12

    /// An object of these members; of several with one name the last counts.
    package init(_ pairs: [(String, JSON)] = []) {
        members = []
        members.reserveCapacity(pairs.count)
        for (name, value) in pairs { self[name] = value }
    }

    /// How many members there are.
    package var count: Int { members.count }

    /// A member's value; setting nil takes the member away.
    package subscript(name: String) -> JSON? {
        get { place(of: name).map { members[$0].value } }
        set {
            switch (place(of: name), newValue) {
            case (nil, nil): break
            case (let place?, let value?): members[place].value = value
            case (nil, let value?):
                members.append(Member(name: name, value: value))
                if !index.isEmpty {
                    index[ExactText(name)] = members.count - 1
                } else if members.count > JSONObject.searchedMax {
                    reindex()
                }
            case (let place?, nil):
                members.remove(at: place)
                if !index.isEmpty { reindex() }
            }
        }
    }

    private func place(of name: String) -> Int? {
        if !index.isEmpty { return index[ExactText(name)] }
        return members.firstIndex { $0.name.isExactly(name) }
    }

    private mutating func reindex() {
        index = Dictionary(members.enumerated().map { (ExactText($1.name), $0) }) { first, _ in first }
    }
}

/// A text that equals another only when their bytes do: Swift's own equality takes `é` for `e` and an accent, which
/// neither JSON nor any other evaluator of flags does.
package struct ExactText: Hashable, Sendable {
    /// The text.
    package let text: String

    /// A text, to be compared byte by byte.
    package init(_ text: String) { self.text = text }

    package static func == (left: ExactText, right: ExactText) -> Bool { left.text.isExactly(right.text) }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension String {
    /// True when both have the same bytes in UTF-8.
    package func isExactly(_ other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }

    /// True when these bytes come before the other's: the order of code points.
    func isBefore(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}

extension JSON: Equatable {
    /// Equal as JSON values are: numbers by value, objects whatever the order of their members.
    package static func == (left: JSON, right: JSON) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.integer(let whole), .number(let number)), (.number(let number), .integer(let whole)):
            Double(whole) == number
        case (.string(let left), .string(let right)): left.isExactly(right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)):
            left.count == right.count && left.members.allSatisfy { right[$0.name] == $0.value }
        case (.null, _), (.bool, _), (.integer, _), (.number, _), (.string, _), (.array, _), (.object, _):
            false
        }
    }
}
