import Fixtures
import Glibc
import Testing

@testable import Flags

/// The same results as flagd's own core gives, for generated rules and flags.
@Suite struct ParityTests {
    private static let rulesCount = 1500
    private static let flagsCount = 600

    private static let python = Repository.path(".build/venvs/flags/bin/python")

    private struct RuleCase {
        let rule: JSON
        let data: JSONObject

        var json: JSON { .object(JSONObject([("rule", rule), ("data", .object(data))])) }
    }

    private struct FlagCase {
        let kind: String
        let key: String
        let set: JSON
        let context: JSONObject

        var json: JSON {
            .object(
                JSONObject([
                    ("kind", .string(kind)), ("key", .string(key)), ("set", set),
                    ("context", .object(context)),
                ]))
        }
    }

    @Test(
        .enabled(if: access(python, X_OK) == 0, "scripts/venv flags makes the Python environment"),
        arguments: [1, 20_261_124] as [UInt64])
    func evaluationsAreThoseOfFlagd(seed: UInt64) throws {
        var maker = CaseMaker(dice: SeededGenerator(seed: seed))
        let rules = (0..<ParityTests.rulesCount).map { _ in ParityTests.ruleCase(&maker) }
        let flags = (0..<ParityTests.flagsCount).map { ParityTests.flagCase(&maker, $0) }
        let answers = try ParityTests.ask(
            .object(
                JSONObject([
                    ("rules", .array(rules.map(\.json))), ("flags", .array(flags.map(\.json))),
                ])))
        guard case .array(let ruleAnswers) = answers["rules"], case .array(let flagAnswers) = answers["flags"]
        else {
            Issue.record("no answers")
            return
        }
        try #require(ruleAnswers.count == rules.count && flagAnswers.count == flags.count)
        for (one, answer) in zip(rules, ruleAnswers) {
            let own = ParityTests.result(one)
            #expect(
                own.bytes == ParityTests.expected(answer).bytes,
                "seed \(seed): \(one.rule.compactText) over \(JSON.object(one.data).compactText)")
        }
        var reasons: [String: Int] = [:]
        for (one, answer) in zip(flags, flagAnswers) {
            let own = ParityTests.result(one)
            reasons[own.members?["reason"]?.text ?? "ERROR", default: 0] += 1
            #expect(
                own == ParityTests.expected(answer),
                "seed \(seed): \(one.set.compactText) for \(JSON.object(one.context).compactText)")
        }
        // Every way that an evaluation can end was taken.
        for reason in ["STATIC", "TARGETING_MATCH", "DEFAULT", "DISABLED", "ERROR"] {
            #expect(reasons[reason, default: 0] >= 10, "\(reasons)")
        }
    }

    private static func ruleCase(_ maker: inout CaseMaker) -> RuleCase {
        while true {
            let depth = 1 + maker.dice.index(3)
            let rule = maker.rule(depth)
            var compiler = RuleCompiler(evaluators: JSONObject())
            _ = compiler.compile(rule, at: "")
            guard compiler.faults.isEmpty else { continue }
            var data = maker.context()
            data["$flagd"] = .object(JSONObject([("flagKey", .string("f"))]))
            return RuleCase(rule: rule, data: data)
        }
    }

    private static func flagCase(_ maker: inout CaseMaker, _ number: Int) -> FlagCase {
        let staff = maker.call("ends_with", [maker.call("var", .string("email")), .string("@faas.com")])
        while true {
            let (kind, flag) = maker.flag()
            let evaluators = JSONObject([("staff", staff)])
            guard (try? Flag(.object(flag), evaluators: evaluators)) != nil else { continue }
            let key = "flag-\(number)"
            let set = JSONObject([
                ("flags", .object(JSONObject([(key, .object(flag))]))), ("$evaluators", .object(evaluators)),
                ("metadata", .object(JSONObject([("set", .string("all"))]))),
            ])
            return FlagCase(kind: kind, key: key, set: .object(set), context: maker.context())
        }
    }

    private static func result(_ one: RuleCase) -> JSON {
        var compiler = RuleCompiler(evaluators: JSONObject())
        let rule = compiler.compile(one.rule, at: "")
        var machine = RuleMachine()
        do {
            return .object(JSONObject([("value", plain(try machine.run(rule, .object(one.data))))]))
        } catch {
            return .object(JSONObject([("error", .bool(true))]))
        }
    }

    private static func result(_ one: FlagCase) -> JSON {
        do {
            var set = FlagSet()
            let fields = try FlagFile.fields(one.set.bytes)
            set.take(
                Dictionary(fields.map { (ExactText($0.field), $0.text) }) { first, _ in first })
            var effort = Effort()
            let evaluation = try set.evaluate(
                one.key, context: one.context, timestamp: 0, effort: &effort)
            var result = JSONObject([
                ("reason", .string(evaluation.reason.rawValue)), ("metadata", .object(evaluation.metadata)),
            ])
            if let chosen = evaluation.chosen {
                result["variant"] = .string(chosen.variant)
                result["value"] = chosen.value
            }
            return .object(result)
        } catch {
            return .object(JSONObject([("error", .bool(true))]))
        }
    }

    /// As the script writes what JSON cannot hold.
    private static func plain(_ value: JSON) -> JSON {
        switch value {
        case .number(let number) where !number.isFinite:
            .object(JSONObject([("real", .string("\(number)"))]))
        case .array(let elements): .array(elements.map(plain))
        case .null, .bool, .integer, .number, .string, .object: value
        }
    }

    private static func expected(_ answer: JSON) -> JSON {
        answer.members?["error"] == nil ? answer : .object(JSONObject([("error", .bool(true))]))
    }

    private static func ask(_ cases: JSON) throws -> JSONObject {
        var template = Array("/tmp/troop-parity-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            for name in ["cases", "answers"] { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }
        let bytes = cases.bytes
        let file = try #require(fopen("\(folder)/cases", "we"))
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
        let words = [
            python, Repository.path("Tests/FlagsTests/Parity/evaluate.py"), "\(folder)/cases",
            "\(folder)/answers",
        ]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        try #require(posix_spawn(&pid, python, nil, nil, &arguments, environ) == 0)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        try #require(status == 0)
        let answers = try #require(fopen("\(folder)/answers", "re"))
        defer { fclose(answers) }
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&chunk, 1, chunk.count, answers)
            guard count > 0 else { break }
            text += chunk[..<count]
        }
        return try #require(try JSONReader.read(text).members)
    }
}
