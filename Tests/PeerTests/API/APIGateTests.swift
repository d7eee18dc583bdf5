import Linux
import Store
import Testing

@testable import Peer

@Suite struct APIGateTests {
    private func gate(_ names: [String] = [], token: String? = nil) -> APIGate {
        APIGate(names: names, token: token.map { Secret($0) }) { _ in .text(200, "answered") }
    }

    private func request(
        _ path: String = "/v1/status", host: String? = "localhost:7117", door: Request.Door = .tcp,
        authorization: String? = nil, from client: String = "10.0.0.1:5000"
    ) throws -> Request {
        var request = Request.get(path, door: door)
        request.host = host
        request.client = try SocketAddress(client)
        if let authorization { request.fields["authorization"] = authorization }
        return request
    }

    @Test(arguments: [
        ("localhost", 200), ("LOCALHOST:80", 200), ("app.localhost", 200), ("127.0.0.1:7117", 200),
        ("[::1]:7117", 200),
        ("10.1.2.3", 200), ("[fd00::9]", 200), ("web-1", 200), ("Web-1.:7117", 200), ("evil.example", 421),
        ("127.0.0.1.evil.example", 421), ("localhost.evil.example", 421), ("", 421), ("web-1x", 421),
        ("[", 421),
        ("127.0.0.1x", 421), ("1.2.3", 421),
    ]) func namesAreKnownOrRefused(_ host: String, _ status: Int) async throws {
        #expect(await gate(["web-1"]).answer(try request(host: host)).status == status)
        #expect(await gate(["web-1"]).answer(try request("/ready", host: host)).status == 200)
        #expect(await gate(["web-1"]).answer(try request(host: host, door: .socket)).status == 200)
    }

    @Test(
        arguments: [
            (nil, 401), ("Bearer secret", 200), ("bearer secret", 200), ("Bearer secre", 401),
            ("Bearer secrets", 401),
            ("Bearer ", 401), ("Basic secret", 401), ("secret", 401), ("Bearer secretsecret", 401),
        ] as [(String?, Int)]) func theTokenIsAskedFor(_ field: String?, _ status: Int) async throws
    {
        let gate = gate(token: "secret")
        let answer = await gate.answer(try request(authorization: field))
        #expect(answer.status == status)
        #expect(answer.fields.contains { $0.name == "WWW-Authenticate" } == (status == 401))
        #expect(await gate.answer(try request("/health", authorization: field)).status == 200)
        #expect(await gate.answer(try request("/", authorization: field)).status == 200)
        #expect(await gate.answer(try request("/metrics", authorization: field)).status == status)
        #expect(await gate.answer(try request(door: .socket, authorization: field)).status == 200)
    }

    @Test func aClientThatAsksTooOftenIsToldAndNobodyElse() async throws {
        let gate = gate()
        var statuses: [Int] = []
        // Tokens come back meanwhile; the surplus is far more than any test run's length brings.
        for _ in 0..<20_000 {
            statuses.append(await gate.answer(try request()).status)
            if statuses.last == 429 { break }
        }
        #expect(statuses.count > Int(ClientRates.burst))
        let refused = await gate.answer(try request())
        #expect(refused.status == 429 || refused.status == 200)
        #expect(statuses.last == 429)
        #expect(await gate.answer(try request(from: "10.0.0.2:5000")).status == 200)
        #expect(await gate.answer(try request("/ready")).status == 200)
        #expect(await gate.answer(try request("/ofrep/v1/evaluate/flags/x")).status == 200)
    }

    /// What is answered on the server's own thread stands behind the same gate.
    @Test func quickAnswersAreNoWayAroundTheGate() throws {
        let gate = APIGate(
            names: [], token: Secret("secret"), quick: { _ in .text(200, "quick") },
            handler: { _ in .text(200, "slow") })
        let flag = "/ofrep/v1/evaluate/flags/x"
        let answer = try #require(gate.quickAnswer(try request(flag, authorization: "Bearer secret")))
        #expect(answer.status == 200)
        #expect(answer.fields.contains { $0.name == "Content-Security-Policy" })
        #expect(gate.quickAnswer(try request(flag))?.status == 401)
        let named = try request(flag, host: "evil.example", authorization: "Bearer secret")
        #expect(gate.quickAnswer(named)?.status == 421)
        #expect(gate.quickAnswer(try request(authorization: "Bearer secret"))?.status == nil)
    }

    @Test func bucketsFillWithTimeAndNeverOverflow() throws {
        let rates = ClientRates()
        let client = try SocketAddress("[fd00::1]:1")
        let neighbour = try SocketAddress("[fd00::2]:1")
        let stranger = try SocketAddress("[fd00:0:0:1::2]:1")
        let start = Instant(nanoseconds: 1)
        for _ in 0..<Int(ClientRates.burst) { #expect(rates.admits(client, at: start)) }
        #expect(!rates.admits(client, at: start))
        #expect(!rates.admits(neighbour, at: start), "one network of 64 bits is one client")
        #expect(rates.admits(stranger, at: start))
        let later = start.advanced(milliseconds: 1000)
        for _ in 0..<Int(ClientRates.perSecond) { #expect(rates.admits(client, at: later)) }
        #expect(!rates.admits(client, at: later))
        let rested = later.advanced(milliseconds: 3_600_000)
        for _ in 0..<Int(ClientRates.burst) { #expect(rates.admits(client, at: rested)) }
        #expect(!rates.admits(client, at: rested))
    }

    @Test func theTableOfClientsIsBounded() throws {
        let rates = ClientRates()
        let now = Instant(nanoseconds: 1)
        for number in 0..<20_000 {
            #expect(
                rates.admits(
                    try SocketAddress("10.\(number >> 16).\(number >> 8 & 255).\(number & 255):1"), at: now))
        }
        #expect(rates.clients <= ClientRates.clientsMax)
    }

    @Test func browsersAreBound() async throws {
        let gate = APIGate(names: [], token: nil) { DashboardFiles.answer($0.path) ?? .text(404, "") }
        let page = await gate.answer(try request("/"))
        let fields = Dictionary(page.fields.map { ($0.name, $0.value) }) { first, _ in first }
        let policy = fields["Content-Security-Policy"] ?? ""
        #expect(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"))
        #expect(!policy.contains("unsafe") && !policy.contains("http"))
        #expect(fields["X-Frame-Options"] == "DENY")
        #expect(page.fields.allSatisfy { !$0.name.lowercased().hasPrefix("access-control-") })
    }
}

@Suite struct DashboardFilesTests {
    @Test func thePageIsSmallAndWhole() throws {
        let page = DashboardFiles.all.filter { $0.key != "/v1/openapi.json" }
        #expect(page.values.reduce(0) { $0 + $1.body.count } <= 150 * 1024)
        for (path, file) in page {
            let text = String(decoding: file.body, as: UTF8.self)
            // Each file that another names is there, and nothing comes from elsewhere.
            for part in text.split(separator: "\"") where part.hasPrefix("/dashboard/") {
                #expect(page[String(part)] != nil, "\(path) names \(part)")
            }
            for part in text.split(separator: "\"") where part.hasPrefix("./") && part.hasSuffix(".js") {
                #expect(page["/dashboard/" + part.dropFirst(2)] != nil, "\(path) imports \(part)")
            }
            #expect(!text.contains("innerHTML") && !text.contains("insertAdjacentHTML"), "\(path)")
            #expect(!text.contains("https://"), "\(path)")
        }
    }
}
