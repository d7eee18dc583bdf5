import Linux

/// `GET /v1/stream`: a snapshot of the troop, then what changes, at most once a second, to any number of readers.
///
/// All readers share one reading of the status and one copy of each event. Without a reader nothing is read.
package actor LiveFeed {
    /// A further document that pages show: the route that answers it, asked within the agent.
    package struct Section: Sendable {
        package var name: String
        package var path: String
        package var query: [String: String] = [:]
    }

    /// What pages are told of a section that could not be read.
    private struct Stale: Encodable {
        var error: String
        /// When the document that is shown was read, in milliseconds since 1970; null where there is none.
        @OrNull var readAtMs: Int64?
    }

    /// The body of an error's answer.
    private struct Refusal: Decodable { var error: String }

    private let status: @Sendable () async -> Status
    private let ask: @Sendable (Request) async -> Response
    private let sections: [Section]
    private var writers: [StreamWriter] = []
    /// Readers that are let in and have not got their snapshot yet.
    private var joining = 0
    private var state: LiveState?
    private var snapshot: (id: String, event: [UInt8])?
    private var ring: ChangeRing
    private var readAt = Instant(nanoseconds: 0)
    /// When each section was read last, in milliseconds since 1970.
    private var sectionsReadAt: [String: Int64] = [:]
    private var sentAt = Instant(nanoseconds: 0)
    private var reading: Task<Void, Never>?
    private var isBeating = false

    /// Where the stream is.
    package static let path = "/v1/stream"
    /// Readers at a time; a browser has one for each open page.
    package static let readersMax = 256
    /// Between two changes, in milliseconds.
    private static let beatMilliseconds: Int64 = 1000
    /// A stream that has nothing to tell says so after this time, so that nobody takes it for dead, in milliseconds.
    private static let quietMilliseconds: Int64 = 10_000
    /// What is told of why a section could not be read, in characters.
    private static let whyCharactersMax = 300

    /// The sections that this program knows; one whose route does not exist is left out.
    package static let sections = [
        Section(name: "history", path: "/v1/history", query: ["count": "50"]),
        Section(name: "events", path: "/v1/events", query: ["count": "100"]),
        Section(name: "operations", path: "/v1/operations"),
        Section(name: "monkeys", path: "/v1/monkeys"),
        Section(name: "flags", path: "/v1/flags"),
    ]

    /// A feed; `ask` answers the sections' routes, `run` tells this run of the agent from others.
    package init(
        status: @escaping @Sendable () async -> Status,
        ask: @escaping @Sendable (Request) async -> Response, run: String,
        sections: [Section] = LiveFeed.sections
    ) {
        self.status = status
        self.ask = ask
        self.sections = sections
        ring = ChangeRing(run: run)
    }

    /// Answers a request for the stream: 503 while there are too many readers.
    package func answer(_ request: Request) -> Response {
        guard request.method == "GET" || request.method == "HEAD" else { return .notAllowed("GET, HEAD") }
        guard writers.count + joining < LiveFeed.readersMax else {
            var response = Response.error(
                503,
                "\(LiveFeed.readersMax) readers follow this agent already; try again later, or ask another agent"
            )
            response.fields.append(("Retry-After", "10"))
            return response
        }
        var response = Response(status: 200, contentType: "text/event-stream", body: [])
        guard request.method == "GET" else { return response }
        joining += 1
        let last = request.fields["last-event-id"]
        response.stream = { [self] writer in Task { await join(writer, after: last) } }
        return response
    }

    private func join(_ writer: StreamWriter, after last: String?) async {
        if Instant.now().milliseconds(since: readAt) >= LiveFeed.beatMilliseconds { await beat() }
        joining -= 1
        var greeting = Array("retry: 2000\n\n".utf8)
        if let last, let missed = ring.events(after: last) {
            greeting += missed.flatMap { $0 }
        } else {
            greeting += wholeState()
        }
        guard writer.write(greeting) else { return }
        writers.append(writer)
        if !isBeating {
            isBeating = true
            Task { await run() }
        }
    }

    private func wholeState() -> [UInt8] {
        if let snapshot, snapshot.id == ring.id { return snapshot.event }
        let json = state?.snapshot(atMs: WallClock.milliseconds()) ?? Array("{}".utf8)
        let event = ChangeRing.event("snapshot", id: ring.id, json)
        snapshot = (ring.id, event)
        return event
    }

    private func run() async {
        while !writers.isEmpty {
            let wait = LiveFeed.beatMilliseconds - Instant.now().milliseconds(since: readAt)
            if wait > 0 { try? await Task.sleep(for: .milliseconds(wait)) }
            await beat()
        }
        isBeating = false
        snapshot = nil
    }

    /// Reads everything once, for all who wait for it, and tells what changed.
    private func beat() async {
        if let reading { return await reading.value }
        let task = Task { await read() }
        reading = task
        await task.value
        reading = nil
    }

    private func read() async {
        let status = await status()
        guard let bytes = status.json else { return }
        var next = LiveState(status: bytes)
        for section in sections {
            let response = await ask(.get(section.path, query: section.query))
            switch response.status {
            case 200:
                next.sections[section.name] = LiveFeed.oneLine(response.body)
                sectionsReadAt[section.name] = WallClock.milliseconds()
            // There is no such route here, or nobody tells: what the last leader's monkeys thought is no news.
            case 404, 409: sectionsReadAt[section.name] = nil
            // The last known stays, and pages say that it is old.
            default:
                next.sections[section.name] = state?.sections[section.name]
                next.stale[section.name] = JSONForm.bytes(
                    Stale(error: LiveFeed.why(response), readAtMs: sectionsReadAt[section.name]))
            }
        }
        let now = Instant.now()
        readAt = now
        let old = state
        state = next
        guard let old else { return }
        if let change = next.change(since: old, atMs: WallClock.milliseconds()) {
            send(ring.add(change), at: now)
        } else if now.milliseconds(since: sentAt) >= LiveFeed.quietMilliseconds {
            send(Array(": nothing new\n\n".utf8), at: now)
        }
    }

    private static func why(_ response: Response) -> String {
        let told = try? JSONForm.document(Refusal.self, from: response.body)
        return String((told?.error ?? "the agent answers \(response.status)").prefix(whyCharactersMax))
    }

    private func send(_ event: [UInt8], at now: Instant) {
        sentAt = now
        writers.removeAll { !$0.write(event) }
    }

    /// A body without its last line end; one with others inside would break the stream's form. Its own age is left out:
    /// it is another each second, and the stream's.
    private static func oneLine(_ body: [UInt8]) -> [UInt8]? {
        var body = body
        while body.last == UInt8(ascii: "\n") { body.removeLast() }
        if body.isEmpty || body.contains(UInt8(ascii: "\n")) { return nil }
        let members = JSONMembers.members(of: body[...])
        guard members.contains(where: { $0.name == "age_ms" }) else { return body }
        return LiveState.object(members.filter { $0.name != "age_ms" })
    }
}
