import Flags
import Testing

/// What a definition may say, and what is told of one that may not.
@Suite struct DefinitionTests {
    private static let shared = #"{"staff":{"ends_with":[{"var":"email"},"@faas.com"]}}"#

    private func read(_ text: String) throws -> Flag {
        let evaluators = try Flag.evaluators(try JSONReader.read(Array(DefinitionTests.shared.utf8)))
        return try Flag(Array(text.utf8), evaluators: evaluators)
    }

    private func fault(_ text: String) -> String {
        do {
            _ = try read(text)
            return "(none)"
        } catch {
            return "\(error)"
        }
    }

    private func flag(_ rest: String, variants: String = #"{"on":true,"off":false}"#) -> String {
        #"{"state":"ENABLED","variants":\#(variants),"defaultVariant":"off"\#(rest.isEmpty ? "" : ",\(rest)")}"#
    }

    @Test(arguments: [
        ("", "no JSON: line 1, column 1"), ("[]", "expected an object"),
        ("{\n \"state\": x}", "line 2, column 11"),
        (#"{"state":"on","variants":{"a":1}}"#, #"state: expected "ENABLED" or "DISABLED", got 'on'"#),
        (#"{"state":"ENABLED"}"#, "variants: is missing"),
        (#"{"state":"ENABLED","variants":{}}"#, "an empty one"),
        (#"{"state":"ENABLED","variants":{"a":null}}"#, "variants.a: expected a boolean"),
        (#"{"state":"ENABLED","variants":{"a":1,"b":"x"}}"#, "variants.b: expected a number as the other"),
        (#"{"state":"ENABLED","variants":{"a":9007199254740992}}"#, "2^53"),
        (#"{"state":"ENABLED","variants":{"a":1},"defaultVariant":"b"}"#, "'b' is no variant; there are a"),
        (#"{"state":"ENABLED","variants":{"a":1},"defaultVariant":1}"#, "expected a variant's name or null"),
        (#"{"state":"ENABLED","variants":{"a":1},"defaultvariant":"a"}"#, "did you mean defaultVariant?"),
        (#"{"state":"ENABLED","state":"DISABLED","variants":{"a":1}}"#, "'state' occurs twice"),
        (#"{"state":"ENABLED","variants":{"a":1},"metadata":{"x":[]}}"#, "metadata.x: expected a text"),
    ])
    func aBadDefinitionIsToldWithItsPlace(_ text: String, _ why: String) {
        #expect(fault(text).contains(why), "\(fault(text))")
    }

    @Test(arguments: [
        ("[]", "targeting: expected an operation"),
        (#"{"iff":[1,2]}"#, "targeting: there is no operation 'iff'"),
        (#"{"if":[{"==":[1]},"on"]}"#, "targeting.if[0].==: expected 2 arguments, got 1"),
        (
            #"{"if":[{"a":1,"b":2},"on"]}"#,
            "targeting.if[0]: expected an operation: an object with one member"
        ),
        (#"{"if":[true,"purple"]}"#, "targeting.if[1]: 'purple' is no variant; there are on, off"),
        (#"{"if":[true,"on",false,"off","x"]}"#, "targeting.if[4]: 'x' is no variant"),
        (#"{"fractional":[["x",1],["off",1]]}"#, "targeting.fractional[0][0]: 'x' is no variant"),
        (
            #"{"fractional":[["on",0.5],["off",1]]}"#,
            "fractional[0][1]: expected a weight, a whole number; got 0.5"
        ),
        (#"{"fractional":[["on",-1],["off",1]]}"#, "expected a weight of 0 to 2147483647"),
        (#"{"fractional":[["on",0],["off",0]]}"#, "the weights' sum is 0"),
        (#"{"fractional":[["on",2147483647],["off",1]]}"#, "it may be 2147483647"),
        (#"{"fractional":[{"var":"email"}]}"#, "expected at least one share"),
        (#"{"fractional":["on",1]}"#, "targeting.fractional[1]: expected a share"),
        (#"{"if":[{"sem_ver":["1.x","=","1.0.0"]},"on"]}"#, "sem_ver[0]: expected a semantic version"),
        (
            #"{"if":[{"sem_ver":["1.0.0","=>","1.0.0"]},"on"]}"#,
            "sem_ver[1]: expected one of = != < <= > >= ^ ~"
        ),
        (#"{"if":[{"starts_with":[1,"x"]},"on"]}"#, "starts_with[0]: expected a string, got a number"),
        (#"{"if":[{"var":"$flagd.time"},"on"]}"#, "only $flagd.flagKey and $flagd.timestamp"),
        (#"{"if":[{"$ref":"nobody"},"on"]}"#, "no shared rule 'nobody'"),
        (#"{"if":[{"$ref":1},"on"]}"#, "expected the name of a shared rule"),
    ])
    func aBadRuleIsToldWithItsPlace(_ rule: String, _ why: String) {
        let told = fault(flag("\"targeting\":\(rule)"))
        #expect(told.contains(why), "\(told)")
    }

    @Test func everythingThatIsWrongIsToldAtOnce() {
        let told = fault(#"{"state":"x","variants":{"a":1,"b":"c"},"defaultVariant":"d","extra":1}"#)
        for path in ["state:", "variants.b:", "defaultVariant:", "extra:"] { #expect(told.contains(path)) }
    }

    @Test func sharedRulesMayUseOthersButNotThemselves() throws {
        func evaluators(_ text: String) throws -> JSONObject {
            try Flag.evaluators(try JSONReader.read(Array(text.utf8)))
        }
        _ = try evaluators(#"{"a":{"!":{"$ref":"b"}},"b":{"var":"x"}}"#)
        #expect(throws: DefinitionFault.self) {
            try evaluators(#"{"a":{"!":{"$ref":"b"}},"b":{"!":{"$ref":"a"}}}"#)
        }
        // Each doubles the one before: what is used must be counted at every use.
        let bombs = (0..<40).map { #""r\#($0)":{"and":[{"$ref":"r\#($0 + 1)"},{"$ref":"r\#($0 + 1)"}]}"# }
        #expect(throws: DefinitionFault.self) {
            try evaluators("{\(bombs.joined(separator: ",")),\"r40\":true}")
        }
    }

    @Test func whatIsTooDeepOrTooLongIsRefused() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(fault(deep).contains("no JSON") || fault(deep).contains("may have 65536"))
        #expect(fault(String(repeating: "[", count: 1000)).contains("nested deeper than 64"))
        #expect(fault(flag(#""x":"\#(String(repeating: "y", count: 70_000))""#)).contains("may have 65536"))
    }

    @Test(arguments: ["", "a\u{0}", "a\u{1B}[31m", "$x", "\u{202E}x", String(repeating: "k", count: 257)])
    func aBadNameIsRefused(_ key: String) { #expect(FlagKey.fault(key) != nil) }

    @Test(arguments: ["a", "new-ui", "shop/cart.v2", "<b>", "💥", "日本", String(repeating: "k", count: 256)])
    func aNameMayBeAnyPrintableText(_ key: String) { #expect(FlagKey.fault(key) == nil) }

    @Test func aRolloutKeepsWhoIsIn() throws {
        var flag = try read(self.flag(""))
        var inBefore: Set<String> = []
        for share in [1500, 10_000, 25_000, 100_000] as [Int64] {
            flag = try Flag(try FlagChange.rollout(.init(share: share)).applied(to: flag))
            #expect(flag.rollout?.variant == "on" && flag.rollout?.share == Double(share) / 1000)
            var inNow: Set<String> = []
            for number in 0..<2000 {
                var effort = Effort()
                let context = JSONObject([("targetingKey", .string("user-\(number)"))])
                let evaluation = try flag.evaluate(
                    key: "f", context: context, timestamp: 0, setMetadata: JSONObject(), effort: &effort)
                if evaluation.chosen?.variant == "on" { inNow.insert("user-\(number)") }
            }
            #expect(inNow.isSuperset(of: inBefore))
            #expect(abs(Double(inNow.count) / 20 - Double(share) / 1000) < 3)
            inBefore = inNow
        }
    }

    @Test func aRolloutNeedsToKnowItsVariants() throws {
        let colours = try read(flag("", variants: #"{"red":"r","off":"o","blue":"b"}"#))
        #expect(throws: DefinitionFault.self) { try FlagChange.rollout(.init(share: 1)).applied(to: colours) }
        #expect(throws: DefinitionFault.self) {
            try FlagChange.rollout(.init(share: 1, variant: "green")).applied(to: colours)
        }
        let rolled = try FlagChange.rollout(.init(share: 1000, variant: "red")).applied(to: colours)
        #expect(rolled.compactText.contains(#"{"fractional":[["red",1],["off",99]]}"#))
    }
}

/// All flags together.
@Suite struct FlagSetTests {
    private func fields(_ pairs: [String: String]) -> [ExactText: String] {
        Dictionary(pairs.map { (ExactText($0.key), $0.value) }) { first, _ in first }
    }

    private let good = #"{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"on"}"#

    @Test func theLastGoodValueStaysInForce() {
        var set = FlagSet()
        #expect(set.take(fields(["a": good, "b": "{", "": good])) == ["a"])
        #expect(set.keys == ["a"] && set.faults.count == 2)
        #expect(set.take(fields(["a": "{}"])).isEmpty)
        #expect(set["a"] != nil && set.faults[ExactText("a")]?.contains("state: is missing") == true)
        #expect(set.take(fields([:])) == ["a"])
        #expect(set["a"] == nil && set.faults.isEmpty)
    }

    @Test func aChangeOfSharedRulesIsAChangeOfTheFlagsThatUseThem() throws {
        let user =
            #"{"state":"ENABLED","variants":{"on":true,"off":false},"targeting":{"if":[{"$ref":"r"},"on","off"]}}"#
        func variant(_ rule: String) throws -> String? {
            var set = FlagSet()
            set.take(fields(["f": user, "$evaluators": #"{"r":true}"#]))
            set.take(fields(["f": user, "$evaluators": rule]))
            var effort = Effort()
            return try set.evaluate("f", context: JSONObject(), timestamp: 0, effort: &effort).chosen?.variant
        }
        #expect(try variant(#"{"r":true}"#) == "on")
        #expect(try variant(#"{"r":false}"#) == "off")
        #expect(try variant("{") == "on")
        #expect(try variant("{}") == "on")
    }

    @Test func aFileAndItsFieldsAreTheSame() throws {
        let file =
            #"{"$schema":"x","flags":{"b":\#(good),"a":\#(good)},"$evaluators":{"r":{"var":"x"}},"metadata":{"n":1.0}}"#
        let fields = try FlagFile.fields(Array(file.utf8))
        #expect(fields.map(\.field).sorted() == ["$evaluators", "$metadata", "a", "b"])
        let again = FlagFile.file(Dictionary(fields.map { ($0.field, $0.text) }) { first, _ in first })
        #expect(try FlagFile.fields(again.bytes).map(\.text).sorted() == fields.map(\.text).sorted())
        #expect(throws: DefinitionFault.self) { try FlagFile.fields(Array(#"{"flags":{"a":{}}}"#.utf8)) }
        #expect(throws: DefinitionFault.self) { try FlagFile.fields(Array("[]".utf8)) }
    }

    @Test func aNameThatIsNotThereIsAFault() {
        var effort = Effort()
        #expect(throws: EvaluationFault(.flagNotFound, "there is no flag 'x'")) {
            try FlagSet().evaluate("x", context: JSONObject(), timestamp: 0, effort: &effort)
        }
    }
}
