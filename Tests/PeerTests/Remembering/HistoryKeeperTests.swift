import Fixtures
import Linux
import Logging
import Store
import Testing

@testable import Metrics
@testable import Peer

/// The history of hosts as the agent keeps it, answers it and takes it over.
@Suite(.timeLimit(.minutes(2))) struct HistoryKeeperTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)
    private let wall: Int64 = 1_763_900_000_000

    private func book(_ names: [String], cpu: Double, seq: Int, api: String? = nil, at now: Instant)
        -> HostBook
    {
        var book = HostBook()
        book.take(
            names.map { name in
                var fields = ["seq": "\(seq)", "cpu": "\(cpu)", "memory_used": "0.5"]
                fields["api"] = api
                return HostBook.Line(name: name, fields: fields, ageByStore: 0)
            }, at: now)
        return book
    }

    private func keeper(seconds: Int64, cpu: Double = 0.25) -> (HistoryKeeper, Instant) {
        let keeper = HistoryKeeper(budgetBytes: 1 << 20)
        var now = start
        for second in 0..<seconds {
            now = start.advanced(milliseconds: second * 1000)
            keeper.note(
                book(["a"], cpu: cpu, seq: Int(second), at: now),
                latencies: [
                    ("10.0.0.1:80", "a", 2, 9), ("10.0.0.1:81", "a", 5, 7), ("10.0.0.9:80", "", 1, 1),
                ], at: now)
        }
        return (keeper, now)
    }

    private func query(_ text: [String: String]) throws -> HistoryQuery {
        try HistoryQuery(text, nowMilliseconds: wall)
    }

    @Test func whatWasReportedIsAnswered() throws {
        let (keeper, now) = keeper(seconds: 20)
        let answer = try #require(
            keeper.answer("a", try query(["from": "19s"]), at: now, wallMilliseconds: wall))
        #expect(answer.stepMs == 1000 && answer.fineStepMs == 1000 && answer.coarseStepMs == 60_000)
        #expect(answer.nowMs == wall && answer.fromMs == wall - 19_000 && answer.sinceMs == wall - 19_000)
        #expect(answer.series["cpu"] == Array(repeating: 0.25, count: 20))
        #expect(answer.series["load1"] == Array(repeating: nil, count: 20))
        let slowest = try #require(answer.series["latency_p50"]?.last ?? nil)
        #expect(abs(slowest - 5) < 0.01, "of two servers the slower")
        #expect(keeper.hosts == ["10.0.0.9:80", "a"], "a server on no host has its own")
        #expect(keeper.answer("b", try query([:]), at: now, wallMilliseconds: wall) == nil)
        let some = try #require(
            keeper.answer(
                "a", try query(["series": "cpu,memory", "step": "10s"]), at: now, wallMilliseconds: wall))
        #expect(Set(some.series.keys) == ["cpu", "memory"] && some.stepMs == 10_000)
        let json = try #require(JSONForm.bytes(answer))
        #expect(try JSONForm.document(HistoryAnswer.self, from: json) == answer)
        #expect(String(decoding: json, as: UTF8.self).contains("\"pressure_cpu\":[null,"))
    }

    @Test func aSilentHostHasGaps() throws {
        let (keeper, last) = keeper(seconds: 5)
        let silent = book(["a"], cpu: 0.25, seq: 4, at: last)
        let now = last.advanced(milliseconds: 5000)
        keeper.note(silent, latencies: [], at: now)
        let answer = try #require(
            keeper.answer("a", try query(["from": "9s"]), at: now, wallMilliseconds: wall))
        #expect(answer.series["cpu"]?.last == .some(nil))
    }

    @Test func theFillIsAskedForOnceAfterEachBeginning() {
        let (keeper, now) = keeper(seconds: 3)
        #expect(keeper.takesFill())
        #expect(!keeper.takesFill())
        let later = now.advanced(milliseconds: 61_000)
        keeper.note(book(["a"], cpu: 1, seq: 9, at: later), latencies: [], at: later)
        #expect(keeper.takesFill(), "a standby that led before knows nothing of the time between")
    }

    @Test(arguments: [
        ["from": "25h"], ["from": "x"], ["from": "-5"], ["from": "99999999999999999999"], ["from": "1"],
        ["from": "\(Int64.min)"], ["step": "0s"], ["step": "10"], ["step": "25h"], ["series": "cpu,evil"],
        ["series": "<script>"], ["from": ""],
    ])
    func whatMakesNoSenseIsRefused(_ text: [String: String]) {
        #expect(throws: FormFault.self) { try query(text) }
    }

    @Test func queriesAreRead() throws {
        #expect(try query([:]).ageSeconds == 900 && query([:]).series == HistorySeries.allCases)
        #expect(try query(["from": "\(wall - 60_000)"]).ageSeconds == 60)
        #expect(try query(["step": "1500ms"]).stepSeconds == 2)
        #expect(try query(["series": "cpu,cpu"]).series == [.cpu])
    }

    @Test func answersThatMakeNoSenseFillNothing() throws {
        let (keeper, now) = keeper(seconds: 3)
        var answer = try #require(keeper.answer("a", try query([:]), at: now, wallMilliseconds: wall))
        answer.fromMs = .min
        #expect(answer.columns(now: 5) == nil)
        answer.fromMs = wall + 5000
        #expect(answer.columns(now: 5) == nil)
        answer.fromMs = wall - 1000
        answer.stepMs = 0
        #expect(answer.columns(now: 5) == nil)
        answer.stepMs = 1000
        answer.series = ["cpu": Array(repeating: 1, count: 100_000), "evil": [1]]
        #expect(answer.columns(now: 5)?.count == 0)
        #expect(keeper.fill("a", with: answer, from: "b", at: now) == 0)
    }

    @Test func theLeaderIsAskedFirstAndOnlyWhoCanBeReached() throws {
        var book = HostBook()
        func line(_ name: String, _ api: String?) -> HostBook.Line {
            var fields = ["seq": "1"]
            fields["api"] = api
            return HostBook.Line(name: name, fields: fields, ageByStore: name == "old" ? 60_000 : 0)
        }
        book.take(
            [
                line("a", "10.0.0.1:7117"), line("b", "10.0.0.2:7117"), line("c", nil),
                line("d", "evil/../x:1"),
                line("e", "[fd00::5]:7117"), line("f", "10.0.0.6:7117"), line("old", "10.0.0.7:7117"),
            ], at: start)
        let peers = HistoryFetch.peers(of: "a", leader: "f", in: book, at: start)
        // The leader, then by the order in which hosts stand for election: the first of them remember.
        let others = ["b", "e"].sorted { Candidacy.rank($0) < Candidacy.rank($1) }
        #expect(peers.map(\.host) == ["f"] + others)
    }

    @Test func aNewAgentLearnsWhatAnotherRemembers() async throws {
        let (old, oldNow) = keeper(seconds: 30, cpu: 0.75)
        let wall = wall
        let server = try HTTPServer(named: "test-history") { request in
            guard let query = try? HistoryQuery(request.query, nowMilliseconds: wall),
                request.fields["authorization"] == "Bearer secret", request.path == "/v1/hosts/a/history",
                let answer = old.answer("a", query, at: oldNow, wallMilliseconds: wall)
            else { return .error(404, "nothing") }
            return .json(200, answer)
        }
        let port = try RedisServer.freePort()
        let address = try SocketAddress("127.0.0.1:\(port)")
        try server.listen(tcp: address)
        try server.start()
        defer { server.stop() }
        let new = HistoryKeeper(budgetBytes: 1 << 20)
        let now = Instant.now()
        new.note(book(["a"], cpu: 0.1, seq: 1, at: now), latencies: [], at: now)
        let dead = try SocketAddress("127.0.0.1:\(RedisServer.freePort())")
        let fetch = HistoryFetch(keeper: new, token: Secret("secret"), log: Logger(label: "test"))
        fetch.begin([.init(host: "dead", api: dead), .init(host: "old", api: address)])
        let answered = await eventually(within: 20_000) {
            let answer = new.answer(
                "a", HistoryQuery.lastMinute, at: .now(), wallMilliseconds: wall)
            return answer?.filledFrom == "old" && answer?.series["cpu"]?.contains(0.75) ?? false
        }
        #expect(answered)
        // And one that nobody can tell anything begins empty, without a fault.
        HistoryFetch(keeper: new, token: nil, log: Logger(label: "test")).begin([])
    }
}

extension HistoryQuery {
    fileprivate static let lastMinute: HistoryQuery = {
        guard let query = try? HistoryQuery(["from": "1m"], nowMilliseconds: 0) else {
            preconditionFailure("1m is a duration")
        }
        return query
    }()
}
