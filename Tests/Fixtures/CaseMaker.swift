package import Flags

/// Makes random rules, contexts and flags, for flagd's core to be asked the same.
package struct CaseMaker {
    /// Where its choices come from.
    package var dice: SeededGenerator

    /// A maker whose cases follow from these dice alone.
    package init(dice: SeededGenerator) { self.dice = dice }

    private static let names = [
        "email", "age", "plan", "tags", "user.name", "user.id", "missing", "beta", "score", "version", "",
    ]

    private mutating func scalar() -> JSON {
        switch dice.index(12) {
        case 0: .null
        case 1: .bool(true)
        case 2: .bool(false)
        case 3: .integer(Int64(dice.index(7)) - 2)
        case 4: .integer(Int64(dice.index(1000)))
        case 5: .number(Double(dice.index(40)) / 8 - 2)
        case 6: .number(dice.one(of: [1.0, 2.0, 0.1, 2.5, 1e10, -0.75]))
        case 7: .string(dice.one(of: ["", "1", "2.0", " 3 ", "true", "abc", "null", "1,2"]))
        case 8: .string(dice.one(of: ["a@faas.com", "é", "e\u{301}", "日本", "💡x", "Abc"]))
        case 9: .string(dice.one(of: ["1.2.3", "1.2", "v1.10.0", "2.0.0-rc.1", "1.2.3+b", "01.2.3", "2"]))
        default: .string(dice.one(of: ["on", "off", "premium", "free", "x"]))
        }
    }

    private mutating func list() -> JSON {
        var elements: [JSON] = []
        for _ in 0..<dice.index(4) { elements.append(scalar()) }
        return .array(elements)
    }

    /// Whom a flag is evaluated for.
    package mutating func context() -> JSONObject {
        var context = JSONObject()
        context["email"] = .string(dice.one(of: ["a@faas.com", "b@x.org", "", "ä@faas.com"]))
        context["age"] = dice.one(of: [.integer(17), .integer(42), .number(30.5), .string("42"), .null])
        context["plan"] = .string(dice.one(of: ["free", "premium"]))
        context["tags"] = list()
        context["user"] = .object(
            JSONObject([("name", scalar()), ("id", .integer(Int64(dice.index(9999))))]))
        context["beta"] = .bool(dice.index(2) == 0)
        context["score"] = scalar()
        context["version"] = .string(dice.one(of: ["1.2.3", "0.9.0", "v2.0", "2.0.0-beta.2", "x"]))
        if dice.index(4) > 0 { context["targetingKey"] = .string("user-\(dice.index(5000))") }
        return context
    }

    private mutating func variable() -> JSON {
        let name = dice.one(of: CaseMaker.names)
        if dice.index(4) == 0 { return call("var", [.string(name), scalar()]) }
        return call("var", .string(name))
    }

    /// A rule of one operation and its argument.
    package func call(_ name: String, _ argument: JSON) -> JSON { .object(JSONObject([(name, argument)])) }
    /// A rule of one operation and its arguments.
    package func call(_ name: String, _ arguments: [JSON]) -> JSON { call(name, .array(arguments)) }

    /// Any rule of at most so many levels.
    package mutating func rule(_ depth: Int) -> JSON {
        if depth == 0 { return dice.index(2) == 0 ? scalar() : variable() }
        let inner = depth - 1
        switch dice.index(16) {
        case 0: return call("if", rules(2 + dice.index(4), inner))
        case 1: return call(dice.one(of: ["and", "or"]), rules(1 + dice.index(3), inner))
        case 2: return call(dice.one(of: ["!", "!!"]), rules(1, inner))
        // Two lists are equal to flagd's core only when they are one and the same, which no generated case tells.
        case 3:
            return call(dice.one(of: ["==", "!="]), [rule(inner), dice.index(2) == 0 ? scalar() : atom()])
        case 4: return call(dice.one(of: ["===", "!=="]), rules(2, inner))
        case 5: return call(dice.one(of: ["<", "<=", ">", ">="]), rules(2 + dice.index(2), inner))
        case 6: return call(dice.one(of: ["+", "*"]), rules(1 + dice.index(3), inner))
        case 7: return call(dice.one(of: ["-", "/", "%"]), rules(2, inner))
        case 8: return call(dice.one(of: ["min", "max"]), rules(1 + dice.index(3), inner))
        case 9: return call("in", [rule(inner), dice.index(2) == 0 ? list() : rule(inner)])
        case 10: return call(dice.one(of: ["cat", "merge"]), rules(1 + dice.index(3), inner))
        case 11:
            return call(
                "substr",
                [rule(inner), .integer(Int64(dice.index(7)) - 3)]
                    + (dice.index(2) == 0 ? [] : [.integer(Int64(dice.index(7)) - 3)]))
        case 12:
            return call(
                dice.one(of: ["map", "filter", "all", "some", "none"]), [collection(), element(inner)])
        case 13:
            return call(
                "reduce",
                [
                    collection(),
                    call("+", [call("var", .string("current")), call("var", .string("accumulator"))]),
                    .integer(0),
                ])
        case 14: return special(inner)
        default:
            return dice.index(2) == 0
                ? call("missing", [.string("email"), .string("nobody"), .string("user.id")])
                : call(
                    "missing_some",
                    [
                        .integer(Int64(dice.index(3))),
                        .array([.string("email"), .string("age"), .string("x")]),
                    ])
        }
    }

    private mutating func rules(_ count: Int, _ depth: Int) -> [JSON] {
        var rules: [JSON] = []
        for _ in 0..<count { rules.append(rule(depth)) }
        return rules
    }

    private mutating func atom() -> JSON {
        call("var", .string(dice.one(of: ["email", "age", "plan", "beta"])))
    }

    private mutating func collection() -> JSON { dice.index(2) == 0 ? list() : call("var", .string("tags")) }

    private mutating func element(_ depth: Int) -> JSON {
        dice.index(3) == 0
            ? rule(depth)
            : call(dice.one(of: ["===", "<", "cat", "+"]), [call("var", .string("")), scalar()])
    }

    private mutating func special(_ depth: Int) -> JSON {
        switch dice.index(3) {
        case 0:
            return call(
                dice.one(of: ["starts_with", "ends_with"]),
                [variable(), .string(dice.one(of: ["a", "m", "@faas.com", "", "é"]))])
        case 1:
            let relation = dice.one(of: ["=", "!=", "<", "<=", ">", ">=", "^", "~"])
            return call(
                "sem_ver",
                [
                    dice.index(2) == 0 ? variable() : .string("1.10.0-alpha.2"), .string(relation),
                    .string(dice.one(of: ["1.2.3", "1.10.0", "2.0.0-beta.2"])),
                ])
        default: return fractional()
        }
    }

    private mutating func fractional() -> JSON {
        var arguments: [JSON] = []
        switch dice.index(5) {
        case 0: arguments.append(call("var", .string("email")))
        case 1:
            arguments.append(
                call("cat", [call("var", .string("$flagd.flagKey")), call("var", .string("user.id"))]))
        case 2: arguments.append(call("var", .string(dice.one(of: ["score", "age", "user"]))))
        default: break
        }
        for variant in ["on", "off", "half"].prefix(2 + dice.index(2)) {
            arguments.append(.array([.string(variant), .integer(Int64(1 + dice.index(60)))]))
        }
        return call("fractional", arguments)
    }

    /// A flag of any kind, with the kind's name.
    package mutating func flag() -> (kind: String, flag: JSONObject) {
        let (kind, values): (String, [JSON]) = dice.one(of: [
            ("boolean", [.bool(true), .bool(false), .bool(true), .bool(true), .bool(false)]),
            ("string", [.string("a"), .string("b"), .string("é"), .string("d"), .string("")]),
            ("number", [.integer(1), .number(2.5), .integer(3), .number(4.0), .integer(-5)]),
            (
                "object",
                [
                    .object(JSONObject([("x", .integer(1))])), .object(JSONObject()), .array([.null]),
                    .object(JSONObject([("y", .array([]))])), .array([]),
                ]
            ),
        ])
        var flag = JSONObject()
        flag["state"] = .string(dice.index(12) == 0 ? "DISABLED" : "ENABLED")
        flag["variants"] = .object(JSONObject(Array(zip(["on", "off", "half", "true", "false"], values))))
        if dice.index(8) > 0 { flag["defaultVariant"] = .string(dice.one(of: ["on", "off"])) }
        if dice.index(3) == 0 {
            flag["metadata"] = .object(JSONObject([("owner", .string("shop")), ("n", .integer(3))]))
        }
        switch dice.index(8) {
        case 0: break
        case 1: flag["targeting"] = .object(JSONObject())
        case 2, 3: flag["targeting"] = fractional()
        case 4: flag["targeting"] = call("if", [call("$ref", .string("staff")), .string("on"), .null])
        case 5: flag["targeting"] = call("if", [rule(2), .string("on"), .string("off")])
        case 6: flag["targeting"] = call("!!", [rule(2)])
        default: flag["targeting"] = call("cat", [rule(1)])
        }
        return (kind, flag)
    }
}
