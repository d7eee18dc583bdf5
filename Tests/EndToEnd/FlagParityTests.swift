import Fixtures
import Flags
import Glibc
import Testing

/// What an application is told of generated flags: what flagd's own core makes of them, all the way through the import, Redis,
/// the protocol and the OpenFeature SDK.
@Suite struct FlagParityTests {
    private static let python = Repository.path(".build/venvs/flags/bin/python")
    private static let count = 300

    private struct Case {
        let kind: String
        let key: String
        let context: JSONObject

        var json: JSON {
            .object(
                JSONObject([
                    ("kind", .string(kind)), ("key", .string(key)), ("context", .object(context)),
                ]))
        }
    }

    /// A flagd file of flags that make sense, and whom each is evaluated for.
    private func cases(seed: UInt64) -> (file: JSON, cases: [Case]) {
        var maker = CaseMaker(dice: SeededGenerator(seed: seed))
        let staff = maker.call("ends_with", [maker.call("var", .string("email")), .string("@faas.com")])
        func file(_ flags: JSONObject) -> JSON {
            .object(
                JSONObject([
                    ("flags", .object(flags)),
                    ("$evaluators", .object(JSONObject([("staff", staff)]))),
                    ("metadata", .object(JSONObject([("set", .string("all"))]))),
                ]))
        }
        var flags = JSONObject()
        var cases: [Case] = []
        while cases.count < FlagParityTests.count {
            let (kind, flag) = maker.flag()
            let key = "flag-\(cases.count)"
            guard (try? FlagFile.fields(file(JSONObject([(key, .object(flag))])).bytes)) != nil else {
                continue
            }
            flags[key] = .object(flag)
            cases.append(Case(kind: kind, key: key, context: maker.context()))
        }
        return (file(flags), cases)
    }

    @Test(
        .enabled(if: access(python, X_OK) == 0, "scripts/venv flags makes the Python environment"),
        .timeLimit(.minutes(2)))
    func applicationsAreToldWhatFlagdWouldTell() async throws {
        let troop = try Ensemble(["a"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 1) }
        try #require(isUp, "\(troop.logs)")
        let (file, cases) = cases(seed: 20_261_130)
        let path = "\(troop.folder)/flags.json"
        try Ensemble.write(file.compactText, to: path)
        let done = try troop.command("a", "flags", "import", path)
        try #require(done.code == 0, "\(done.output)")
        let asked = JSON.object(JSONObject([("file", file), ("cases", .array(cases.map(\.json)))]))
        try Ensemble.write(asked.compactText, to: "\(troop.folder)/asked")
        let log = "\(troop.folder)/answers"
        try RedisServer.runToEnd(
            [
                FlagParityTests.python, Repository.path("Tests/EndToEnd/Flags/parity.py"),
                "http://127.0.0.1:\(try troop.member("a").apiPort)", "\(troop.folder)/asked",
            ], log: log)
        let lines = Program.text(of: log).split(separator: "\n").filter { $0.hasPrefix("{") }
        try #require(lines.count == cases.count, "\(Program.text(of: log))")
        var reasons: [String: Int] = [:]
        for line in lines {
            let answer = try JSONReader.read(Array(line.utf8)).members
            #expect(answer?["same"] == .bool(true), "\(line)")
            reasons[answer?["agent"]?.members?["reason"]?.text ?? "ERROR", default: 0] += 1
        }
        // Every way that an evaluation can end was taken.
        for reason in ["STATIC", "TARGETING_MATCH", "DEFAULT", "DISABLED", "ERROR"] {
            #expect(reasons[reason, default: 0] >= 5, "\(reasons)")
        }
    }
}
