import Fixtures
import Linux
import Testing

/// What `troop flags` says where something is amiss, over a real agent and a real Redis.
@Suite(.serialized) struct FlagCommandsTests {
    private static let newUI =
        #"{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off"}"#

    private func running() async throws -> Ensemble {
        let troop = try Ensemble(["a"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 1) }
        try #require(isUp, "\(troop.logs)")
        return troop
    }

    private func run(_ troop: Ensemble, _ words: [String]) throws -> (code: Int32?, output: String) {
        try Program.run(
            ["flags"] + words, environment: ["TROOP_SOCKET=\(try troop.member("a").socket)", "USER=kim"])
    }

    @Test(.timeLimit(.minutes(2))) func badUsageIsTellingAndHasItsExitCode() async throws {
        let troop = try await running()
        #expect(try run(troop, []).output.hasPrefix("no flags"))
        #expect(try run(troop, ["history"]).output == "no changes yet\n")
        #expect(try run(troop, ["set", "new-ui", FlagCommandsTests.newUI]).code == 0)
        let file = "\(troop.folder)/list.json"
        try Ensemble.write("[1]", to: file)
        let empty = "\(troop.folder)/empty.json"
        try Ensemble.write("", to: empty)
        for (words, code, why) in [
            (["rollout", "new-ui", "33.33333"], 64, "at most three decimals"),
            (["rollout", "new-ui", "150"], 64, "0 to 100"),
            (["rollout", "new-ui", "33.333000"], 0, "is changed"),
            (["rollback", "new-ui", "--to", "1"], 64, "--to is '1'"),
            (["set", "new-ui", "@/nope"], 1, "/nope: No such file"),
            (["set", "new-ui", "@"], 64, "no file is named"),
            (["set", "new-ui", ""], 64, "the definition is empty"),
            (["import", "/nope"], 1, "/nope: No such file"),
            (["import", empty], 1, "empty.json: there is nothing in it"),
            (["eval", "new-ui", "--context", "x"], 64, "--context is no JSON"),
            (["eval", "new-ui", "--context", "[1]"], 64, "expected an object such as"),
            (["eval", "new-ui", "--context", "@\(file)"], 1, "list.json: --context is"),
            (["history", "nope"], 0, "there is no history of 'nope'"),
        ] as [([String], Int32, String)] {
            let answer = try run(troop, words)
            #expect(answer.code == code, "\(words) \(answer.output)")
            #expect(answer.output.contains(why), "\(words) \(answer.output)")
            #expect(!answer.output.contains("<subcommand>"), "\(words) \(answer.output)")
        }
    }

    @Test(.timeLimit(.minutes(2))) func theHistoryTellsWhatWasAsked() async throws {
        let troop = try await running()
        #expect(try run(troop, ["set", "new-ui", FlagCommandsTests.newUI]).code == 0)
        #expect(try run(troop, ["rollout", "new-ui", "12.5"]).code == 0)
        #expect(try run(troop, ["rollout", "new-ui", "25"]).code == 0)
        #expect(try run(troop, ["off", "new-ui", "--reason", "too slow"]).code == 0)
        #expect(try run(troop, ["delete", "new-ui"]).code == 0)
        #expect(try run(troop, ["rollback", "new-ui"]).code == 0)
        let history = try run(troop, ["history", "new-ui"]).output
        let lines = history.split(separator: "\n").dropFirst()
        let expected = ["rollback", "deleted", "off", "rollout 25 %", "rollout 12.5 %", "created"]
        #expect(lines.count == expected.count)
        for (line, what) in zip(lines, expected) {
            #expect(line.contains("  \(what)  "), "\(line)")
            #expect(line.hasSuffix(what == "off" ? "too slow" : "  -"), "\(line)")
        }
    }

    @Test(.timeLimit(.minutes(2))) func withoutRedisCopiesAreCalledSoAndNothingIsDone() async throws {
        let troop = try await running()
        #expect(try run(troop, ["set", "new-ui", FlagCommandsTests.newUI]).code == 0)
        troop.redis.stop()
        let isStale = await eventually { (try? run(troop, []).code) == 3 }
        #expect(isStale)
        let exported = try run(troop, ["export"])
        #expect(exported.code == 3 && exported.output.contains("last known"), "\(exported.output)")
        #expect(exported.output.contains(#""new-ui""#))
        let changed = try run(troop, ["off", "new-ui"])
        #expect(changed.code == 3 && changed.output.contains("nothing was done: "), "\(changed.output)")
        let read = try run(troop, ["history"])
        #expect(read.code == 3 && read.output.contains("the history cannot be read: "), "\(read.output)")
        #expect(!read.output.contains("nothing was"))
    }
}
