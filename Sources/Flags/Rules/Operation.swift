/// What a rule can do: JsonLogic's operations and flagd's own.
package enum Operation: String, CaseIterable, Sendable {
    case variable = "var"
    case missing
    case missingSome = "missing_some"
    case condition = "if"
    case ternary = "?:"
    case and
    case or
    case not = "!"
    case truth = "!!"
    case equal = "=="
    case notEqual = "!="
    case same = "==="
    case notSame = "!=="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case remainder = "%"
    case minimum = "min"
    case maximum = "max"
    case contains = "in"
    case concatenate = "cat"
    case substring = "substr"
    case merge
    case map
    case filter
    case reduce
    case all
    case none
    case some
    case log
    case fractional
    case semanticVersion = "sem_ver"
    case startsWith = "starts_with"
    case endsWith = "ends_with"

    /// How many arguments it takes.
    var arguments: ClosedRange<Int> {
        switch self {
        case .variable: 1...2
        case .missing: 0...RuleCompiler.nodesMax
        case .missingSome, .equal, .notEqual, .same, .notSame, .divide, .remainder, .contains, .map, .filter,
            .all, .none, .some, .startsWith, .endsWith:
            2...2
        case .condition, .ternary, .and, .or, .add, .multiply, .minimum, .maximum, .concatenate, .merge,
            .fractional:
            1...RuleCompiler.nodesMax
        case .not, .truth, .log: 1...1
        case .less, .lessOrEqual, .greater, .greaterOrEqual, .substring, .reduce: 2...3
        case .subtract: 1...2
        case .semanticVersion: 3...3
        }
    }

    /// The number of arguments in words.
    var argumentsText: String {
        let range = arguments
        if range.upperBound == RuleCompiler.nodesMax { return "at least \(range.lowerBound)" }
        return range.count == 1
            ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    }
}

/// A rule made ready: nothing of it is parsed again when a flag is evaluated.
indirect enum Rule: Sendable {
    case literal(JSON)
    case list([Rule])
    /// `{"var": "a.b"}` without a default, taken apart.
    case path([String])
    case call(Operation, [Rule])

    /// The value of a literal; nil for what depends on the context.
    var constant: JSON? {
        guard case .literal(let value) = self else { return nil }
        return value
    }
}
