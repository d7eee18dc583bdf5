import Fixtures
import Flags
import Testing
import Transfer

/// What changes something is asked for through the socket, with a body that makes sense; else nothing changes.
@Suite struct APIWriteTests {
    /// A route that changes something, or starts something.
    private struct Route: Sendable {
        let method: String
        /// As docs/openapi.json names it.
        let name: String
        /// A body that would be carried out; nil where none is read.
        var body: String?
        var query = ""
    }

    private static let flag =
        #"{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off"}"#

    private static let routes = [
        Route(method: "POST", name: "/v1/servers", body: #"{"address":"127.0.0.1:9","state":"out"}"#),
        Route(method: "DELETE", name: "/v1/servers/{address}"),
        Route(method: "POST", name: "/v1/switchover", body: #"{"reason":"a try"}"#),
        Route(method: "POST", name: "/v1/pause", body: #"{"reason":"a try"}"#),
        Route(method: "POST", name: "/v1/resume", body: #"{"reason":"a try"}"#),
        Route(method: "POST", name: "/v1/upgrade", body: #"{"binary":"/bin/true"}"#),
        Route(method: "POST", name: "/v1/remedies", body: #"{"do":"hold","target":"a"}"#),
        Route(method: "POST", name: "/v1/provider/test"),
        Route(method: "PUT", name: "/v1/flags/{key}", body: flag.replacing("\"off\"}", with: "\"on\"}")),
        Route(method: "POST", name: "/v1/flags/{key}", body: #"{"state":"DISABLED"}"#),
        Route(method: "DELETE", name: "/v1/flags/{key}"),
        Route(method: "POST", name: "/v1/flagset", body: #"{"flags":{}}"#, query: "?replace=true"),
    ]

    /// What people and elections decided. Reports and live numbers change all the time.
    private static let looks = [
        ("HGETALL", "servers"), ("GET", "servers:gen"), ("HGETALL", "flags"), ("XLEN", "flags:history"),
        ("HGETALL", "config"), ("XLEN", "commands"), ("KEYS", "command:*"), ("ZCARD", "ops"),
        ("XLEN", "ops:history"), ("ZCARD", "ops:opened"), ("GET", "lease"), ("XLEN", "history"),
        ("EXISTS", "handover"),
    ]

    private func holdings(_ troop: Ensemble) throws -> [String] {
        try APIWriteTests.looks.map { word, key in try troop.redis.command(word, "troop:{test}:\(key)") }
    }

    /// Asks agent `a`; the status, and the sentence of a JSON error.
    private func ask(
        _ troop: Ensemble, _ route: Route, body: String?, overTCP: Bool
    ) throws -> (status: Int, error: String?) {
        let member = try troop.member("a")
        let path =
            route.name.replacing("{address}", with: "127.0.0.1:\(member.appPort)")
            .replacing("{key}", with: "ui") + route.query
        let host = overTCP ? "127.0.0.1:\(member.apiPort)" : "localhost"
        var transfer = Transfer(url: "http://\(host)\(path)")
        if !overTCP { transfer.socket = member.socket }
        transfer.method = route.method
        transfer.json = Array((body ?? "").utf8)
        let answer = try transfer.perform()
        let document = try? JSONReader.read(answer.body)
        return (answer.status, document?.members?["error"]?.text)
    }

    /// The routes that docs/openapi.json has for more than reading. Evaluations change nothing.
    private func described() throws -> Set<String> {
        let text = Program.text(of: Repository.path("docs/openapi.json"))
        let paths = try #require(try JSONReader.read(Array(text.utf8)).members?["paths"]?.members)
        var names: Set<String> = []
        for path in paths.members where !path.name.hasPrefix("/ofrep/") {
            for member in path.value.members?.members ?? []
            where ["post", "put", "patch", "delete"].contains(member.name) {
                names.insert("\(member.name.uppercased()) \(path.name)")
            }
        }
        return names
    }

    @Test func noRouteIsForgottenHere() throws {
        let known = Set(APIWriteTests.routes.map { "\($0.method) \($0.name)" })
        #expect(try described() == known)
    }

    @Test(.timeLimit(.minutes(2))) func nothingChangesByTCPOrByABodyThatMakesNoSense() async throws {
        let troop = try Ensemble(["a"])
        try troop.redis.command("HSET", "troop:{test}:flags", "ui", APIWriteTests.flag)
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 1) }
        try #require(isUp, "\(troop.logs)")
        let before = try holdings(troop)
        #expect(before.contains { $0.contains("ENABLED") } && !before.contains { $0.hasPrefix("-") })

        for route in APIWriteTests.routes {
            let answer = try ask(troop, route, body: route.body, overTCP: true)
            #expect(answer.status == 403, "\(route.method) \(route.name)")
            #expect(answer.error?.contains("read-only") == true, "\(route.method) \(route.name)")
            #expect(try holdings(troop) == before, "\(route.method) \(route.name)")
        }
        let check = Route(method: "GET", name: "/v1/check")
        #expect(try ask(troop, check, body: nil, overTCP: true).status == 403)

        for route in APIWriteTests.routes where route.body != nil {
            for body in ["{", "[]", #"{"stranger":"x"}"#] {
                let answer = try ask(troop, route, body: body, overTCP: false)
                #expect(answer.status == 400, "\(route.method) \(route.name) \(body)")
                #expect(answer.error?.isEmpty == false, "\(route.method) \(route.name) \(body)")
                #expect(try holdings(troop) == before, "\(route.method) \(route.name) \(body)")
            }
        }
        // Nor is a remedy asked for that no leader could carry out, or anything with a name that is misspelt.
        let remedies = Route(method: "POST", name: "/v1/remedies")
        for body in [
            #"{"do":"mode","target":"nurse"}"#, #"{"do":"gift","value":"abc"}"#, #"{"do":"hold"}"#,
            #"{"do":"cancel","target":""}"#, #"{"do":"drain","target":"a","value":"1"}"#,
        ] {
            let answer = try ask(troop, remedies, body: body, overTCP: false)
            #expect(answer.status == 400 && answer.error?.isEmpty == false, "\(body)")
            #expect(try holdings(troop) == before, "\(body)")
        }
        for var route in APIWriteTests.routes {
            route.query = "?reson=a%20try"
            let answer = try ask(troop, route, body: route.body, overTCP: false)
            #expect(answer.status == 400, "\(route.method) \(route.name)")
            #expect(
                answer.error?.hasPrefix("there is no parameter 'reson'") == true,
                "\(route.method) \(route.name)")
            #expect(try holdings(troop) == before, "\(route.method) \(route.name)")
        }
        #expect(try troop.agent("a").exitCode == nil)

        // What was refused by TCP is done through the socket.
        let change = try #require(APIWriteTests.routes.first { $0.method == "PUT" })
        let done = try ask(troop, change, body: change.body, overTCP: false)
        #expect(done.status == 200, "\(done.error ?? "")")
        #expect(try holdings(troop) != before)
    }
}
