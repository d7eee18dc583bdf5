/// Reads one definition and gathers everything that is wrong with it.
struct FlagReader {
    /// What a sound definition holds.
    struct Parts {
        var state: Flag.State
        var kind: Flag.Kind
        var variants: JSONObject
        var defaultVariant: String?
        var metadata: JSONObject
        var rule: Rule?
        var definition: JSONObject
    }

    private enum Member: String, CaseIterable {
        case state, variants, defaultVariant, targeting, metadata
    }

    /// Whole numbers beyond it are not the same in every language that reads them.
    private static let safeIntegers: ClosedRange<Int64> = -9_007_199_254_740_991...9_007_199_254_740_991

    private let evaluators: JSONObject
    private(set) var faults: [FlagFault] = []

    init(evaluators: JSONObject) { self.evaluators = evaluators }

    private mutating func complain(_ path: String, _ problem: String) {
        guard faults.count < FlagFault.toldMax else { return }
        faults.append(FlagFault(path: path, problem: problem))
    }

    /// The parts of a definition; nil when so much is wrong that there are none.
    mutating func read(_ json: JSON) -> Parts? {
        guard let definition = json.members else {
            complain(
                "", "expected an object with state, variants, defaultVariant and targeting; got \(json.kind)")
            return nil
        }
        for member in definition.members where Member(rawValue: member.name) == nil {
            let known = Member.allCases.map(\.rawValue)
            let near = known.first { $0.lowercased() == member.name.lowercased() }
            complain(
                member.name.quotable,
                "there is no such member; "
                    + (near.map { "did you mean \($0)?" }
                        ?? "there are \(known.joined(separator: ", "))"))
        }
        let state = state(definition["state"])
        let (kind, variants) = self.variants(definition["variants"])
        let defaultVariant = self.defaultVariant(definition["defaultVariant"], variants)
        let metadata = definition["metadata"].map { self.metadata($0, at: "metadata") } ?? JSONObject()
        let rule = self.rule(definition["targeting"], variants)
        guard let state, let kind else { return nil }
        return Parts(
            state: state, kind: kind, variants: variants, defaultVariant: defaultVariant, metadata: metadata,
            rule: rule, definition: definition)
    }

    private mutating func state(_ json: JSON?) -> Flag.State? {
        guard let json else {
            complain("state", "is missing; expected \"ENABLED\" or \"DISABLED\"")
            return nil
        }
        if let state = json.text.flatMap({ Flag.State(rawValue: $0) }) { return state }
        complain(
            "state",
            "expected \"ENABLED\" or \"DISABLED\", got " + (json.text.map { "'\($0.quotable)'" } ?? json.kind)
        )
        return nil
    }

    private mutating func variants(_ json: JSON?) -> (Flag.Kind?, JSONObject) {
        guard let json else {
            complain("variants", "is missing; expected an object such as {\"on\": true, \"off\": false}")
            return (nil, JSONObject())
        }
        guard let variants = json.members, variants.count > 0 else {
            complain(
                "variants",
                "expected an object with at least one variant, got "
                    + (json.members == nil ? json.kind : "an empty one"))
            return (nil, JSONObject())
        }
        var kind: Flag.Kind?
        for member in variants.members {
            let path = "variants.\(member.name.quotable)"
            if member.name.isEmpty { complain("variants", "a variant's name is empty") }
            guard let own = FlagReader.kind(of: member.value) else {
                complain(path, "expected a boolean, string, number, object or array; got null")
                continue
            }
            if case .integer(let number) = member.value, !FlagReader.safeIntegers.contains(number) {
                complain(
                    path, "\(number) is beyond the whole numbers that every client reads exactly (2^53 - 1)")
            }
            if let kind, kind != own {
                complain(
                    path, "expected a \(kind.rawValue) as the other variants are, got \(member.value.kind)")
            }
            kind = kind ?? own
        }
        return (kind, variants)
    }

    private static func kind(of value: JSON) -> Flag.Kind? {
        switch value {
        case .null: nil
        case .bool: .boolean
        case .integer, .number: .number
        case .string: .string
        case .array, .object: .object
        }
    }

    private mutating func defaultVariant(_ json: JSON?, _ variants: JSONObject) -> String? {
        switch json {
        case nil, .null: return nil
        case .string(""): return nil
        case .string(let name):
            if variants.count > 0, variants[name] == nil {
                complain("defaultVariant", "'\(name.quotable)' is no variant; \(FlagReader.list(variants))")
            }
            return name
        case let other?:
            complain("defaultVariant", "expected a variant's name or null, got \(other.kind)")
            return nil
        }
    }

    private static func list(_ variants: JSONObject) -> String {
        let namesMax = 8
        let names = variants.members.prefix(namesMax).map { $0.name.quotable }.joined(separator: ", ")
        return "there are \(names)\(variants.count > namesMax ? ", …" : "")"
    }

    mutating func metadata(_ json: JSON, at path: String) -> JSONObject {
        guard let metadata = json.members else {
            complain(path, "expected an object of texts, numbers and truth values; got \(json.kind)")
            return JSONObject()
        }
        for member in metadata.members {
            switch member.value {
            case .bool, .integer, .number, .string: break
            case .null, .array, .object:
                complain(
                    "\(path).\(member.name.quotable)",
                    "expected a text, a number or a truth value; got \(member.value.kind)")
            }
        }
        return metadata
    }

    private mutating func rule(_ json: JSON?, _ variants: JSONObject) -> Rule? {
        guard let json, !json.isNull else { return nil }
        guard let object = json.members else {
            complain("targeting", "expected an operation such as {\"if\": […]}, got \(json.kind)")
            return nil
        }
        if object.count == 0 { return nil }
        var compiler = RuleCompiler(evaluators: evaluators)
        let rule = compiler.compile(json, at: "targeting")
        for fault in compiler.faults { complain(fault.path, fault.problem) }
        if compiler.faults.isEmpty, variants.count > 0 {
            var effort = RuleCompiler.nodesMax
            checkResults(json, variants, at: "targeting", &effort)
        }
        return rule
    }

    /// What the rules say themselves as their result must be a variant; what depends on the context shows only later.
    private mutating func checkResults(
        _ json: JSON, _ variants: JSONObject, at path: String, _ effort: inout Int
    ) {
        effort -= 1
        guard effort > 0 else { return }
        switch json {
        case .null: break
        case .bool, .integer, .number, .string:
            let name = FlagReader.variantName(json) ?? ""
            if variants[name] == nil {
                complain(path, "'\(name.quotable)' is no variant; \(FlagReader.list(variants))")
            }
        case .array: complain(path, "expected a variant's name, got an array")
        case .object(let object):
            guard let member = object.members.first else { return }
            if member.name == "$ref" {
                guard let name = member.value.text, let shared = evaluators[name] else { return }
                return checkResults(shared, variants, at: "$evaluators.\(name.quotable)", &effort)
            }
            guard case .array(let arguments) = member.value else { return }
            let inner = "\(path).\(member.name)"
            let operation = Operation(rawValue: member.name)
            if operation == .condition || operation == .ternary {
                for index in arguments.indices where index % 2 == 1 || index == arguments.count - 1 {
                    checkResults(arguments[index], variants, at: "\(inner)[\(index)]", &effort)
                }
            } else if operation == .fractional {
                for (index, share) in arguments.enumerated() {
                    guard case .array(let parts) = share, let variant = parts.first else { continue }
                    checkResults(variant, variants, at: "\(inner)[\(index)][0]", &effort)
                }
            }
        }
    }

    /// The variant that a rule's result names; nil when it names none.
    static func variantName(_ result: JSON) -> String? {
        switch result {
        case .null, .array, .object: nil
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let text): text
        }
    }
}
