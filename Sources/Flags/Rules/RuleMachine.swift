/// Evaluates rules as flagd's Python core does (JsonLogic with flagd's operations), within a limited effort.
struct RuleMachine {
    var effort: Effort

    init(effort: Effort = Effort()) { self.effort = effort }

    /// The value of a rule over some data.
    mutating func run(_ rule: Rule, _ data: JSON) throws(RuleFault) -> JSON {
        try effort.spend(1)
        switch rule {
        case .literal(let value): return value
        case .list(let rules): return .array(try values(rules, data))
        case .path(let parts): return try look(up: parts, in: data) ?? .null
        case .call(let operation, let rules): return try call(operation, rules, data)
        }
    }

    private mutating func values(_ rules: [Rule], _ data: JSON) throws(RuleFault) -> [JSON] {
        var values: [JSON] = []
        values.reserveCapacity(rules.count)
        for rule in rules { values.append(try run(rule, data)) }
        return values
    }

    private mutating func call(
        _ operation: Operation, _ rules: [Rule], _ data: JSON
    ) throws(RuleFault) -> JSON {
        switch operation {
        case .condition, .ternary: return try choose(rules, data)
        case .and, .or:
            var current = JSON.null
            for rule in rules {
                current = try run(rule, data)
                if RuleMachine.isTrue(current) == (operation == .or) { return current }
            }
            return current
        case .map, .filter, .all, .some, .none: return try each(operation, rules, data)
        case .reduce: return try reduce(rules, data)
        case .variable, .missing, .missingSome, .not, .truth, .equal, .notEqual, .same, .notSame, .less,
            .lessOrEqual, .greater, .greaterOrEqual, .add, .subtract, .multiply, .divide, .remainder,
            .minimum, .maximum, .contains, .concatenate, .substring, .merge, .log, .fractional,
            .semanticVersion, .startsWith, .endsWith:
            return try apply(operation, try values(rules, data), data)
        }
    }

    private mutating func choose(_ rules: [Rule], _ data: JSON) throws(RuleFault) -> JSON {
        var index = 0
        while index < rules.count - 1 {
            if RuleMachine.isTrue(try run(rules[index], data)) { return try run(rules[index + 1], data) }
            index += 2
        }
        return index < rules.count ? try run(rules[index], data) : .null
    }

    private mutating func each(
        _ operation: Operation, _ rules: [Rule], _ data: JSON
    ) throws(RuleFault) -> JSON {
        let found = try run(rules[0], data)
        let list: [JSON] = if case .array(let items) = found { items } else { [] }
        if operation == .all, list.isEmpty { return .bool(false) }
        var result: [JSON] = []
        for item in list {
            let value = try run(rules[1], item)
            if operation == .map {
                result.append(value)
            } else if operation == .filter {
                if RuleMachine.isTrue(value) { result.append(item) }
            } else if RuleMachine.isTrue(value) != (operation == .all) {
                return .bool(operation == .some)  // one item decides
            }
        }
        return operation == .map || operation == .filter ? .array(result) : .bool(operation != .some)
    }

    private mutating func reduce(_ rules: [Rule], _ data: JSON) throws(RuleFault) -> JSON {
        let list = try run(rules[0], data)
        // As in flagd the start is evaluated over the data, not over an item.
        var result = rules.count > 2 ? try run(rules[2], data) : .null
        guard case .array(let items) = list else { return result }
        for item in items {
            result = try run(rules[1], .object(JSONObject([("accumulator", result), ("current", item)])))
            try limit(result, depth: 0)
        }
        return result
    }

    /// A loop must not nest its result without end: what walks values goes as deep as they are.
    private mutating func limit(_ value: JSON, depth: Int) throws(RuleFault) {
        try effort.spend(1)
        switch value {
        case .null, .bool, .integer, .number, .string: break
        case .array(let elements):
            guard depth < JSONReader.depthMax else { throw .tooMuchWork }
            for element in elements { try limit(element, depth: depth + 1) }
        case .object(let object):
            guard depth < JSONReader.depthMax else { throw .tooMuchWork }
            for member in object.members { try limit(member.value, depth: depth + 1) }
        }
    }

    private mutating func apply(
        _ operation: Operation, _ values: [JSON], _ data: JSON
    ) throws(RuleFault) -> JSON {
        let first = values.first ?? .null
        let second = values.count > 1 ? values[1] : .null
        switch operation {
        case .variable: return try variable(first, in: data) ?? second
        case .missing:
            if case .array(let keys) = first { return .array(try missing(keys, in: data)) }
            return .array(try missing(values, in: data))
        case .missingSome:
            guard case .array(let keys) = second else { return .array([]) }
            let absent = try missing(keys, in: data)
            let needed = try number(first).real
            return .array(Double(keys.count - absent.count) >= needed ? [] : absent)
        case .not: return .bool(!RuleMachine.isTrue(first))
        case .truth: return .bool(RuleMachine.isTrue(first))
        case .equal: return .bool(try isLooselyEqual(first, second))
        case .notEqual: return .bool(!(try isLooselyEqual(first, second)))
        case .same: return .bool(try isEqual(first, second))
        case .notSame: return .bool(!(try isEqual(first, second)))
        case .less, .lessOrEqual, .greater, .greaterOrEqual:
            guard try isOrdered(operation, first, second) else { return .bool(false) }
            guard values.count > 2, !values[2].isNull else { return .bool(true) }
            return .bool(try isOrdered(operation, second, values[2]))
        case .add, .subtract, .multiply, .divide, .remainder: return try reckon(operation, values)
        case .minimum, .maximum: return try extreme(isMinimum: operation == .minimum, values)
        case .contains: return .bool(try isContained(first, in: second))
        case .concatenate:
            var whole = ""
            for value in values { whole += try text(value) }
            try effort.spend(whole.utf8.count / 16)
            return .string(whole)
        case .substring: return .string(try substring(values))
        case .merge:
            var whole: [JSON] = []
            for value in values {
                if case .array(let elements) = value { whole += elements } else { whole.append(value) }
            }
            try effort.spend(whole.count)
            return .array(whole)
        case .log: return first
        case .fractional: return try share(values, data)
        case .semanticVersion:
            guard let left = SemanticVersion(first), let right = SemanticVersion(values[2]),
                let relation = second.text.flatMap({ SemanticVersion.Relation(rawValue: $0) })
            else { return .null }
            return .bool(SemanticVersion.holds(left, relation, right))
        case .startsWith, .endsWith:
            guard let whole = first.text, let part = second.text else { return .null }
            try effort.spend(part.utf8.count / 16)
            let found =
                operation == .startsWith
                ? whole.utf8.starts(with: part.utf8)
                : whole.utf8.reversed().starts(with: part.utf8.reversed())
            return .bool(found)
        case .condition, .ternary, .and, .or, .map, .filter, .reduce, .all, .none, .some:
            return .null  // these evaluate their own arguments, in `call`
        }
    }

    private mutating func reckon(_ operation: Operation, _ values: [JSON]) throws(RuleFault) -> JSON {
        var numbers: [Number] = []
        for value in values { numbers.append(try number(value)) }
        let first = numbers[0]
        if operation == .add { return numbers.reduce(.whole(0)) { $0 + $1 }.json }
        if operation == .multiply { return numbers.reduce(.whole(1)) { $0 * $1 }.json }
        if operation == .subtract {
            let isAlone = values.count == 1 || values[1].isNull
            return (isAlone ? .whole(0) - first : first - numbers[1]).json
        }
        if operation == .divide {
            guard numbers[1].real != 0 else { throw .divisionByZero }
            return .number(first.real / numbers[1].real)
        }
        guard let rest = first.remainder(numbers[1]) else { throw .divisionByZero }
        return rest.json
    }

    private mutating func extreme(isMinimum: Bool, _ values: [JSON]) throws(RuleFault) -> JSON {
        var best = values[0]
        var bestNumber = try number(best)
        for value in values.dropFirst() {
            let own = try number(value)
            guard isMinimum ? own.real < bestNumber.real : own.real > bestNumber.real else { continue }
            (best, bestNumber) = (value, own)
        }
        while case .array(let elements) = best, elements.count == 1 { best = elements[0] }
        // As in flagd's Python core, where truth values are numbers.
        if case .bool = best { return best }
        return bestNumber.json
    }
}
