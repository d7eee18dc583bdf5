import Fixtures
import Flags
import Glibc
import Linux
import Peer
import Testing
import Transfer

/// Feature flags over real agents and a real Redis.
@Suite(.serialized) struct FlagsTests {
    private static let python = Repository.path(".build/venvs/flags/bin/python")

    private static let newUI =
        #"{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off"}"#

    private func ask(
        _ troop: Ensemble, _ name: String, _ path: String, method: String = "GET", json: String = ""
    ) throws -> (status: Int, body: String) {
        var transfer = Transfer(url: "http://localhost\(path)")
        transfer.socket = try troop.member(name).socket
        transfer.method = method
        transfer.json = Array(json.utf8)
        let answer = try transfer.perform()
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    /// What an agent says of a flag over TCP, as an application asks.
    private func evaluate(_ troop: Ensemble, _ name: String, _ flag: String, key: String = "user-1") throws
        -> JSONObject
    {
        let port = try troop.member(name).apiPort
        var transfer = Transfer(url: "http://127.0.0.1:\(port)/ofrep/v1/evaluate/flags/\(flag)")
        transfer.method = "POST"
        transfer.json = Array(#"{"context":{"targetingKey":"\#(key)","email":"a@faas.com"}}"#.utf8)
        let answer = try transfer.perform()
        return try JSONReader.read(answer.body).members ?? JSONObject()
    }

    private func running(_ names: [String] = ["a", "b"]) async throws -> Ensemble {
        let troop = try Ensemble(names)
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: names.count) }
        try #require(isUp, "\(troop.logs)")
        return troop
    }

    @Test(.timeLimit(.minutes(2))) func aChangeReachesEveryAgentAndStaysWhenRedisGoes() async throws {
        let troop = try await running()
        #expect(try troop.command("a", "flags", "set", "new-ui", FlagsTests.newUI).code == 0)
        let isThere = await eventually { (try? evaluate(troop, "b", "new-ui")["variant"]) == .string("off") }
        #expect(isThere)

        let start = Instant.now()
        #expect(try troop.command("a", "flags", "rollout", "new-ui", "100").code == 0)
        let isSeen = await eventually {
            (try? evaluate(troop, "b", "new-ui")["value"]) == .bool(true)
                && (try? evaluate(troop, "a", "new-ui")["value"]) == .bool(true)
        }
        let took = Instant.now().milliseconds(since: start)
        #expect(isSeen && took < 1000, "seen after \(took) ms")

        // By hand, without a hint: at each agent's next reading. What makes no sense changes nothing and is told.
        try troop.redis.command("HSET", "troop:{test}:flags", "by-hand", FlagsTests.newUI)
        for name in ["a", "b"] {
            #expect(
                await eventually { (try? evaluate(troop, name, "by-hand")["reason"]) == .string("STATIC") })
        }
        try troop.redis.command("HSET", "troop:{test}:flags", "by-hand", #"{"state":"<b>\u0007"}"#)
        let isTold = await eventually {
            troop.status(of: "b")?.notices.contains {
                $0.contains("flag 'by-hand'") && $0.contains("last good value")
            } ?? false
        }
        #expect(isTold)
        #expect(try evaluate(troop, "b", "by-hand")["variant"] == .string("off"))

        troop.redis.stop()
        for name in ["a", "b"] {
            let isStale = await eventually {
                (try? evaluate(troop, name, "new-ui")["reason"]) == .string("STALE")
            }
            #expect(isStale)
            #expect(try evaluate(troop, name, "new-ui")["value"] == .bool(true))
        }
        let listed = try troop.command("a", "flags")
        #expect(listed.code == 3 && listed.output.contains("last known"))
        #expect(try troop.command("a", "flags", "off", "new-ui").code == 3)

        // A restart without Redis: the copy on disk.
        _ = try troop.terminateAgent("b")
        try troop.startAgent("b")
        let isCached = await eventually(within: 20_000) {
            (try? evaluate(troop, "b", "new-ui")["reason"]) == .string("CACHED")
        }
        #expect(isCached, "\(troop.logs)")
        #expect(try evaluate(troop, "b", "new-ui")["value"] == .bool(true))

        // An empty Redis has lost the flags: they stay, and can be written back.
        try troop.redis.start()
        let isLost = await eventually(within: 20_000) {
            troop.status(of: "a")?.notices.contains { $0.contains("Redis has lost them") } ?? false
        }
        #expect(isLost)
        #expect(try evaluate(troop, "a", "new-ui")["value"] == .bool(true))
        let lost = try troop.command("a", "flags")
        #expect(lost.code == 1 && lost.output.contains("Redis has lost 2 definitions"), "\(lost)")

        // As the notice says: what the export prints is imported.
        let exported = try ask(troop, "a", "/v1/flagset")
        let file = "\(troop.folder)/exported.json"
        try Ensemble.write(exported.body, to: file)
        let imported = try troop.command("a", "flags", "import", file)
        #expect(
            imported.code == 0 && imported.output.contains("2 written back that Redis had lost"),
            "\(imported)")
        #expect(try troop.redis.command("HLEN", "troop:{test}:flags") == ":2\r\n")
        #expect(try troop.command("a", "flags").code == 0)
        for name in ["a", "b"] {
            let isFresh = await eventually {
                let reason = try? evaluate(troop, name, "new-ui")["reason"]
                return reason != .string("STALE") && reason != .string("CACHED") && reason != nil
            }
            #expect(isFresh)
            #expect(try evaluate(troop, name, "new-ui")["value"] == .bool(true))
        }
        #expect(try ask(troop, "a", "/v1/flagset").body == exported.body)
    }

    @Test(.timeLimit(.minutes(2))) func badInputChangesNothing() async throws {
        let troop = try await running(["a"])
        let long = String(repeating: "k", count: 300)
        for (path, method, json, why) in [
            ("/v1/flags/x", "PUT", "{", "no JSON"), ("/v1/flags/x", "PUT", "[]", "expected an object"),
            ("/v1/flags/x", "PUT", #"{"state":"ENABLED"}"#, "variants: is missing"),
            ("/v1/flags/\(long)", "PUT", FlagsTests.newUI, "may have 256"),
            ("/v1/flags/a%0Ab", "PUT", FlagsTests.newUI, "control character"),
            ("/v1/flags/$x", "PUT", FlagsTests.newUI, "begins with '$'"),
            ("/v1/flags/x?reason=a%0Ab", "PUT", FlagsTests.newUI, "control character"),
            ("/v1/flags/x", "POST", #"{"state":"on"}"#, "ENABLED or DISABLED"),
            ("/v1/flags/x", "POST", #"{"rollout":101}"#, "0 to 100"),
            ("/v1/flags/x", "POST", #"{"state":"ENABLED","rollout":1}"#, "expected JSON such as"),
            ("/v1/flags/x", "POST", #"{"rollback":true,"to":"1"}"#, "no entry of the history"),
            ("/v1/flags/$evaluators", "PUT", #"{"a":{"$ref":"a"}}"#, "refers to itself"),
            ("/v1/flagset", "POST", #"{"flags":{"x":{}}}"#, "flags.x.state"),
            ("/v1/flagset?replace=2", "POST", #"{"flags":{}}"#, "true or false"),
        ] {
            let answer = try ask(troop, "a", path, method: method, json: json)
            #expect(answer.status == 400, "\(path) \(json)")
            #expect(answer.body.contains(why), "\(answer.body)")
        }
        let huge = #"{"state":"ENABLED","variants":{"on":"\#(String(repeating: "x", count: 70_000))"}}"#
        #expect(try ask(troop, "a", "/v1/flags/x", method: "PUT", json: huge).body.contains("may have 65536"))
        for (path, method) in [
            ("/v1/flags/none", "GET"), ("/v1/flags/none", "DELETE"), ("/v1/flags/none", "POST"),
        ] {
            let answer = try ask(troop, "a", path, method: method, json: #"{"state":"ENABLED"}"#)
            #expect(answer.status == 404, "\(path) \(answer.body)")
        }
        #expect(try ask(troop, "a", "/v1/flags", method: "POST").status == 405)
        #expect(try ask(troop, "a", "/ofrep/v1/evaluate/flags").status == 405)
        #expect(try ask(troop, "a", "/v1/flag-history?count=0").status == 400)
        #expect(try troop.redis.command("EXISTS", "troop:{test}:flags") == ":0\r\n")

        // Names that are markup are names like others.
        let name = "<script>alert(1)</script> 💥/x"
        #expect(try troop.command("a", "flags", "set", name, FlagsTests.newUI).code == 0)
        #expect(try troop.command("a", "flags").output.contains("<script>alert(1)</script> 💥/x"))
        #expect(try troop.command("a", "flags", "eval", name, "-o", "json").output.contains("STATIC"))
        #expect(try troop.command("a", "flags", "delete", name).code == 0)
        #expect(try troop.command("a", "flags", "delete", name).code == 1)
    }

    @Test(.timeLimit(.minutes(2))) func peopleManageFlagsByCommand() async throws {
        let troop = try await running(["a"])
        func run(_ arguments: String...) throws -> (code: Int32?, output: String) {
            try Program.run(
                ["flags"] + arguments,
                environment: ["TROOP_SOCKET=\(try troop.member("a").socket)", "USER=kim"])
        }
        let file = "\(troop.folder)/flag.json"
        try Ensemble.write(FlagsTests.newUI, to: file)
        #expect(try run("set", "new-ui", "@\(file)", "--reason", "try it").output.contains("is there now"))
        #expect(try run("rollout", "new-ui", "12.5").code == 0)
        #expect(try run().output.contains("12.5 % on"))
        #expect(try run("off", "new-ui").code == 0)
        #expect(try run("off", "new-ui").output.contains("as before"))
        #expect(try run("eval", "new-ui", "--key", "user-2").output.contains("DISABLED"))
        #expect(try run("on", "new-ui").code == 0)
        #expect(
            try run("eval", "new-ui", "--key", "user-2", "--context", #"{"a":1}"#).output.contains("true"))
        let history = try run("history", "new-ui")
        #expect(history.output.contains("cli:kim") && history.output.contains("try it"))
        #expect(history.output.split(separator: "\n").count == 5)

        let exported = try run("export").output
        #expect(try run("delete", "new-ui").output.contains("is gone"))
        #expect(try run("rollback", "new-ui").output.contains("is there now"))
        #expect(try run("export").output == exported)
        try Ensemble.write(exported, to: file)
        #expect(try run("set", "other", FlagsTests.newUI).code == 0)
        #expect(try run("import", file, "--replace").output.contains("1 changed"))
        #expect(try run("export").output == exported)

        // Rules of one's own are not replaced by a rollout unless that is said.
        let own =
            #"{"state":"ENABLED","variants":{"on":true,"off":false},"targeting":{"if":[{"$ref":"staff"},"on","off"]}}"#
        #expect(try run("set", "own", own).output.contains("no shared rule 'staff'"))
        let staff = #"{"staff":{"ends_with":[{"var":"email"},"@faas.com"]}}"#
        #expect(try run("set", "$evaluators", staff).code == 0)
        #expect(try run("set", "own", own).code == 0)
        #expect(try evaluate(troop, "a", "own")["variant"] == .string("on"))
        #expect(try run("rollout", "own", "5", "--otherwise", "off").output.contains("--force"))
        #expect(try run("rollout", "own", "5", "--otherwise", "off", "--force").code == 0)
        #expect(try run("rollback", "own").code == 0)
        #expect(try run("delete", "$evaluators").output.contains("flags.own.targeting"))
        #expect(try run("history", "-o", "json").output.contains(#""action": "deleted""#))
        let events = try troop.redis.command("XREVRANGE", "troop:{test}:events", "+", "-", "COUNT", "5")
        #expect(events.contains("flag.changed"))
    }

    @Test(.timeLimit(.minutes(2))) func everyFlagIsEvaluatedAtOnceAndOnlyWhenSomethingChanged() async throws {
        let troop = try await running(["a"])
        #expect(try troop.command("a", "flags", "set", "one", FlagsTests.newUI).code == 0)
        #expect(try troop.command("a", "flags", "set", "two", FlagsTests.newUI).code == 0)
        func curl(_ tag: String) throws -> String {
            let log = "\(troop.folder)/curl"
            unlink(log)
            try RedisServer.runToEnd(
                [
                    "curl", "-si", "-d", "{}", "-H", "If-None-Match: \(tag)",
                    "http://127.0.0.1:\(try troop.member("a").apiPort)/ofrep/v1/evaluate/flags",
                ], log: log)
            return Program.text(of: log)
        }
        let first = try curl("\"x\"")
        #expect(
            first.hasPrefix("HTTP/1.1 200") && first.contains(#""key":"one""#)
                && first.contains(#""key":"two""#))
        let line = try #require(first.split(separator: "\r\n").first { $0.hasPrefix("ETag: ") })
        let tag = String(line.dropFirst("ETag: ".count))
        #expect(try curl("\"x\", W/\(tag)").hasPrefix("HTTP/1.1 304"))
        #expect(try troop.command("a", "flags", "rollout", "two", "50").code == 0)
        #expect(try curl(tag).hasPrefix("HTTP/1.1 200"))
    }

    @Test(
        .enabled(if: access(python, X_OK) == 0, "scripts/venv flags makes the Python environment"),
        .timeLimit(.minutes(2)))
    func anOpenFeatureClientGetsEveryKindOfValue() async throws {
        let troop = try await running(["a"])
        for (name, variants) in [
            ("boolean", #"{"on":true,"off":false}"#), ("string", #"{"on":"ä","off":"b"}"#),
            ("integer", #"{"on":7,"off":8}"#), ("float", #"{"on":1.0,"off":2.5}"#),
            ("object", #"{"on":{"a":[1,{"b":null}]},"off":{}}"#),
        ] {
            let definition =
                #"{"state":"ENABLED","variants":\#(variants),"defaultVariant":"off","targeting":{"if":[{"==":[{"var":"plan"},"premium"]},{"fractional":[["on",50],["off",50]]},null]}}"#
            #expect(try troop.command("a", "flags", "set", name, definition).code == 0)
        }
        let own = #"{"state":"DISABLED","variants":{"on":true,"off":false}}"#
        #expect(try troop.command("a", "flags", "set", "disabled", own).code == 0)
        let lines = """
            boolean boolean user-1
            string string user-1
            integer integer user-1
            float float user-1
            object object user-1
            boolean disabled user-1
            boolean nothing user-1
            boolean string user-1
            """
        try Ensemble.write(lines + "\n", to: "\(troop.folder)/asked")
        let log = "\(troop.folder)/answers"
        try RedisServer.runToEnd(
            [
                FlagsTests.python, Repository.path("Tests/EndToEnd/Flags/client.py"),
                "http://127.0.0.1:\(try troop.member("a").apiPort)", "\(troop.folder)/asked",
            ], log: log)
        let answers = try Program.text(of: log).split(separator: "\n").filter { $0.hasPrefix("{") }
            .map { try JSONReader.read(Array($0.utf8)).members ?? JSONObject() }
        try #require(answers.count == 8, "\(Program.text(of: log))")
        for (index, kind) in ["boolean", "string", "integer", "float", "object"].enumerated() {
            let direct = try evaluatePremium(troop, kind)
            #expect(answers[index]["value"] == direct["value"], "\(kind)")
            #expect(answers[index]["variant"] == direct["variant"], "\(kind)")
            #expect(answers[index]["reason"] == .string("TARGETING_MATCH"), "\(kind)")
            #expect(answers[index]["error"] == .null, "\(kind)")
        }
        #expect(answers[5]["value"] == .bool(false) && answers[5]["reason"] == .string("DISABLED"))
        #expect(answers[6]["error"] == .string("FLAG_NOT_FOUND"))
        #expect(answers[7]["error"] == .string("TYPE_MISMATCH"))
    }

    private func evaluatePremium(_ troop: Ensemble, _ flag: String) throws -> JSONObject {
        let answer = try ask(
            troop, "a", "/ofrep/v1/evaluate/flags/\(flag)", method: "POST",
            json: #"{"context":{"targetingKey":"user-1","plan":"premium"}}"#)
        return try JSONReader.read(Array(answer.body.utf8)).members ?? JSONObject()
    }
}
