import Fixtures
import FoundationEssentials
import Glibc
import Linux
import Peer
import Testing
import Transfer

/// The HTTP API of a running troop, as its page in `docs` promises it.
@Suite(.serialized) struct APITests {
    private func ask(_ troop: Ensemble, _ name: String, _ path: String, method: String = "GET") throws
        -> Transfer.Answer
    {
        var transfer = Transfer(url: "http://localhost\(path)")
        transfer.socket = try troop.member(name).socket
        transfer.method = method
        return try transfer.perform()
    }

    /// The same over TCP.
    private func askTCP(
        _ troop: Ensemble, _ name: String, _ path: String, method: String = "GET", json: String = ""
    ) throws -> Transfer.Answer {
        var transfer = Transfer(url: "http://127.0.0.1:\(try troop.member(name).apiPort)\(path)")
        transfer.method = method
        transfer.json = Array(json.utf8)
        return try transfer.perform()
    }

    /// The keys of a JSON object, sorted; nil when it is none.
    private func keys(_ value: JSONValue?) -> [String]? {
        guard case .object(let members) = value else { return nil }
        return members.keys.sorted()
    }

    /// Hosts long gone, and such as a wrong clock put into the future, are forgotten; keys of a wrong type are told.
    @Test(.timeLimit(.minutes(2))) func strangeHostsAreForgottenAndStrangeKeysTold() async throws {
        let troop = try Ensemble(["a", "b"])
        try troop.redis.command("ZADD", "troop:{test}:hosts", "1000", "ghost", "9999999999999", "prophet")
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 2) }
        try #require(isUp, "\(troop.logs)")
        let isForgotten = await eventually { troop.status()?.hosts.map(\.name) == ["a", "b"] }
        #expect(isForgotten)

        try troop.redis.command("DEL", "troop:{test}:hosts")
        try troop.redis.command("SET", "troop:{test}:hosts", "x")
        let isTold = await eventually {
            troop.status()?.notices.contains { $0.contains("troop:{test}:hosts is not a sorted set") }
                ?? false
        }
        #expect(isTold)
        try troop.redis.command("DEL", "troop:{test}:hosts")
        let isWhole = await eventually { troop.isUp(servers: 2) }
        #expect(isWhole)

        // A lease that no agent wrote: the proxy goes on, nobody is called leader, and the exit code says so.
        try troop.redis.command("SET", "troop:{test}:lease", "zz:abc:99999999999999")
        let isHeadless = await eventually { (try? troop.command("a", "status").code) == 2 }
        #expect(isHeadless)
        #expect(try troop.command("b", "status").output.contains("without an expiry"))
        #expect(troop.get()?.status == 200)
        try troop.redis.command("DEL", "troop:{test}:lease")
        let isMended = await eventually { troop.isUp(servers: 2) }
        #expect(isMended)
    }

    @Test(.timeLimit(.minutes(2))) func theAPIKeepsItsPage() async throws {
        let troop = try Ensemble(["a", "b"])
        try troop.startAgents()
        let isUp = await eventually(within: 20_000) { troop.isUp(servers: 2) }
        try #require(isUp, "\(troop.logs)")
        let leader = try #require(troop.status()?.leader?.host)
        let standby = leader == "a" ? "b" : "a"

        for (path, onLeader, onStandby) in [
            ("/health", 200, 200), ("/leader", 200, 503), ("/standby", 503, 200), ("/ready", 200, 503),
        ] {
            #expect(try ask(troop, leader, path).status == onLeader, "\(path)")
            #expect(try ask(troop, standby, path).status == onStandby, "\(path)")
            #expect(try askTCP(troop, standby, path).status == onStandby, "\(path)")
            #expect(try ask(troop, leader, path, method: "PUT").status == 405, "\(path)")
        }
        for route in try pageRoutes() {
            #expect(try ask(troop, leader, route).status != 404, "\(route)")
        }
        #expect(try ask(troop, leader, "/v2/status").status == 404)
        #expect(try ask(troop, leader, "/v1/history?count=0").status == 400)

        let denied = try askTCP(
            troop, leader, "/v1/servers", method: "POST", json: "{\"address\":\"127.0.0.1:9\"}")
        #expect(denied.status == 403)
        let alsoDenied = try askTCP(troop, leader, "/v1/servers/127.0.0.1:9", method: "DELETE")
        #expect(alsoDenied.status == 403)

        try await listChangesAreChecked(troop, leader)

        // A standby that could not read the lease just now knows no leader.
        var answer: JSONValue?
        let knowsLeader = try await eventually {
            let bytes = try ask(troop, standby, "/v1/status").body
            answer = try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
            return keys(answer?["leader"]) != nil
        }
        #expect(knowsLeader)
        let status = try #require(answer)
        #expect(
            keys(status) == [
                "agent", "cluster", "hosts", "leader", "notices", "operations", "servers", "store",
            ])
        #expect(keys(status["leader"]) == ["epoch", "host", "lease_age_ms"])
        #expect(keys(status["store"]) == ["age_ms", "error", "reachable"])
        let host = try #require(keys(status["hosts"]?[0]))
        for key in ["name", "address", "role", "state", "cpu", "memory", "load1", "report_age_ms"] {
            #expect(host.contains(key), "hosts[].\(key)")
        }
        let server = try #require(keys(status["servers"]?[0]))
        for key in ["address", "host", "state", "healthy", "requests", "errors", "in_flight", "latency_ms"] {
            #expect(server.contains(key), "servers[].\(key)")
        }
        #expect(keys(status["servers"]?[0]?["latency_ms"]) == ["p50", "p90", "p99"])
        let page = try pageText()
        for key in host + server + (keys(status["agent"]) ?? []) {
            #expect(page.contains("\"\(key)\":"), "docs/api.md does not show '\(key)'")
        }
    }

    /// What the socket takes and what it refuses.
    private func listChangesAreChecked(_ troop: Ensemble, _ name: String) async throws {
        func post(_ json: String) throws -> (status: Int, body: String) {
            var transfer = Transfer(url: "http://localhost/v1/servers")
            transfer.socket = try troop.member(name).socket
            transfer.method = "POST"
            transfer.json = Array(json.utf8)
            let answer = try transfer.perform()
            return (answer.status, String(decoding: answer.body, as: UTF8.self))
        }
        for (json, why) in [
            (#"{"address":"127.0.0.1:9","wieght":5}"#, "did you mean 'weight'?"),
            (#"{"address":"0.0.0.0:9"}"#, "where a program listens"),
            (#"{"address":"[ff02::1]:9"}"#, "multicast"), (#"{"address":"127.0.0.1:0"}"#, "bad port"),
            (#"{"address":"127.0.0.1:9","reason":"a\nb"}"#, "control character"),
        ] {
            let answer = try post(json)
            #expect(answer.status == 400, "\(json)")
            #expect(answer.body.contains(why), "\(answer.body)")
        }
        let mapped = try post(#"{"address":"[::ffff:127.0.0.1]:9","state":"out"}"#)
        #expect(mapped.body.contains(#""address":"127.0.0.1:9""#), "\(mapped.body)")
        #expect(try post(#"{"address":"127.0.0.1:9"}"#).body.contains("replaced"))
        // However it is spelt, it is the same server.
        let removed = try ask(troop, name, "/v1/servers/%5B::ffff:127.0.0.1%5D:9", method: "DELETE")
        #expect(String(decoding: removed.body, as: UTF8.self).contains("removed"))
    }

    private func pageText() throws -> String {
        let text = Program.text(of: Repository.path("docs/api.md"))
        try #require(!text.isEmpty)
        return text
    }

    /// The page's `GET` routes without a placeholder, but for the stream, which has no end.
    private func pageRoutes() throws -> [String] {
        let routes = try pageText().split(separator: "| `GET ").dropFirst().map {
            String($0.prefix { $0 != "`" })
        }.filter { !$0.contains(where: \.isUppercase) && $0 != "/v1/stream" }
        try #require(routes.count >= 7)
        return routes
    }
}

/// Any JSON, for looking at the shape of an answer.
private enum JSONValue: Decodable {
    case object([String: JSONValue])
    case array([JSONValue])
    case other

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let members = try? container.decode([String: JSONValue].self) {
            self = .object(members)
        } else if let elements = try? container.decode([JSONValue].self) {
            self = .array(elements)
        } else {
            self = .other
        }
    }

    subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[key]
    }

    subscript(index: Int) -> JSONValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }
}
