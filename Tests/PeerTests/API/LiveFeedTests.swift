import Fixtures
import Glibc
import Synchronization
import Testing

@testable import Peer

/// The live stream over a real socket, with a made-up status behind it.
@Suite struct LiveFeedTests {
    /// A feed behind a server, and the status that it tells.
    private final class Station: Sendable {
        let path = "/tmp/troop-live-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
        let feed: LiveFeed
        private let board: Board
        private let server: HTTPServer

        init(
            sections: [LiveFeed.Section] = [],
            ask: @escaping @Sendable (Request) async -> Response = { _ in .error(404, "no such path") }
        ) throws {
            let board = Board(try Station.status())
            let feed = LiveFeed(status: { board.status }, ask: ask, run: "run", sections: sections)
            server = try HTTPServer(named: "test") { await feed.answer($0) }
            self.board = board
            self.feed = feed
            try server.listen(socket: path)
            try server.start()
        }

        deinit { server.stop() }

        /// Changes the status.
        func tell(_ notice: String) { board.tell(notice) }

        /// A client that has asked for the stream; `last` is the id that it heard last.
        func reader(method: String = "GET", after last: String? = nil) throws -> HTTPClient {
            let client = try HTTPClient(path)
            let field = last.map { "Last-Event-ID: \($0)\r\n" } ?? ""
            #expect(client.send("\(method) /v1/stream HTTP/1.1\r\nHost: x\r\n\(field)\r\n"))
            return client
        }

        private static func status() throws -> Status {
            try JSONForm.document(
                Status.self,
                from: Array(
                    #"{"cluster":"c","store":{"reachable":true},"agent":{"host":"a","version":"1","election":"leader","serving":true,"proxy":"p"},"hosts":[],"servers":[],"notices":[]}"#
                        .utf8))
        }
    }

    private final class Board: Sendable {
        private let current: Mutex<Status>

        init(_ status: Status) { current = Mutex(status) }

        var status: Status { current.withLock { $0 } }

        func tell(_ notice: String) { current.withLock { $0.notices.append(notice) } }
    }

    /// The answer of a route, which may become another.
    private final class Route: Sendable {
        private let current: Mutex<Response>

        init(_ answer: Response) { current = Mutex(answer) }

        var answer: Response { current.withLock { $0 } }

        func become(_ answer: Response) { current.withLock { $0 = answer } }
    }

    private static let greeting = "\r\n\r\nretry: 2000\n\n"

    @Test(.timeLimit(.minutes(1))) func aReaderGetsEverythingAndThenWhatChanges() async throws {
        let station = try Station()
        try await HTTPClient.apart {
            let reader = try station.reader()
            let first = reader.text(until: "}\n\n")
            #expect(first.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"))
            #expect(
                first.contains("\(Self.greeting)event: snapshot\nid: run-0\ndata: {\"at_ms\":"), "\(first)")
            station.tell("one")
            let second = reader.text(until: "}\n\n")
            #expect(second.contains("event: change\nid: run-1\ndata: {\"at_ms\":"), "\(second)")
            #expect(second.contains(#""notices":["one"]"#), "\(second)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func whoComesBackGetsOnlyWhatWasMissed() async throws {
        let station = try Station()
        try await HTTPClient.apart {
            let reader = try station.reader()
            _ = reader.text(until: "id: run-0\n")
            station.tell("one")
            _ = reader.text(until: "id: run-1\n")
            station.tell("two")
            _ = reader.text(until: "id: run-2\n")

            let late = try station.reader(after: "run-1").text(until: "}\n\n")
            #expect(late.contains("\(Self.greeting)event: change\nid: run-2\n"), "\(late)")
            #expect(!late.contains("snapshot") && !late.contains("id: run-1\n"), "\(late)")

            // Nothing was missed: nothing comes but what is told from now on.
            let latest = try station.reader(after: "run-2")
            #expect(latest.text(until: Self.greeting).contains(Self.greeting))
            station.tell("three")
            let news = latest.text(until: "id: run-3\n")
            #expect(!news.contains("snapshot") && !news.contains("id: run-2\n"), "\(news)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func aSectionThatCannotBeReadKeepsItsValueAndIsCalledOld() async throws {
        let route = Route(.json(200, ["flags": ["x"]]))
        let section = LiveFeed.Section(name: "flags", path: "/v1/flags")
        let station = try Station(sections: [section]) { _ in route.answer }
        try await HTTPClient.apart {
            let reader = try station.reader()
            let first = reader.text(until: "}\n\n")
            #expect(first.contains(#""sections":{"flags":{"flags":["x"]}},"stale":{}}"#), "\(first)")
            route.become(.error(503, "Redis cannot be reached"))
            let second = reader.text(until: "}\n\n")
            let told = #""stale":{"flags":{"error":"Redis cannot be reached","read_at_ms":1"#
            #expect(second.contains(told) && !second.contains("sections"), "\(second)")
            // Who comes now gets the last value, and the mark with it.
            let late = try station.reader().text(until: "}\n\n")
            #expect(late.contains(#"{"flags":["x"]}"#) && late.contains(told), "\(late)")
            route.become(.json(200, ["flags": ["y"]]))
            let third = reader.text(until: "}\n\n")
            #expect(third.contains(#""sections":{"flags":{"flags":["y"]}},"stale":{}}"#), "\(third)")
            // What is not there is gone; a failure after that has nothing to show.
            route.become(.error(404, "no such path"))
            let fourth = reader.text(until: "}\n\n")
            #expect(fourth.contains(#""sections":{"flags":null}"#), "\(fourth)")
            route.become(Response(status: 500, contentType: "text/plain", body: []))
            let fifth = reader.text(until: "}\n\n")
            #expect(
                fifth.contains(#""stale":{"flags":{"error":"the agent answers 500","read_at_ms":null}}"#),
                "\(fifth)")
        }
    }

    /// What changes while nobody reads is found by who comes back.
    @Test(.timeLimit(.minutes(1))) func whoComesBackAloneGetsWhatWasMissed() async throws {
        let station = try Station()
        try await HTTPClient.apart {
            _ = try station.reader().text(until: "id: run-0\n")
            station.tell("one")
            let back = try station.reader(after: "run-0").text(until: "id: run-1\n")
            #expect(back.contains(Self.greeting) && !back.contains("snapshot"), "\(back)")
        }
    }

    /// An id of another run, or of a change that is still to come, stands for nothing that this agent knows.
    @Test(.timeLimit(.minutes(1)), arguments: ["other-0", "run-7", "run", "x"])
    func whoComesFromElsewhereGetsEverything(_ last: String) async throws {
        let station = try Station()
        try await HTTPClient.apart {
            let text = try station.reader(after: last).text(until: "}\n\n")
            #expect(text.contains("\(Self.greeting)event: snapshot\nid: run-0\n"), "\(text)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func aStreamWithoutNewsSaysThatItLives() async throws {
        let station = try Station()
        try await HTTPClient.apart {
            let text = try station.reader().text(until: ": nothing new\n\n")
            #expect(text.hasSuffix("}\n\n: nothing new\n\n"), "\(text)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func readersAreBoundedAndAPlaceIsFreeAgain() async throws {
        let station = try Station()
        // Places that are taken: these have not got their snapshot yet.
        for _ in 1..<LiveFeed.readersMax {
            #expect(await station.feed.answer(.get(LiveFeed.path)).status == 200)
        }
        try await HTTPClient.apart {
            // The last place.
            let last = try station.reader()
            _ = last.text(until: "id: run-0\n")
            for method in ["GET", "HEAD"] {
                let refused = try station.reader(method: method).text(until: "\r\n\r\n")
                #expect(refused.hasPrefix("HTTP/1.1 503 "), "\(refused)")
                #expect(refused.contains("\r\nRetry-After: 10\r\n"), "\(refused)")
            }
            withExtendedLifetime(last) {}
        }
        // That reader has left: the next change finds out.
        let isFree = try await eventually {
            station.tell("news")
            return try await HTTPClient.apart {
                usleep(100_000)
                return try station.reader().text(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 ")
            }
        }
        #expect(isFree)
    }

    @Test(.timeLimit(.minutes(1))) func onlyReadingIsAllowed() async throws {
        let station = try Station()
        try await HTTPClient.apart {
            let refused = try station.reader(method: "DELETE").text(until: "}\n")
            #expect(refused.hasPrefix("HTTP/1.1 405 ") && refused.contains("\r\nAllow: GET, HEAD\r\n"))
            let head = try station.reader(method: "HEAD").text(until: "\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"), "\(head)")
        }
    }
}
