import Fixtures
import Linux
import Logging
import Store
import Synchronization
import Testing

@testable import Metrics
@testable import Peer

/// How an agent asks others for the history of many hosts.
@Suite(.timeLimit(.minutes(2))) struct HistoryFetchTests {
    /// Keeps what was logged.
    private struct Lines: LogHandler {
        let record = Record<String>()
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let details = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted()
            record.add(([event.message.description] + details).joined(separator: " "))
        }
    }

    private let start = Instant(nanoseconds: 1_000_000_000_000)
    private let wall: Int64 = 1_763_900_000_000
    private let names = (1...5).map { "web-\($0)" }

    private func book(_ names: [String], seq: Int, at now: Instant) -> HostBook {
        var book = HostBook()
        book.take(
            names.map {
                HostBook.Line(name: $0, fields: ["seq": "\(seq)", "cpu": "0.75"], ageByStore: 0)
            }, at: now)
        return book
    }

    /// An agent that remembers 30 seconds of the hosts, or of none, and answers what `refusal` does not.
    private func peer(
        _ host: String, knows: Bool = true, refusal: @escaping @Sendable (Request) -> Response?
    ) throws -> (server: HTTPServer, peer: HistoryFetch.Peer) {
        let keeper = HistoryKeeper(budgetBytes: 1 << 20)
        var now = start
        for second in 0..<30 where knows {
            now = start.advanced(milliseconds: Int64(second) * 1000)
            keeper.note(book(names, seq: second, at: now), latencies: [], at: now)
        }
        let (last, wall) = (now, wall)
        let server = try HTTPServer(named: "test-history") { request in
            if let refusal = refusal(request) { return refusal }
            let words = request.path.split(separator: "/").map(String.init)
            guard words.count == 4, let query = try? HistoryQuery(request.query, nowMilliseconds: wall),
                let answer = keeper.answer(words[2], query, at: last, wallMilliseconds: wall)
            else { return .error(404, "nothing") }
            return .json(200, answer)
        }
        let address = try SocketAddress("127.0.0.1:\(try RedisServer.freePort())")
        try server.listen(tcp: address)
        try server.start()
        return (server, HistoryFetch.Peer(host: host, api: address))
    }

    /// What is logged at the end of asking these.
    private func ask(_ peers: [HistoryFetch.Peer], patienceMilliseconds: Int64 = 60_000) async -> String? {
        let keeper = HistoryKeeper(budgetBytes: 1 << 20)
        let now = Instant.now()
        keeper.note(book(names, seq: 1, at: now), latencies: [], at: now)
        let lines = Lines()
        let fetch = HistoryFetch(
            keeper: keeper, token: nil, log: Logger(label: "test") { _ in lines },
            patienceMilliseconds: patienceMilliseconds)
        fetch.begin(peers)
        _ = await eventually(within: 30_000) { !lines.record.all.isEmpty }
        return lines.record.all.first
    }

    @Test func whoIsAskedTooOftenIsAskedAgain() async throws {
        let asked = Atomic(0)
        let (server, peer) = try peer("old") { _ in
            let number = asked.wrappingAdd(1, ordering: .relaxed).newValue
            return (3...6).contains(number) ? .error(429, "less often") : nil
        }
        defer { server.stop() }
        let line = try #require(await ask([peer]))
        #expect(line.hasPrefix("history is filled from=old rows="), "\(line)")
        #expect(asked.load(ordering: .relaxed) == 2 * names.count + 4)
    }

    @Test func whatTheTimeDidNotSufficeForIsTold() async throws {
        let asked = Atomic(0)
        let (server, peer) = try peer("old") { _ in
            asked.wrappingAdd(1, ordering: .relaxed).newValue > 4 ? .error(429, "less often") : nil
        }
        defer { server.stop() }
        let line = try #require(await ask([peer], patienceMilliseconds: 2500))
        #expect(line.hasPrefix("history is filled in part from=old hosts=5 hosts_left=3 rows="), "\(line)")
        #expect(line.hasSuffix("the time is up"), "\(line)")
    }

    /// What one agent cannot tell the next one is asked for.
    @Test func theNextIsAskedForWhatIsLeft() async throws {
        let (first, one) = try peer("one") { request in
            request.path.contains("web-1") || request.path.contains("web-2") ? nil : .error(500, "broken")
        }
        defer { first.stop() }
        let asked = Record<String>()
        let (second, two) = try peer("two") { request in
            asked.add(request.path)
            return nil
        }
        defer { second.stop() }
        let line = try #require(await ask([one, two]))
        #expect(line.hasPrefix("history is filled from=one,two rows="), "\(line)")
        #expect(Set(asked.all) == Set((3...5).map { "/v1/hosts/web-\($0)/history" }))
    }

    @Test func whoKeepsNoHistoryIsNotAskedForLong() async throws {
        let (empty, one) = try peer("one", knows: false) { _ in nil }
        defer { empty.stop() }
        let (full, two) = try peer("two") { _ in nil }
        defer { full.stop() }
        let line = try #require(await ask([one, two]))
        #expect(line.hasPrefix("history is filled from=two rows="), "\(line)")
        #expect(await ask([one]) == "history starts empty why=no agent remembers more")
    }

    @Test func whatIsMissingForAFillIsSaid() async throws {
        let line = try #require(await ask([]))
        #expect(line.contains("api.listen") && line.contains("api.token_file"), "\(line)")
    }
}
