import Fixtures
import Flags
import Linux
import Testing
import Transfer

/// The evaluation protocol's errors and its time, as an application meets them at an agent.
@Suite(.serialized) struct OFREPTests {
    private static let prefix = "/ofrep/v1/evaluate/flags"
    /// The longest body, in bytes.
    private static let bodyBytesMax = 256 * 1024

    private func running() async throws -> Ensemble {
        let troop = try Ensemble(["a"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 1) }
        try #require(isUp, "\(troop.logs)")
        return troop
    }

    private func set(_ troop: Ensemble, _ key: String, targeting: String = "{}") throws {
        let definition =
            #"{"state":"ENABLED","variants":{"on":"on","off":"off"},"defaultVariant":"off","targeting":\#(targeting)}"#
        let done = try troop.command("a", "flags", "set", key, definition)
        #expect(done.code == 0, "\(done.output)")
    }

    /// Evaluates a flag, or all of them, over TCP.
    private func evaluate(
        _ troop: Ensemble, _ key: String?, _ body: String
    ) throws -> (status: Int, document: JSONObject) {
        let path = OFREPTests.prefix + (key.map { "/\($0)" } ?? "")
        var transfer = Transfer(url: "http://127.0.0.1:\(try troop.member("a").apiPort)\(path)")
        transfer.method = "POST"
        transfer.json = Array(body.utf8)
        let answer = try transfer.perform()
        return (answer.status, try JSONReader.read(answer.body).members ?? JSONObject())
    }

    /// A context that makes a body of so many bytes.
    private func body(bytes count: Int) -> String {
        let (start, end) = (#"{"context":{"filler":""#, #""}}"#)
        return start + String(repeating: "x", count: count - start.utf8.count - end.utf8.count) + end
    }

    @Test(.timeLimit(.minutes(2))) func aRequestThatMakesNoSenseHasItsError() async throws {
        let troop = try await running()
        try set(troop, "ui")
        for (body, code, why) in [
            ("{", "PARSE_ERROR", "no JSON"), ("x", "PARSE_ERROR", "no JSON"),
            (#"{"context":{}} {}"#, "PARSE_ERROR", "no JSON"), ("[]", "PARSE_ERROR", "an array"),
            (#""context""#, "PARSE_ERROR", "a string"), ("null", "PARSE_ERROR", "null"),
            (#"{"context":"user-1"}"#, "INVALID_CONTEXT", "the context is a string"),
            (#"{"context":[]}"#, "INVALID_CONTEXT", "the context is an array"),
            (#"{"context":{"targetingKey":7}}"#, "INVALID_CONTEXT", "targetingKey is a number"),
            (#"{"context":{"targetingKey":{}}}"#, "INVALID_CONTEXT", "targetingKey is an object"),
            (self.body(bytes: OFREPTests.bodyBytesMax + 1), "INVALID_CONTEXT", "it may have 262144"),
        ] {
            for key in ["ui", nil] as [String?] {
                let shown = "\(key ?? "all") \(body.prefix(40))"
                let answer = try evaluate(troop, key, body)
                #expect(answer.status == 400, "\(shown)")
                #expect(answer.document["errorCode"] == .string(code), "\(shown)")
                #expect(answer.document["errorDetails"]?.text?.contains(why) == true, "\(shown)")
                #expect(answer.document["key"] == key.map { JSON.string($0) }, "\(shown)")
                #expect(answer.document["value"] == nil, "\(shown)")
            }
        }
        let unknown = try evaluate(troop, "nothing", "{}")
        #expect(unknown.status == 404)
        #expect(unknown.document["errorCode"] == .string("FLAG_NOT_FOUND"))

        // What is just right is evaluated.
        for body in [
            "", "{}", #"{"context":null}"#, #"{"context":{"targetingKey":null}}"#,
            self.body(bytes: OFREPTests.bodyBytesMax),
        ] {
            let answer = try evaluate(troop, "ui", body)
            #expect(answer.status == 200, "\(body.prefix(40))")
            #expect(answer.document["value"] == .string("off"), "\(body.prefix(40))")
            #expect(try evaluate(troop, nil, body).status == 200, "\(body.prefix(40))")
        }
    }

    /// `$flagd.timestamp` is the agent's time in seconds, whatever the context says.
    @Test(.timeLimit(.minutes(2))) func aRuleMayAskForTheTime() async throws {
        let troop = try await running()
        let now = WallClock.milliseconds() / 1000
        let time = #"{"var":"$flagd.timestamp"}"#
        for (key, rule) in [
            ("now", #"{"<=":[\#(now - 60),\#(time),\#(now + 3600)]}"#),
            ("begun", #"{">=":[\#(time),\#(now - 60)]}"#), ("later", #"{">=":[\#(time),\#(now + 3600)]}"#),
        ] {
            try set(troop, key, targeting: #"{"if":[\#(rule),"on","off"]}"#)
        }
        for (key, variant) in [("now", "on"), ("begun", "on"), ("later", "off")] {
            for body in ["{}", #"{"context":{"$flagd":{"timestamp":0},"$flagd.timestamp":0}}"#] {
                let answer = try evaluate(troop, key, body)
                #expect(answer.status == 200, "\(key) \(body)")
                #expect(answer.document["variant"] == .string(variant), "\(key) \(body)")
                #expect(answer.document["reason"] == .string("TARGETING_MATCH"), "\(key) \(body)")
            }
        }
    }
}
