/// Makes rules ready and says everything that is wrong with them, with its place.
struct RuleCompiler {
    /// The parts of one flag's rules, shared ones counted at each use.
    static let nodesMax = 10_000
    /// Operations and lists within each other, shared rules included.
    static let depthMax = 64
    /// The largest sum of weights: flagd's own limit.
    static let weightsMax: Int64 = 2_147_483_647

    private let evaluators: JSONObject
    private var nodes = 0
    private var open: [String] = []
    private(set) var faults: [FlagFault] = []

    init(evaluators: JSONObject) { self.evaluators = evaluators }

    /// Makes a rule ready; what is wrong is added to `faults`.
    mutating func compile(_ json: JSON, at path: String, depth: Int = 0) -> Rule {
        nodes += 1
        guard nodes <= RuleCompiler.nodesMax else {
            if nodes == RuleCompiler.nodesMax + 1 {
                complain(
                    path, "the rules have more than \(RuleCompiler.nodesMax) parts, shared ones included")
            }
            return .literal(.null)
        }
        guard depth <= RuleCompiler.depthMax else {
            complain(path, "nested deeper than \(RuleCompiler.depthMax) levels, shared rules included")
            return .literal(.null)
        }
        switch json {
        case .null, .bool, .integer, .number, .string: return .literal(json)
        case .array(let elements):
            return RuleCompiler.list(compile(elements, at: path, depth: depth))
        case .object(let object):
            guard object.count == 1, let member = object.members.first else {
                complain(
                    path, "expected an operation: an object with one member, such as {\"var\": \"email\"}")
                return .literal(.null)
            }
            if member.name == "$ref" { return reference(member.value, at: "\(path).$ref", depth: depth) }
            guard let operation = Operation(rawValue: member.name) else {
                complain(
                    path,
                    "there is no operation '\(member.name.quotable)'; there are "
                        + Operation.allCases.map(\.rawValue).joined(separator: " "))
                return .literal(.null)
            }
            return call(operation, member.value, at: "\(path).\(operation.rawValue)", depth: depth)
        }
    }

    private mutating func compile(_ elements: [JSON], at path: String, depth: Int) -> [Rule] {
        var rules: [Rule] = []
        rules.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            rules.append(compile(element, at: "\(path)[\(index)]", depth: depth + 1))
        }
        return rules
    }

    private static func list(_ rules: [Rule]) -> Rule {
        let constants = rules.compactMap(\.constant)
        return constants.count == rules.count ? .literal(.array(constants)) : .list(rules)
    }

    private mutating func reference(_ json: JSON, at path: String, depth: Int) -> Rule {
        guard let name = json.text else {
            complain(path, "expected the name of a shared rule of $evaluators, got \(json.kind)")
            return .literal(.null)
        }
        guard let shared = evaluators[name] else {
            complain(path, "there is no shared rule '\(name.quotable)' in $evaluators")
            return .literal(.null)
        }
        guard !open.contains(where: { $0.isExactly(name) }) else {
            complain(path, "the shared rule '\(name.quotable)' refers to itself")
            return .literal(.null)
        }
        open.append(name)
        defer { open.removeLast() }
        return compile(shared, at: "$evaluators.\(name.quotable)", depth: depth + 1)
    }

    private mutating func call(_ operation: Operation, _ json: JSON, at path: String, depth: Int) -> Rule {
        let arguments: [JSON]
        let rules: [Rule]
        if case .array(let elements) = json {
            arguments = elements
            rules = compile(elements, at: path, depth: depth)
        } else {
            arguments = [json]
            rules = [compile(json, at: path, depth: depth + 1)]
        }
        guard operation.arguments.contains(arguments.count) else {
            complain(path, "expected \(operation.argumentsText) arguments, got \(arguments.count)")
            return .literal(.null)
        }
        check(operation, arguments, rules, at: path)
        if operation == .variable, rules.count == 1, let key = rules[0].constant?.text {
            return .path(key.isEmpty ? [] : RuleMachine.parts(of: key))
        }
        return .call(operation, rules)
    }

    private mutating func complain(_ path: String, _ problem: String) {
        guard faults.count < FlagFault.toldMax else { return }
        faults.append(FlagFault(path: path, problem: problem))
    }
}

/// What can be seen of a rule before it is ever evaluated.
extension RuleCompiler {
    private mutating func check(
        _ operation: Operation, _ arguments: [JSON], _ rules: [Rule], at path: String
    ) {
        switch operation {
        case .variable: checkVariable(rules[0], at: path)
        case .missingSome:
            if let count = rules[0].constant, RuleMachine.isNumber(count) == false {
                complain("\(path)[0]", "expected how many are needed, a number; got \(count.kind)")
            }
            if let names = rules[1].constant, !names.isArray {
                complain("\(path)[1]", "expected an array of names, got \(names.kind)")
            }
        case .startsWith, .endsWith:
            for (index, rule) in rules.enumerated() {
                if let value = rule.constant, value.text == nil {
                    complain("\(path)[\(index)]", "expected a string, got \(value.kind)")
                }
            }
        case .semanticVersion: checkVersions(rules, at: path)
        case .fractional: checkFractions(arguments, rules, at: path)
        case .missing, .condition, .ternary, .and, .or, .not, .truth, .equal, .notEqual, .same, .notSame,
            .less, .lessOrEqual, .greater, .greaterOrEqual, .add, .subtract, .multiply, .divide, .remainder,
            .minimum, .maximum, .contains, .concatenate, .substring, .merge, .map, .filter, .reduce, .all,
            .none, .some, .log:
            break
        }
    }

    private mutating func checkVariable(_ rule: Rule, at path: String) {
        guard let key = rule.constant else { return }
        switch key {
        case .string(let name):
            if name.hasPrefix("$flagd."), name != "$flagd.flagKey", name != "$flagd.timestamp" {
                complain(path, "of $flagd there are only $flagd.flagKey and $flagd.timestamp")
            }
        case .integer: break
        case .null, .bool, .number, .array, .object:
            complain(path, "expected the name of a context attribute, got \(key.kind)")
        }
    }

    private mutating func checkVersions(_ rules: [Rule], at path: String) {
        for index in [0, 2] {
            if let value = rules[index].constant, SemanticVersion(value) == nil {
                complain("\(path)[\(index)]", "expected a semantic version such as \"1.2.3\"")
            }
        }
        if let word = rules[1].constant?.text, SemanticVersion.Relation(rawValue: word) != nil { return }
        let words = SemanticVersion.Relation.allCases.map(\.rawValue).joined(separator: " ")
        complain("\(path)[1]", "expected one of \(words)")
    }

    private mutating func checkFractions(_ arguments: [JSON], _ rules: [Rule], at path: String) {
        let first = arguments[0].isArray ? 0 : 1
        guard arguments.count > first else {
            return complain(path, "expected at least one share, such as [\"on\", 25]")
        }
        var sum: Int64 = 0
        var isKnown = true
        for index in first..<arguments.count {
            let place = "\(path)[\(index)]"
            guard case .array(let share) = arguments[index], (1...2).contains(share.count) else {
                complain(place, "expected a share: a variant and a weight, such as [\"on\", 25]")
                continue
            }
            switch share.count == 2 ? share[1] : .integer(1) {
            case .integer(let weight):
                guard (0...RuleCompiler.weightsMax).contains(weight) else {
                    complain("\(place)[1]", "expected a weight of 0 to \(RuleCompiler.weightsMax)")
                    continue
                }
                sum += weight
            case .object: isKnown = false
            case let other:
                complain("\(place)[1]", "expected a weight, a whole number; got \(other.weightKind)")
            }
        }
        if sum > RuleCompiler.weightsMax {
            complain(path, "the weights' sum is \(sum); it may be \(RuleCompiler.weightsMax)")
        } else if sum == 0, isKnown {
            complain(path, "the weights' sum is 0; some weight must be greater")
        }
    }
}

extension JSON {
    /// True for an array.
    var isArray: Bool {
        guard case .array = self else { return false }
        return true
    }

    fileprivate var weightKind: String {
        guard case .number(let number) = self else { return kind }
        return "\(number)"
    }
}
